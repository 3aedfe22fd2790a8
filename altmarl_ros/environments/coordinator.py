"""The coordinator's side of a game as environments of Gymnasium: one fleet, or many that are simulated together.

An observation is a dictionary:

    global_state   s_g
    reports        how many of the k robots that were heard are in each local state [S_l]
    estimate       optional: what a filter makes of all reports so far, the shares of robots by local state [S_l], or with a
                   hidden state the probabilities of (d, s_l) [D * S_l]

An action is a_g. The reward is the team's, r_g(s_g, a_g) + (1/n) sum_i r_l(s_i, s_g, a_i), undiscounted; the game's discount
is `gamma`. Episodes never terminate; they are truncated after `horizon` ticks.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import batch_space

from altmarl_ros.arrays import FloatArray, IntArray
from altmarl_ros.environments.coordinator_simulation import CoordinatorSimulation, check_sizes
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import TabularGame
from altmarl_ros.policies import LocalPolicy, PolicyBundle

Observation = dict[str, Any]


class CoordinatorEnvironment(gymnasium.Env[Observation, np.int64]):
    """One fleet, seen and steered by its coordinator; made by `coordinator_environment`.

    The info of each step has `hidden_state` and `learned_action` where there are any, and `held`, how many robots were held
    back at full places.

    Attributes:
        gamma: the game's discount per tick.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012  # as Gymnasium declares it

    def __init__(
        self,
        game: TabularGame,
        policies: PolicyBundle | LocalPolicy | None = None,
        *,
        robots: int,
        k: int,
        horizon: int,
        estimate: bool,
    ) -> None:
        """See `coordinator_environment`."""
        check_sizes(game, robots=robots, k=k, horizon=horizon)
        self._fleet = CoordinatorSimulation(game, policies, robots=robots, k=k, runs=1, estimate=estimate)
        self.gamma, self._horizon, self._tick = game.gamma, horizon, 0
        self.observation_space = observation_space(game, min(k, robots), estimate=estimate)
        self.action_space = spaces.Discrete(game.n_global_actions)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode; a seed makes it and those that follow repeatable."""
        super().reset(seed=seed, options=options)
        self._fleet.reset(self.np_random)
        self._tick = 0
        return self._observed()

    def step(self, action: np.int64) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Take the global action, and let the robots act and move."""
        reward = self._fleet.step(np.array([action], dtype=np.int64))
        self._tick += 1
        observation, info = self._observed()
        return observation, float(reward[0]), False, self._tick >= self._horizon, info

    def _observed(self) -> tuple[Observation, dict[str, Any]]:
        observation = {name: values[0] for name, values in observed(self._fleet).items()}
        return observation, {name: values[0] for name, values in told(self._fleet).items()}


class CoordinatorEnvironments(gymnasium.vector.VectorEnv[Observation, IntArray, FloatArray]):
    """Many fleets, each with its own coordinator; made by `coordinator_environments`.

    All episodes end at the same tick. The step after that begins new ones (Gymnasium's `AutoresetMode.NEXT_STEP`): its actions
    are ignored and its rewards are 0.

    Attributes:
        gamma: the game's discount per tick.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012
        "render_modes": [],
        "autoreset_mode": gymnasium.vector.AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        game: TabularGame,
        policies: PolicyBundle | LocalPolicy | None = None,
        *,
        fleets: int,
        robots: int,
        k: int,
        horizon: int,
        estimate: bool,
    ) -> None:
        """See `coordinator_environments`."""
        check_sizes(game, robots=robots, k=k, horizon=horizon)
        if fleets < 1:
            raise AltmarlError(f"fleets is {fleets}, must be at least 1")
        self._fleets = CoordinatorSimulation(game, policies, robots=robots, k=k, runs=fleets, estimate=estimate)
        self.gamma, self._horizon, self._tick = game.gamma, horizon, 0
        self.num_envs = fleets
        self.single_observation_space = observation_space(game, min(k, robots), estimate=estimate)
        self.single_action_space = spaces.Discrete(game.n_global_actions)
        self.observation_space = batch_space(self.single_observation_space, fleets)
        self.action_space = batch_space(self.single_action_space, fleets)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode of every fleet; one seed, or the first of a list, is that of all."""
        super().reset(seed=seed[0] if isinstance(seed, list) else seed, options=options)
        self._begin()
        return observed(self._fleets), told(self._fleets)

    def step(self, actions: IntArray) -> tuple[Observation, FloatArray, Any, Any, dict[str, Any]]:
        """Take the global actions [fleets], and let all robots act and move."""
        no, over = np.zeros(self.num_envs, dtype=np.bool_), np.zeros(self.num_envs, dtype=np.bool_)
        if self._tick >= self._horizon:
            self._begin()
            return observed(self._fleets), np.zeros(self.num_envs), no, over, told(self._fleets)
        rewards = self._fleets.step(np.asarray(actions, dtype=np.int64))
        self._tick += 1
        over[:] = self._tick >= self._horizon
        return observed(self._fleets), rewards, no, over, told(self._fleets)

    def _begin(self) -> None:
        self._fleets.reset(self.np_random)
        self._tick = 0


def observation_space(game: TabularGame, k: int, *, estimate: bool) -> spaces.Dict:
    """The space of a coordinator's observations of k reports."""
    parts: dict[str, spaces.Space[Any]] = {
        "global_state": spaces.Discrete(game.n_global_states),
        "reports": spaces.Box(0, k, (game.n_local_states,), np.int64),
    }
    if estimate:
        parts["estimate"] = spaces.Box(0.0, 1.0, (game.n_hidden_states * game.n_local_states,), np.float32)
    return spaces.Dict(parts)


def observed(fleets: CoordinatorSimulation) -> Observation:
    """The observations of all coordinators by name, [R, ...] each."""
    observation = {"global_state": fleets.global_state.copy(), "reports": fleets.reports.copy()}
    if fleets.estimate is None:
        return observation
    return {**observation, "estimate": np.clip(fleets.estimate, 0.0, 1.0).astype(np.float32)}


def told(fleets: CoordinatorSimulation) -> dict[str, Any]:
    """What is told beside the observations, for who judges policies, [R] each."""
    given = {"held": fleets.held, "hidden_state": fleets.hidden_state, "learned_action": fleets.learned_action}
    return {name: values.copy() for name, values in given.items() if values is not None}
