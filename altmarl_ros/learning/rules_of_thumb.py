"""Rules of thumb for the coordinator of a game with a hidden state, to compare with what was learned.

Robots answer a rule by L-LEARN, and the best robots count, so that it is not blamed for robots that learned for another one.
"""

from __future__ import annotations

from typing import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games import TabularGame
from altmarl_ros.learning.evaluation import ALL_SEEN, TOLD, Evaluation
from altmarl_ros.learning.local_agent import l_learn
from altmarl_ros.learning.populations.population import Rollouts, simulate
from altmarl_ros.observation import Counts
from altmarl_ros.policies import GlobalPolicy, LocalPolicy

_CYCLES = (10, 25)  # ticks at a stop, of which the better one counts
_ANSWERS = 2  # of L-LEARN to a rule, each to the robots before


Choice = Callable[[int, NDArray[np.int64], Counts], NDArray[np.int64]]
"""Chooses actions [R] by the tick, s_g [R] and this tick's reports [R, S_l]."""


class RuleOfThumb:
    """Acts by a choice, with the interface of an observation model; it estimates and remembers nothing but the tick."""

    turnover = 1.0

    def __init__(self, game: TabularGame, choose: Choice) -> None:
        self._choose, self._S_l = choose, game.n_local_states
        self.reset(1)

    def decide(self, s_g: NDArray[np.int64], reports: Counts, n: int) -> NDArray[np.int64]:
        """See ObservationModel."""
        self._tick += 1
        return self._choose(self._tick, s_g, reports)

    def reset(self, runs: int) -> None:
        """See ObservationModel."""
        self._tick, self._runs = -1, runs

    def resume(self, shares: FloatArray, error: FloatArray, s_g: NDArray[np.int64]) -> None:
        """See ObservationModel."""
        self.reset(len(shares))

    def admit(self, joined: Counts) -> None:
        """See ObservationModel; a rule estimates nothing that they could join."""

    def adopt(self, game: TabularGame, pi_l: LocalPolicy, pi_g: GlobalPolicy) -> None:
        """See ObservationModel; a rule follows no policy."""

    @property
    def estimate(self) -> FloatArray:
        """See ObservationModel."""
        return np.full((self._runs, self._S_l), 1.0 / self._S_l)

    @property
    def error(self) -> FloatArray:
        """See ObservationModel."""
        return np.ones(self._runs)

    @property
    def rung(self) -> NDArray[np.int64]:
        """See ObservationModel."""
        return np.zeros(self._runs, dtype=np.int64)


def fixed(game: TabularGame) -> RuleOfThumb:
    """Make the rule that goes to the first stop and stays."""
    return RuleOfThumb(game, lambda tick, s_g, reports: np.zeros(len(s_g), dtype=np.int64))


def cyclic(game: TabularGame, ticks: int) -> RuleOfThumb:
    """Make the rule that goes on to the next stop after so many ticks."""
    return RuleOfThumb(game, lambda tick, s_g, reports: np.full(len(s_g), tick // ticks % game.n_global_actions))


def longest_queue(game: TabularGame) -> RuleOfThumb:
    """Make the rule that goes where most of the robots that were heard could earn, and stays if that is as good.

    Action a_g must lead to the global state of the same number.
    """
    r_l = game.r_l if game.hidden is None else game.hidden.r_l
    by_state = r_l.reshape(game.n_local_states, game.n_hidden_states, game.n_global_states, -1)
    served = (by_state.max(axis=(1, 3)) > 0).astype(np.int64)  # [s_l, s_g]

    def choose(tick: int, s_g: NDArray[np.int64], reports: Counts) -> NDArray[np.int64]:
        waiting = 2 * reports @ served
        waiting[np.arange(len(s_g)), s_g] += 1
        return np.asarray(waiting.argmax(axis=1), dtype=np.int64)

    return RuleOfThumb(game, choose)


def levels(evaluation: Evaluation, ks: Sequence[int], heard: int) -> dict[str, Rollouts]:
    """Play, in the same episodes, rules of thumb and then a learned pair that knows more and more.

    Args:
        evaluation: the game, the pair and the episodes.
        ks: reports per tick of the pair.
        heard: reports per tick of the rule that goes where most robots wait; it also plays with all robots seen.
    """
    game, n = evaluation.game, evaluation.start.n
    robots = (evaluation.bundle.pi_l, LocalPolicy.uniform(game))
    cycles = [_answered(evaluation, cyclic(game, ticks), 0, robots) for ticks in _CYCLES]
    return {
        "fixed": _answered(evaluation, fixed(game), 0, robots),
        "cyclic": max(cycles, key=lambda played: played.value),
        f"where most wait, {heard} heard": _answered(evaluation, longest_queue(game), heard, robots),
        "where most wait, all seen": _answered(evaluation, longest_queue(game), n, robots),
        **{f"learned, k = {k}": evaluation.rollouts("filtered", k) for k in ks},
        "learned, all seen": evaluation.rollouts(ALL_SEEN, n),
        "learned, and told": evaluation.rollouts(TOLD, n),
    }


def _answered(evaluation: Evaluation, rule: RuleOfThumb, k: int, robots: Sequence[LocalPolicy]) -> Rollouts:
    # The rule's episodes with the robots that serve it best: those given, and L-LEARN's answers to it.
    game, found = evaluation.game, []
    for given in robots:
        pi_l = given
        for left in range(_ANSWERS, -1, -1):
            rng = np.random.default_rng([evaluation.seed, 1])  # that of the evaluation: the same episodes
            start, horizon = evaluation.start, evaluation.horizon
            found.append(simulate(game, pi_l, rule, k=k, start=start, horizon=horizon, rng=rng))
            if left:
                pi_l = l_learn(game, found[-1].visits, given=pi_l).pi_l
    return max(found, key=lambda played: played.value)
