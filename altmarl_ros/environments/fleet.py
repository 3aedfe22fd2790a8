"""A whole game as a parallel environment of PettingZoo: the coordinator and every robot are agents, and share one reward.

The agent `coordinator` observes a dictionary with `global_state` and `reports`, how many of the k robots that it heard are in
each local state [S_l]; its action is a_g. The agents `robot_1` to `robot_n` each observe a dictionary with `local_state` and
`global_state`; their action is a_l. All act at once. Everybody's reward is the team's, r_g + (1/n) sum_i r_l, undiscounted.
Episodes are truncated after `horizon` ticks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from pettingzoo.utils.env import ParallelEnv

from altmarl_ros.arrays import FloatArray
from altmarl_ros.environments.coordinator import observation_space
from altmarl_ros.environments.coordinator_simulation import check_actions, check_sizes
from altmarl_ros.environments.robot_world import RobotWorld
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import TabularGame

COORDINATOR = "coordinator"


class FleetEnvironment(ParallelEnv):  # type: ignore[misc]
    """One fleet of which everybody acts by policies from outside; made by `fleet_environment`.

    The info of every agent has `reward`, its own part of the team's reward: r_g of the coordinator, r_l of a robot. That of the
    coordinator has `hidden_state` as well, which nobody observes, in a game that has one; that of a robot `held`.

    Attributes:
        gamma: the game's discount per tick.
        game: the game that is played.
    """

    metadata: dict[str, Any] = {"name": "altmarl_fleet", "render_modes": [], "is_parallelizable": True}  # noqa: RUF012
    render_mode = None

    def __init__(self, game: TabularGame, *, robots: int, k: int, horizon: int) -> None:
        """See `fleet_environment`."""
        check_sizes(game, robots=robots, k=k, horizon=horizon)
        if game.continuous is not None:
            raise AltmarlError(f"the game {game.name!r} has continuous states, and robots of this environment have cells only")
        self.game, self.gamma = game, game.gamma
        self._world, self._k, self._horizon, self._tick = RobotWorld(game, robots), min(k, robots), horizon, 0
        self._robots = [f"robot_{i}" for i in range(1, robots + 1)]
        self.possible_agents = [COORDINATOR, *self._robots]
        self.agents: list[str] = []
        seen: dict[str, spaces.Space[Any]] = {
            "local_state": spaces.Discrete(game.n_local_states),
            "global_state": spaces.Discrete(game.n_global_states),
        }
        self.observation_spaces = {
            COORDINATOR: observation_space(game, self._k, estimate=False),
            **{robot: spaces.Dict(seen) for robot in self._robots},
        }
        self.action_spaces = {
            COORDINATOR: spaces.Discrete(game.n_global_actions),
            **{robot: spaces.Discrete(game.n_local_actions) for robot in self._robots},
        }
        self._rng = np.random.default_rng()

    def observation_space(self, agent: str) -> spaces.Dict:
        """The space of an agent's observations."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Discrete:
        """The space of an agent's actions."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Begin an episode; a seed makes it and those that follow repeatable."""
        if seed is not None:
            self._rng = np.random.default_rng(seed)
        self._world.reset(self._rng)
        self._tick, self.agents = 0, list(self.possible_agents)
        return self._observed(), self._told(0.0, np.zeros(len(self._robots)))

    def step(
        self, actions: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """Let all agents act at once.

        Raises:
            AltmarlError: an agent has no action or one that is out of range, or the episode is over.
        """
        missing = next((agent for agent in self.possible_agents if agent not in actions), None)
        if not self.agents or missing is not None:
            raise AltmarlError(f"{missing} has no action" if self.agents else "the episode is over: reset the environment")
        chosen = np.array([actions[robot] for robot in self._robots], dtype=np.int64)
        a_g = int(actions[COORDINATOR])
        check_actions("a_l", chosen, self.game.n_local_actions)
        check_actions("a_g", np.array([a_g]), self.game.n_global_actions)
        r_g, r_l = self._world.step(a_g, chosen, self._rng)
        self._tick += 1
        agents, over = self.agents, self._tick >= self._horizon
        if over:
            self.agents = []
        team = r_g + float(r_l.mean())
        stopped, truncated = dict.fromkeys(agents, False), dict.fromkeys(agents, over)
        return self._observed(), dict.fromkeys(agents, team), stopped, truncated, self._told(r_g, r_l)

    def state(self) -> FloatArray:
        """The global state, and the number of robots in each local state [1 + S_l], for critics that see everything."""
        everybody = np.arange(len(self._robots))
        return np.concatenate([self._world.s_g, self._world.counts(everybody)]).astype(np.float64)

    def _observed(self) -> dict[str, Any]:
        s_g = self._world.s_g[0]
        heard = self._rng.choice(len(self._robots), size=self._k, replace=False)
        seen = {robot: {"local_state": s, "global_state": s_g} for robot, s in zip(self._robots, self._world.s_l, strict=True)}
        return {COORDINATOR: {"global_state": s_g, "reports": self._world.counts(heard)}, **seen}

    def _told(self, r_g: float, r_l: FloatArray) -> dict[str, dict[str, Any]]:
        d = self._world.d
        hidden = {} if d is None else {"hidden_state": int(d[0])}
        each = zip(self._robots, r_l.tolist(), self._world.held.tolist(), strict=True)
        return {COORDINATOR: {"reward": r_g, **hidden}, **{robot: {"reward": r, "held": held} for robot, r, held in each}}
