"""Rules of thumb for the coordinator of a game with a hidden state, to compare with what was learned.

A rule has the interface of an observation model. Robots answer it by L-LEARN, and the best robots count, so that a rule is not
blamed for robots that learned for another coordinator.
"""

from __future__ import annotations

from typing import Sequence

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


class RuleOfThumb:
    """Chooses actions [R] by the tick, s_g [R] and this tick's reports [R, S_l]."""

    turnover = 1.0

    def __init__(self, game: TabularGame) -> None:
        self._stops, self._tick = game.n_global_actions, -1
        self._estimate = np.full((1, game.n_local_states), 1.0 / game.n_local_states)

    def choose(self, tick: int, s_g: NDArray[np.int64], reports: Counts) -> NDArray[np.int64]:
        """Choose actions [R]."""
        raise NotImplementedError

    def decide(self, s_g: NDArray[np.int64], reports: Counts, n: int) -> NDArray[np.int64]:
        """See ObservationModel."""
        self._tick += 1
        return self.choose(self._tick, s_g, reports)

    def reset(self, runs: int) -> None:
        """See ObservationModel."""
        self._tick = -1
        self._estimate = np.tile(self._estimate[:1], (runs, 1))

    def resume(self, shares: FloatArray, error: FloatArray, s_g: NDArray[np.int64]) -> None:
        """See ObservationModel; a rule remembers nothing."""

    def adopt(self, game: TabularGame, pi_l: LocalPolicy, pi_g: GlobalPolicy) -> None:
        """See ObservationModel; a rule follows no policy."""

    @property
    def estimate(self) -> FloatArray:
        """See ObservationModel; a rule estimates nothing."""
        return self._estimate

    @property
    def error(self) -> FloatArray:
        """See ObservationModel."""
        return np.ones(len(self._estimate))

    @property
    def rung(self) -> NDArray[np.int64]:
        """See ObservationModel."""
        return np.zeros(len(self._estimate), dtype=np.int64)


class Fixed(RuleOfThumb):
    """Goes to the first stop and stays."""

    def choose(self, tick: int, s_g: NDArray[np.int64], reports: Counts) -> NDArray[np.int64]:
        """See RuleOfThumb."""
        return np.zeros(len(s_g), dtype=np.int64)


class Cyclic(RuleOfThumb):
    """Goes on to the next stop after so many ticks."""

    def __init__(self, game: TabularGame, ticks: int) -> None:
        super().__init__(game)
        self._each = ticks

    def choose(self, tick: int, s_g: NDArray[np.int64], reports: Counts) -> NDArray[np.int64]:
        """See RuleOfThumb."""
        return np.full(len(s_g), tick // self._each % self._stops)


class LongestQueue(RuleOfThumb):
    """Goes where most of the robots that were heard could earn, and stays where it is if that is as good.

    Actions must be named by the global states that they lead to, one for each.
    """

    def __init__(self, game: TabularGame) -> None:
        super().__init__(game)
        r_l = game.r_l if game.hidden is None else game.hidden.r_l
        by_state = r_l.reshape(game.n_local_states, game.n_hidden_states, game.n_global_states, -1)
        self._served = (by_state.max(axis=(1, 3)) > 0).astype(np.int64)  # [s_l, s_g]

    def choose(self, tick: int, s_g: NDArray[np.int64], reports: Counts) -> NDArray[np.int64]:
        """See RuleOfThumb."""
        waiting = 2 * reports @ self._served
        waiting[np.arange(len(s_g)), s_g] += 1
        return np.asarray(waiting.argmax(axis=1), dtype=np.int64)


def levels(evaluation: Evaluation, ks: Sequence[int], heard: int) -> dict[str, Rollouts]:
    """Play, in the same episodes, rules of thumb and then a learned pair that knows more and more.

    Args:
        evaluation: the game, the pair and the episodes.
        ks: reports per tick of the pair.
        heard: reports per tick of the rule that goes where most robots wait; it also plays with all robots seen.
    """
    game, n = evaluation.game, evaluation.start.n
    robots = (evaluation.bundle.pi_l, LocalPolicy.uniform(game))
    cycles = [_answered(evaluation, Cyclic(game, ticks), 0, robots) for ticks in _CYCLES]
    return {
        "fixed": _answered(evaluation, Fixed(game), 0, robots),
        "cyclic": max(cycles, key=lambda played: played.value),
        f"where most wait, {heard} heard": _answered(evaluation, LongestQueue(game), heard, robots),
        "where most wait, all seen": _answered(evaluation, LongestQueue(game), n, robots),
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
