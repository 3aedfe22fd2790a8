"""The two computations of experiments: learn a pair of policies, and play one."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from altmarl_ros.errors import AltmarlError
from altmarl_ros.experiments.task import Task
from altmarl_ros.games.start import Start
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.learning.alternating import LEARNABLE, TrainingOptions, train
from altmarl_ros.learning.counts.backups import GLearnOptions
from altmarl_ros.learning.counts.global_agent import g_learn
from altmarl_ros.learning.evaluation import Evaluation, common_start
from altmarl_ros.learning.populations.robot_kernels import draw_kernels
from altmarl_ros.observation.catalogue import DEFAULT_TURNOVER
from altmarl_ros.policies import LocalPolicy, PolicyBundle
from altmarl_ros.policies.counts import number_of_counts

ONE_THREAD = GLearnOptions(threads=1)
"""Every task uses one thread, since several run at a time, and since times of different k are compared."""

_MOST_ROBOTS = 20_000_000


def learn(game: TabularGame, bundle: None, *, K: int, robots: int, runs: int, seed: int, learn_for: str) -> PolicyBundle:
    """Train a pair for K reports by ALTERNATING-MARL; the bundle's report tells the seconds, without those of compilation."""
    compile_loops()
    options = TrainingOptions(K=K, n=robots, runs=runs, seed=seed, learn_for=learn_for, certificate_runs=0, g_learn=ONE_THREAD)
    return train(game, options)


def learn_task(game: TabularGame, K: int, *, robots: int, runs: int, seed: int, learn_for: str) -> Task:
    """Make a task that calls `learn`."""
    parameters = {"K": K, "robots": robots, "runs": runs, "seed": seed, "learn_for": learn_for}
    return Task(learn, game, None, parameters, cost=1000.0 + number_of_counts(K, game.n_local_states))


def play(
    game: TabularGame,
    bundle: PolicyBundle | None,
    *,
    rule: str,
    k: int,
    robots: int,
    runs: int,
    horizon: int,
    seed: int,
    turnover: float = DEFAULT_TURNOVER,
    loss: float = 0.0,
    spread: float | None = None,
    announced: float = 0.0,
) -> dict[str, list[float]]:
    """Play `runs` episodes by a rule of `evaluation.RULES`; gives each one's return, mode accuracy and share held back.

    Starts and random numbers depend on the seed alone, so that differences between rules and k are paired.
    With a spread the robots have kernels of their own and are simulated one by one (see `individuals`). In the share
    `announced` of ticks the coordinator is told the hidden state.
    """
    assert bundle is not None
    if spread is not None and runs * robots > _MOST_ROBOTS:
        raise AltmarlError(f"{runs} runs of {robots} robots one by one are too many at once; take at most {_MOST_ROBOTS:,}")
    kernels = None if spread is None else draw_kernels(game, robots, spread, np.random.default_rng([seed, 4]))
    stage = Evaluation(game, bundle, common_start(game, robots, runs, seed), horizon, seed, kernels)
    played = stage.rollouts(rule, k, turnover, loss, announced=announced)
    held = np.broadcast_to(played.held, played.returns.shape)
    return {"returns": played.returns.tolist(), "mode_accuracy": played.mode_hits.tolist(), "held": held.tolist()}


def play_task(game: TabularGame, bundle: PolicyBundle, cost: float = 1.0, **parameters: Any) -> Task:
    """Make a task that calls `play`."""
    return Task(play, game, bundle, parameters, cost)


@lru_cache(maxsize=1)
def compile_loops() -> None:
    """Compile every loop of G-LEARN once per process, so that compilation counts in no training's time."""
    tiny = TabularGame(
        "tiny",
        np.full((1, 2, 1), 1.0),
        np.full((3, 1, 1, 3), 1 / 3) * 0.5 + 0.5 * np.eye(3)[:, None, None],
        np.zeros((1, 2)),
        np.arange(3.0)[:, None, None],
        gamma=0.5,
        start=Start(np.ones(1), np.ones(3)),
    )
    # 561 count vectors: enough that G-LEARN starts from a coarser game
    g_learn(tiny, LocalPolicy.uniform(tiny), 32, GLearnOptions(backup="exact", threads=1))
    for learn_for in LEARNABLE:
        options = TrainingOptions(K=1, rounds=1, n=2, runs=2, learn_for=learn_for, certificate_runs=0, g_learn=ONE_THREAD)
        train(tiny, options)
