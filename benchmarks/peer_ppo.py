"""PPO of skrl on JAX, which learns a coordinator in one of our Gymnasium environments (requirements/peers.txt)."""

from __future__ import annotations

import logging
import tempfile
import time
from typing import Callable, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import skrl
from gymnasium.vector import VectorEnv
from skrl.agents.jax.ppo import PPO, PPO_CFG
from skrl.envs.wrappers.jax import wrap_env
from skrl.memories.jax import RandomMemory
from skrl.models.jax import CategoricalMixin, DeterministicMixin, Model
from skrl.resources.preprocessors.jax import RunningStandardScaler
from skrl.resources.schedulers.jax import KLAdaptiveLR
from skrl.trainers.jax import StepTrainer
from skrl.utils import set_seed

ROLLOUT = 64  # ticks of every fleet between two updates
SETTINGS = {
    "rollouts": ROLLOUT,
    "learning_epochs": 8,
    "mini_batches": 8,
    "gae_lambda": 0.95,
    "learning_rate": 1e-3,
    "learning_rate_scheduler": KLAdaptiveLR,
    "learning_rate_scheduler_kwargs": {"kl_threshold": 0.01},
    "ratio_clip": 0.2,
    "value_clip": 0.2,
    "grad_norm_clip": 0.5,
    "time_limit_bootstrap": True,
    "experiment": {"write_interval": 0, "checkpoint_interval": 0},
}
WIDTHS = (64, 64)

_CACHE = tempfile.TemporaryDirectory(prefix="jax_")

Decide = Callable[[np.ndarray], np.ndarray]  # from observations [R, ...] to actions [R]


class Checkpoint(NamedTuple):
    """How PPO decides after so many processor seconds and ticks of all fleets."""

    seconds: float
    ticks: int
    decide: Decide


class Policy(CategoricalMixin, Model):
    """Logits of the global actions."""

    def __init__(self, observation_space, action_space, **kwargs) -> None:
        Model.__init__(self, observation_space=observation_space, action_space=action_space, **kwargs)
        CategoricalMixin.__init__(self)

    @nn.compact
    def __call__(self, inputs, role):
        x = inputs["observations"]
        for width in WIDTHS:
            x = nn.tanh(nn.Dense(width)(x))
        return nn.Dense(self.num_actions)(x), {}


class Value(DeterministicMixin, Model):
    """The value of an observation."""

    def __init__(self, observation_space, action_space, **kwargs) -> None:
        Model.__init__(self, observation_space=observation_space, action_space=action_space, **kwargs)
        DeterministicMixin.__init__(self)

    @nn.compact
    def __call__(self, inputs, role):
        x = inputs["observations"]
        for width in WIDTHS:
            x = nn.tanh(nn.Dense(width)(x))
        return nn.Dense(1)(x), {}


def train(fleets: VectorEnv, gamma: float, *, updates: int, seed: int) -> list[Checkpoint]:
    """Train for `updates` updates; the checkpoints are before the first, after 1, 2, 4, 8, .. of them, and after the last."""
    skrl.logger.setLevel(logging.ERROR)
    set_seed(seed)
    env = wrap_env(fleets, wrapper="gymnasium", verbose=False)
    models = {
        "policy": Policy(env.observation_space, env.action_space),
        "value": Value(env.observation_space, env.action_space),
    }
    for role, model in models.items():
        model.init_state_dict(role=role)
    scalers = {
        "observation_preprocessor": RunningStandardScaler,
        "observation_preprocessor_kwargs": {"size": env.observation_space},
        "value_preprocessor": RunningStandardScaler,
        "value_preprocessor_kwargs": {"size": 1},
    }
    agent = PPO(
        models=models,
        memory=RandomMemory(memory_size=ROLLOUT, num_envs=env.num_envs),
        observation_space=env.observation_space,
        action_space=env.action_space,
        cfg=PPO_CFG(**SETTINGS, **scalers, discount_factor=gamma),
    )
    trainer = StepTrainer(
        env=env, agents=agent, cfg={"timesteps": updates * ROLLOUT, "headless": True, "disable_progressbar": True}
    )
    checkpoints, spent = [Checkpoint(0.0, 0, _deciding(agent))], 0.0
    for update in range(1, updates + 1):
        began = time.process_time()
        for _ in range(ROLLOUT):
            trainer.train()
        spent += time.process_time() - began
        if update & (update - 1) == 0 or update == updates:
            checkpoints.append(Checkpoint(spent, update * ROLLOUT * env.num_envs, _deciding(agent)))
    return checkpoints


def compile_once(fleets: VectorEnv, gamma: float) -> None:
    """Compile what `train` calls in these environments; what was compiled is kept for as long as the process runs."""
    if _CACHE.name != jax.config.jax_compilation_cache_dir:
        jax.config.update("jax_compilation_cache_dir", _CACHE.name)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    train(fleets, gamma, updates=1, seed=0)


def _deciding(agent: PPO) -> Decide:
    """The most likely action of the present policy, frozen."""
    policy, params = agent.policy, jax.tree.map(jnp.copy, agent.policy.state_dict.params)
    scaler = agent._observation_preprocessor
    mean, deviation = np.array(scaler.running_mean), np.sqrt(np.array(scaler.running_variance))
    apply = jax.jit(lambda observations: policy.apply(params, {"observations": observations}, "policy")[0])

    def decide(observations: np.ndarray) -> np.ndarray:
        scaled = np.clip((observations - mean) / (deviation + 1e-8), -5.0, 5.0)
        return np.asarray(apply(jnp.asarray(scaled, dtype=jnp.float32))).argmax(axis=1)

    return decide
