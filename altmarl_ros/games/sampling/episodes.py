"""Samples an environment that can only be played from its start: a fleet whose agents act at random.

The environment is a parallel one as `environments.fleet_environment` makes them: an agent `coordinator` observes
`global_state`, all other agents are robots that observe `local_state`, and `infos[agent]["reward"]` is each one's own part of
the reward. If hidden states are declared, `infos["coordinator"]["hidden_state"]` tells the present one. Observations and
actions are the declared labels; without declared states they are the numbers of the environment's spaces.
"""

from __future__ import annotations

from typing import Any, Mapping, Protocol, Sequence, runtime_checkable

import numpy as np

from altmarl_ros.errors import GameError
from altmarl_ros.games.sampling.labels import Labels
from altmarl_ros.games.sampling.tally import Tally

_COORDINATOR = "coordinator"


@runtime_checkable
class ParallelEnvironment(Protocol):
    """What is used of PettingZoo's parallel environments."""

    possible_agents: list[str]
    agents: list[str]

    def observation_space(self, agent: str) -> Any:
        """The space of an agent's observations."""

    def action_space(self, agent: str) -> Any:
        """The space of an agent's actions."""

    def reset(self, seed: int | None = None) -> tuple[Any, Any]:
        """Begin an episode; returns observations and infos by agent."""

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, Any]:
        """Let all agents act; returns observations, rewards, terminations, truncations and infos by agent."""


def spaces_of(environment: ParallelEnvironment) -> tuple[Mapping[str, Sequence[Any]], Mapping[str, Sequence[Any]]]:
    """The states and actions of an environment whose spaces are numbers; a hidden state is in no space.

    Raises:
        GameError: it has no coordinator or no robots, or a space is no `Discrete`.
    """
    robots = _robots(environment)
    sizes: dict[str, Any] = {}
    for name, space in (
        ("global", environment.observation_space(_COORDINATOR)["global_state"]),
        ("local", environment.observation_space(robots[0])["local_state"]),
        ("global action", environment.action_space(_COORDINATOR)),
        ("local action", environment.action_space(robots[0])),
    ):
        if not hasattr(space, "n"):
            raise GameError(f"the {name} space is {type(space).__name__}, must be Discrete unless states are declared")
        sizes[name] = range(int(space.n))
    return (
        {"global": sizes["global"], "local": sizes["local"]},
        {"global": sizes["global action"], "local": sizes["local action"]},
    )


def sample_episodes(environment: ParallelEnvironment, labels: Labels, ticks: int, rng: np.random.Generator) -> Tally:
    """Play `ticks` ticks in as many episodes as they take, all actions at random.

    Raises:
        GameError: the environment tells a state that is not declared, or lacks what is told above.
    """
    tally, robots = Tally(labels.sizes), _robots(environment)
    seed: int | None = int(rng.integers(2**31))
    over, before, infos = True, (0, np.zeros(0, dtype=np.int64), 0), None
    for _ in range(ticks):
        if over:
            observations, infos = environment.reset(seed=seed)
            before, seed = _seen(observations, infos, robots, labels), None
        a_g, a_l = int(rng.integers(len(labels.global_actions))), rng.integers(len(labels.local_actions), size=len(robots))
        acted = {robot: labels.local_actions[a] for robot, a in zip(robots, a_l.tolist(), strict=True)}
        observations, _, ended, cut, infos = environment.step({_COORDINATOR: labels.global_actions[a_g], **acted})
        after = _seen(observations, infos, robots, labels)
        try:
            rewards = [float(infos[agent]["reward"]) for agent in (_COORDINATOR, *robots)]
        except KeyError as error:
            raise GameError(f"infos must tell every agent's own `reward`; {error} is missing") from None
        s_g, s_l, d = before
        tally.add_global(s_g, a_g, after[0], rewards[0])
        tally.add_robots((np.full_like(s_l, d), s_l, np.full_like(s_l, s_g), a_l), after[1], np.array(rewards[1:]))
        if labels.hidden_states:
            tally.hidden_moves[d, after[2]] += 1
        over, before = not environment.agents or all(ended.values()) or all(cut.values()), after
    return tally


def _robots(environment: ParallelEnvironment) -> list[str]:
    robots = [agent for agent in environment.possible_agents if agent != _COORDINATOR]
    if not robots or len(robots) == len(environment.possible_agents):
        raise GameError(f"an environment needs the agent {_COORDINATOR!r} and robots")
    return robots


def _seen(observations: Any, infos: Any, robots: list[str], labels: Labels) -> tuple[int, Any, int]:
    """s_g, s_l [n] and d (0 without one) by their numbers."""
    try:
        s_g = labels.number("global_states", observations[_COORDINATOR]["global_state"])
        s_l = [labels.number("local_states", observations[robot]["local_state"]) for robot in robots]
        d = labels.number("hidden_states", infos[_COORDINATOR]["hidden_state"]) if labels.hidden_states else 0
    except KeyError as error:
        raise GameError(f"the environment does not tell {error}") from None
    return s_g, np.array(s_l, dtype=np.int64), d
