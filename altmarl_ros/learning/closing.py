"""Closes the gap that alternating best responses leave: the last stage of a training, by the search for responses.

Small teams that play the paper's rule by a ladder are searched exactly (`ExactArena`). Others are searched by episodes:

    global   G-LEARN's answer to the robots; for a ladder also what value vectors do on mixtures of reports and mean shares
    local    L-LEARN's answers to the coordinator as robots saw it, own and pooled, and as they would see it if it saw all
             robots; what pays most at once

from the trained pair, and from G-LEARN's answers to robots that learned for the other observation model, and to robots that do
what pays most at once.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from itertools import chain
from typing import Iterable, Iterator

import numpy as np

from altmarl_ros.games import TabularGame
from altmarl_ros.learning.comparison import MOST_BLOCKS, WORTH, PairComparison
from altmarl_ros.learning.gaps.equilibrium import fresh_rung, is_small
from altmarl_ros.learning.gaps.exact_responses import ExactArena, RungPair
from altmarl_ros.learning.gaps.exact_team import TeamGame
from altmarl_ros.learning.global_learners import GlobalLearner, Pair, SharesLearner, make_learner
from altmarl_ros.learning.local_agent import l_learn
from altmarl_ros.learning.local_responses import local_responses, views
from altmarl_ros.learning.populations.occupancy import Occupancy
from altmarl_ros.learning.response_search import SampledArena, Search, SearchResult
from altmarl_ros.learning.training_options import TrainingOptions
from altmarl_ros.learning.training_state import TrainingState
from altmarl_ros.policies import ActionTable, Ladder, LocalPolicy
from altmarl_ros.policies.counts import enumerate_counts, number_of_counts

_MORE_BLOCKS = 4  # times the episodes of a round for one comparison
_FEW_REPORTS = 5  # for which robots are learned whose only use is to be a start
_OTHER_ROUNDS = 2  # in which they are learned
_MIXTURES = (0.0, 2.0, 10.0)  # weights of the mean shares, in robots, when they are mixed with reports
_MOST_COUNTS = 5_000  # count vectors of the largest rung that is tabulated by value vectors


@dataclass(frozen=True)
class Closing:
    """What the last stage of a training uses.

    Attributes:
        game: the game.
        options: options of the training.
        learner: finds the coordinator's responses.
        comparison: plays pairs.
    """

    game: TabularGame
    options: TrainingOptions
    learner: GlobalLearner
    comparison: PairComparison

    def run(self, pair: Pair, seconds: float, round_seconds: float = 0.0) -> SearchResult[Pair]:
        """Search from the trained pair for so many seconds; a start is learned if that fits, by how long a round took [s]."""
        if self._enumerable(pair):
            return self._exactly(pair, seconds)
        end = time.monotonic() + seconds
        arena: SampledArena[Pair] = SampledArena(
            lambda held, block: self.comparison.scores(self.comparison.play(held, block)),
            self._responses,
            most_blocks=_MORE_BLOCKS * MOST_BLOCKS,
            worth=WORTH,
            over=lambda: time.monotonic() >= end,
        )
        return Search(arena, seconds, confidence=self.options.confidence).run(self._starts(pair, seconds, round_seconds))

    def _enumerable(self, pair: Pair) -> bool:
        game = self.game
        by_counts = isinstance(pair.pi_g, Ladder) and game.groups is None and game.initial.alpha.ndim == 1
        return by_counts and self.options.learn_for == "fresh" and is_small(game, self.options.n)

    def _exactly(self, pair: Pair, seconds: float) -> SearchResult[Pair]:
        arena = ExactArena(TeamGame(self.game, self.options.n), self.options.top)
        assert isinstance(pair.pi_g, Ladder)
        starts = chain([RungPair(pair.pi_g.rungs[-1], pair.pi_l)], arena.starts())
        found = Search(arena, seconds).run(starts)
        return SearchResult(
            Pair(self._ladder(found.pair.rung), found.pair.pi_l), found.closed, found.starts, found.tried, found.kept
        )

    def _ladder(self, rung: ActionTable) -> Ladder:
        game = self.game
        return Ladder.with_top(self.options.top, rung, game.n_local_states, game.n_global_actions, game.groups)

    def _responses(self, side: str, held: Pair) -> Iterable[Pair]:
        return self._of_coordinator(held) if side == "global" else self._of_robots(held)

    def _of_coordinator(self, held: Pair) -> Iterator[Pair]:
        occupancy = self.comparison.visits(held)
        counted = isinstance(held.pi_g, Ladder) and self.game.groups is None
        if counted and number_of_counts(self.options.top, self.game.n_local_states) <= _MOST_COUNTS:
            for rung in self._rungs_by_vectors(held.pi_l, occupancy):
                yield Pair(self._ladder(rung), held.pi_l)
        yield from self.learner.responses(TrainingState(held.pi_l, pi_g=held.pi_g), occupancy)

    def _rungs_by_vectors(self, pi_l: LocalPolicy, occupancy: Occupancy) -> Iterator[ActionTable]:
        # Actions [s_g, rank of c] of value vectors on E[N / n | c] at the start of an episode, and on (c + w m) / (k + w), m
        # the mean shares while s_g holds.
        (pair,) = SharesLearner(self.game, self.options).responses(TrainingState(pi_l), occupancy)
        yield fresh_rung(self.game, pair.pi_g, self.options.top, self.options.n)
        mean = occupancy.by_state() + 1e-12
        mean /= mean.sum(axis=1, keepdims=True)
        k = self.options.top
        counts = enumerate_counts(k, self.game.n_local_states)
        for w in _MIXTURES if k else (1.0,):
            by_state = [
                pair.pi_g.act_on_shares(np.full(len(counts), s_g), (counts + w * m) / (k + w)) for s_g, m in enumerate(mean)
            ]
            yield np.stack(by_state).astype(np.uint16)

    def _of_robots(self, held: Pair) -> Iterator[Pair]:
        known = {held.pi_l.probabilities.tobytes()}
        for pi_l in self._policies_of_robots(held):
            if pi_l.probabilities.tobytes() not in known:
                known.add(pi_l.probabilities.tobytes())
                yield self.learner.against(held.pi_g, pi_l)

    def _policies_of_robots(self, held: Pair) -> Iterator[LocalPolicy]:
        for occupancy in (self.comparison.visits(held), self.comparison.play_all_seen(held).visits):
            for view in views(self.game, occupancy):
                yield from self._local_responses(held.pi_l, view)
        if self.game.room is None:
            yield _paying_at_once(self.game)

    def _local_responses(self, pi_l: LocalPolicy, occupancy: Occupancy) -> list[LocalPolicy]:
        options = self.options
        return local_responses(self.game, pi_l, occupancy, n=options.n, temperature=options.temperature)

    def _starts(self, pair: Pair, seconds: float, round_seconds: float) -> Iterator[Pair]:
        yield pair
        if self.game.room is not None:  # other starts do not keep to the room
            return
        other = self.game.hidden is None and self.game.types is None  # else there is no other model
        if other and _OTHER_ROUNDS * round_seconds <= seconds:
            yield from self.learner.responses(TrainingState(self._learned_for_the_other_model()), None)
        if round_seconds <= seconds:
            yield from self.learner.responses(TrainingState(_paying_at_once(self.game)), None)

    def _learned_for_the_other_model(self) -> LocalPolicy:
        # A few rounds, of few reports where these are a ladder's.
        options = replace(self.options, learn_for="filtered")
        if self.options.learn_for == "filtered":
            options = replace(self.options, learn_for="fresh", K=min(self.options.K, _FEW_REPORTS))
        learner, comparison = make_learner(self.game, options), PairComparison(self.game, options)
        state = TrainingState(LocalPolicy.uniform(self.game))
        for _ in range(_OTHER_ROUNDS):
            (pair,) = learner.responses(state, None)
            occupancy = comparison.play(pair).visits
            state = TrainingState(l_learn(self.game, occupancy, options.temperature).pi_l, pi_g=pair.pi_g)
        return state.pi_l


def _paying_at_once(game: TabularGame) -> LocalPolicy:
    return LocalPolicy(np.eye(game.n_local_actions)[game.r_l.argmax(axis=2)])
