"""The one entry to sampling: takes a step function or an environment, and returns a sampled game."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import numpy as np

from altmarl_ros.errors import GameError
from altmarl_ros.games.sampling.episodes import ParallelEnvironment, sample_episodes, spaces_of
from altmarl_ros.games.sampling.labels import Labels
from altmarl_ros.games.sampling.oracle import Step, sample_steps
from altmarl_ros.games.sampling.sampled_game import SampledGame
from altmarl_ros.games.start import Start


def sample_game(
    source: Step | ParallelEnvironment,
    *,
    states: Mapping[str, Sequence[Any]] | None = None,
    actions: Mapping[str, Sequence[Any]] | None = None,
    samples: int = 200,
    gamma: float = 0.95,
    name: str = "sampled",
    start: Start | None = None,
    seed: int = 0,
) -> SampledGame:
    """Make a game from samples of a simulator.

    A step function `step(situation, rng)` is asked about every combination of states and actions. It gets a `Situation` and a
    random generator, and returns an `Outcome`, or a tuple (global state, local state, global reward, local reward), with the
    hidden state last where there is one. A parallel environment such as `fleet_environment` makes is played from its start,
    with random actions: what it does not reach is hardly visited.

    Args:
        source: the step function, or the environment.
        states: labels under `global` and `local`, and under `hidden` where a hidden state moves everybody; an environment of
            numbered spaces needs none, unless it has a hidden state.
        actions: labels under `global` and `local`; likewise.
        samples: how often each combination is asked; of an environment the number of ticks that are played.
        gamma: discount per tick.
        name: name of the game.
        start: distribution of the first states; None: all alike.
        seed: seed of all random numbers.

    Raises:
        GameError: something is not declared, or the simulator gives what is not declared.
        ResourceError: the tables would fill more than 1 GiB.
    """
    if samples < 1:
        raise GameError(f"samples is {samples}, must be at least 1")
    rng = np.random.default_rng(seed)
    if isinstance(source, ParallelEnvironment):
        own_states, own_actions = spaces_of(source) if states is None or actions is None else (states, actions)
        labels = Labels.declared(states or own_states, actions or own_actions)
        return SampledGame.of(name, sample_episodes(source, labels, samples, rng), labels, gamma, start)
    if states is None or actions is None:
        raise GameError("a step function needs states and actions")
    labels = Labels.declared(states, actions)
    return SampledGame.of(name, sample_steps(source, labels, samples, rng), labels, gamma, start)
