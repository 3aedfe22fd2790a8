"""Samples a step function, the generative oracle: it can be asked what follows any state and action.

Every combination of a robot's state and action with the coordinator's state (and a hidden state) is asked `samples` times, and
the coordinator's actions are asked in turn beside them, so that one call serves all tables.
"""

from __future__ import annotations

from itertools import product
from typing import Any, Callable, NamedTuple

import numpy as np

from altmarl_ros.errors import GameError
from altmarl_ros.games.sampling.labels import Labels
from altmarl_ros.games.sampling.tally import Tally


class Situation(NamedTuple):
    """What a step function is asked about, by the declared labels: the coordinator and one robot, before a tick."""

    global_state: Any
    global_action: Any
    local_state: Any
    local_action: Any
    hidden_state: Any = None


class Outcome(NamedTuple):
    """What follows: the states after the tick, and the tick's rewards of the coordinator and of the robot."""

    global_state: Any
    local_state: Any
    global_reward: float
    local_reward: float
    hidden_state: Any = None


Step = Callable[[Situation, np.random.Generator], "Outcome | tuple[Any, ...]"]


def sample_steps(step: Step, labels: Labels, samples: int, rng: np.random.Generator) -> Tally:
    """Ask a step function about everything.

    Raises:
        GameError: an outcome is none, has a state that is not declared, or a reward that is not finite.
    """
    sizes = labels.sizes
    tally, (S_g, A_g, S_l, A_l, D) = Tally(sizes), sizes
    rounds = max(samples, -(-samples * A_g // (D * S_l * A_l)))  # so that every (s_g, a_g) is asked `samples` times as well
    asked = 0
    for s_g, d, s_l, a_l in product(range(S_g), range(D), range(S_l), range(A_l)):
        for _ in range(rounds):
            a_g = asked % A_g
            asked += 1
            _ask(step, labels, (s_g, a_g, s_l, a_l, d), rng, tally)
    return tally


def _ask(step: Step, labels: Labels, at: tuple[int, int, int, int, int], rng: np.random.Generator, tally: Tally) -> None:
    s_g, a_g, s_l, a_l, d = at
    hidden = labels.hidden_states[d] if labels.hidden_states else None
    situation = Situation(
        labels.global_states[s_g], labels.global_actions[a_g], labels.local_states[s_l], labels.local_actions[a_l], hidden
    )
    given = step(situation, rng)
    try:
        outcome = Outcome(*given)
        rewards = float(outcome.global_reward), float(outcome.local_reward)
    except (TypeError, ValueError):
        raise GameError(
            "a step must return (global state, local state, global reward, local reward[, hidden state]), "
            f"not {type(given).__name__}"
        ) from None
    tally.add_global(s_g, a_g, labels.number("global_states", outcome.global_state), rewards[0])
    tally.add_local((d, s_l, s_g, a_l), labels.number("local_states", outcome.local_state), rewards[1])
    if labels.hidden_states:
        tally.hidden_moves[d, labels.number("hidden_states", outcome.hidden_state)] += 1
