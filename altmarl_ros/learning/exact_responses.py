"""Responses of both sides in teams small enough to enumerate, by exact values, under the paper's rule.

The coordinator hears a fresh k-subset of n robots. Tried are

    global   G-LEARN's rung; the present rung, G-LEARN's, that of each action for ever and some random ones, improved by
             exact values of the team in which they are played (`improved_global`); all rungs where these are few
    local    L-LEARN's answers to the occupancy, own and pooled, of the pair and of a coordinator that sees all; the best
             answer to each s_g and s_l by single changes

so that no response is judged by a surrogate. The certificate searches by itself: it tries all policies of the robots where
there are few, and other starts for the coordinator.
"""

from __future__ import annotations

from itertools import product
from typing import Iterable, Iterator, NamedTuple

import numpy as np

from altmarl_ros.learning.deviations import improved_global
from altmarl_ros.learning.exact_team import TeamGame
from altmarl_ros.learning.gap_rate import best_rung
from altmarl_ros.learning.local_agent import l_learn, pooled
from altmarl_ros.learning.response_search import Gain
from altmarl_ros.policies import ActionTable, LocalPolicy
from altmarl_ros.policies.counts import number_of_counts

PRECISION = 1e-9
"""Share of the value that a gain must exceed to count as one."""

_ALL_RUNGS_UP_TO = 256
_RANDOM_STARTS = 6


class RungPair(NamedTuple):
    """A rung [s_g, rank of c] of k reports, and the policy of all robots."""

    rung: ActionTable
    pi_l: LocalPolicy


class ExactArena:
    """An `Arena` of a team of n robots, of which a fresh subset of k reports."""

    def __init__(self, team: TeamGame, k: int) -> None:
        self._team, self._k = team, k
        self._values: dict[bytes, float] = {}

    def value(self, pair: RungPair) -> float:
        """The team's expected discounted reward from its start."""
        key = np.asarray(pair.rung).tobytes() + pair.pi_l.probabilities.tobytes()
        if key not in self._values:
            self._values[key] = self._team.value(self._team.response(pair.rung), pair.pi_l)
        return self._values[key]

    def gain(self, candidate: RungPair, held: RungPair, confidence: float) -> Gain:
        """See Arena; a difference within PRECISION is none."""
        before = self.value(held)
        gain = self.value(candidate) - before
        return Gain(gain if abs(gain) > PRECISION * (1.0 + abs(before)) else 0.0)

    def responses(self, side: str, held: RungPair) -> Iterable[RungPair]:
        """See Arena."""
        return self._of_coordinator(held) if side == "global" else self._of_robots(held)

    def starts(self) -> Iterator[RungPair]:
        """Pairs to begin from: G-LEARN's answers to uniform robots and to robots that do what pays at once, and L-LEARN's
        answers to a coordinator that keeps to one action, with G-LEARN's answer to these.
        """
        game = self._team.game
        yield self._answered(LocalPolicy.uniform(game))
        yield self._answered(LocalPolicy(np.eye(game.n_local_actions)[game.r_l.argmax(axis=2)]))
        shape = (game.n_global_states, number_of_counts(self._k, game.n_local_states))
        for a_g in range(game.n_global_actions):
            rung = np.full(shape, a_g, dtype=np.uint16)
            occupancy = self._team.local_occupancy(self._team.response(rung), LocalPolicy.uniform(game))
            yield self._answered(l_learn(game, occupancy).pi_l)

    def _answered(self, pi_l: LocalPolicy) -> RungPair:
        return RungPair(self._g_learned(pi_l), pi_l)

    def _g_learned(self, pi_l: LocalPolicy) -> ActionTable:
        game = self._team.game
        if self._k == 0:  # only constants by s_g; those that pay at once, to be improved
            return np.ascontiguousarray(game.r_g.argmax(axis=1)[:, None], dtype=np.uint16)
        return best_rung(game, pi_l, self._k, self._team.memory_limit)

    def _of_coordinator(self, held: RungPair) -> Iterator[RungPair]:
        learned = self._g_learned(held.pi_l)
        yield RungPair(learned, held.pi_l)
        constants = [np.full_like(learned, a_g) for a_g in range(self._team.game.n_global_actions)]
        for begin in (held.rung, learned, *constants):
            yield self._improved(begin, held)
        A_g, cells = self._team.game.n_global_actions, learned.size
        if A_g**cells <= _ALL_RUNGS_UP_TO:
            for actions in product(range(A_g), repeat=cells):
                yield RungPair(np.array(actions, dtype=np.uint16).reshape(learned.shape), held.pi_l)
            return
        rng = np.random.default_rng(1)  # the certificate begins elsewhere
        for _ in range(_RANDOM_STARTS):
            yield self._improved(rng.integers(A_g, size=learned.shape, dtype=np.uint16), held)

    def _improved(self, begin: ActionTable, held: RungPair) -> RungPair:
        return RungPair(improved_global(self._team, begin, held.pi_l)[1], held.pi_l)

    def _of_robots(self, held: RungPair) -> Iterator[RungPair]:
        team, pi_l = self._team, held.pi_l
        seen = team.local_occupancy(team.response(held.rung), pi_l)
        game = team.game
        all_seen_action = np.eye(game.n_global_actions)[team.action_values(team.best_values(pi_l), pi_l).argmax(axis=2)]
        for occupancy in (seen, team.local_occupancy(all_seen_action, pi_l)):
            for view in (occupancy, pooled(occupancy)):
                yield RungPair(held.rung, l_learn(game, view).pi_l)
        for s_l, s_g, a_l in product(*(range(size) for size in pi_l.probabilities.shape)):
            changed = pi_l.probabilities.copy()
            changed[s_l, s_g] = np.eye(game.n_local_actions)[a_l]
            if not np.array_equal(changed, pi_l.probabilities):
                yield RungPair(held.rung, LocalPolicy(changed))
