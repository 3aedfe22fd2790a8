"""Computes exactly what the team could gain if one side of a pair (pi_g, pi_l) changes and the other stays.

There are three deviations. For each, `best` is the most that a deviator could earn, and `found` is what a policy of the
paper's class earns:

    global      best: the optimum of the MDP on (s_g, N), for a coordinator that sees all n robots. It bounds the gain
                of every pi_g, with memory or without.
                found: a rung pi_g(s_g, c) of k reports, by occupancy-weighted policy iteration.
    one robot   best: the optimum of the MDP on (s_g, s_1, R), R the counts of the n - 1 others, for a deviator that
                sees all of it. It bounds the gain of every policy of one robot.
                found: a policy pi_l(s_l, s_g) of one robot.
    all robots  best: the optimum of the MDP on (s_g, N) whose action D says how many robots of each state take each
                action, for one decision maker who sees everything. It bounds the gain of all local policies, shared
                or not.
                found: one pi_l(s_l, s_g) that all robots play.

A policy of the class sees only a part of the state and has no memory, so the best one is hard to find. The policies
behind `found` are evaluated exactly, which makes `found` a lower bound on the best of the class; `best` is an upper bound.
For k = n the two global values agree.
"""

from __future__ import annotations

from itertools import product
from math import inf
from typing import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import ResourceError
from altmarl_ros.learning.count_kernel import check_table, count_kernel, subset_distribution
from altmarl_ros.learning.exact_team import TeamGame, fixed_point, ranks_with_one_more, rung_reports
from altmarl_ros.learning.local_agent import l_learn
from altmarl_ros.policies import ActionTable, LocalPolicy
from altmarl_ros.policies.counts import enumerate_counts, number_of_counts, rank_counts

_ENUMERATE_UP_TO = 512  # deterministic local policies; if there are more, they are searched by single changes
_ENUMERATE_WORK = 20_000_000  # entries of all their kernels: seconds
_RANDOM_STARTS = 4  # rungs from which the search for a better rung begins, beside those that are given


def best_global(team: TeamGame, pi_l: LocalPolicy) -> float:
    """Compute the value of the best coordinator that sees all robots, against pi_l; no pi_g earns more."""
    return float((team.start * team.best_values(pi_l)).sum())


def found_global(
    team: TeamGame, rung: ActionTable, pi_l: LocalPolicy, others: Iterable[ActionTable] = ()
) -> tuple[float, ActionTable]:
    """Find a rung [s_g, rank of c] of as many reports that is at least as good as `rung`, and return its value and the rung.

    The search (`improved_global`) begins from `rung`, from `others`, and from some random rungs. For k = n the result is the
    best rung.
    """
    rng = np.random.default_rng(0)
    starts = [rung, *others]
    starts += [rng.integers(team.game.n_global_actions, size=np.shape(rung), dtype=np.uint16) for _ in range(_RANDOM_STARTS)]
    return max((improved_global(team, start, pi_l) for start in starts), key=lambda entry: entry[0])


def improved_global(team: TeamGame, rung: ActionTable, pi_l: LocalPolicy) -> tuple[float, ActionTable]:
    """Improve `rung` [s_g, rank of c] against pi_l, and return the value and the rung; for k = n it is the best one.

    A step changes the rung to the actions that are greedy to sum_N d(N, s_g) H(c | N) Q(N, s_g, a), d the occupancy. If
    all these changes together do not raise the exact value, only the most promising half of them is made, then a quarter,
    and so on.
    """
    heard = subset_distribution(team.n, rung_reports(rung, team.game.n_local_states), team.game.n_local_states)
    table = np.array(rung)
    q = team.response(table)
    V = team.values(q, pi_l)
    value = float((team.start * V).sum())
    while True:
        weighted = np.einsum("ng,nc,nga->gca", team.occupancy(q, pi_l), heard, team.action_values(V, pi_l))
        promise = weighted.max(axis=2) - np.take_along_axis(weighted, table[..., None].astype(np.intp), axis=2)[..., 0]
        order = np.argsort(-promise, axis=None)
        changes = int((promise > 1e-12 * (1.0 + abs(value))).sum())
        while changes:
            candidate = table.copy()
            candidate.flat[order[:changes]] = weighted.argmax(axis=2).flat[order[:changes]]
            q = team.response(candidate)
            V = team.values(q, pi_l)
            if float((team.start * V).sum()) > value + _least_gain(value):
                break
            changes //= 2
        else:
            return value, table
        table, value = candidate, float((team.start * V).sum())


class OneRobot:
    """The game of one robot that deviates from pi_l while n - 1 keep to it and the coordinator plays q [rank of N, s_g, a].

    Its values V are [s_1, rank of R, s_g].

    Raises:
        ResourceError: the tables do not fit the team's memory limit.
    """

    def __init__(self, team: TeamGame, q: FloatArray, pi_l: LocalPolicy) -> None:
        game, n = team.game, team.n
        self._team, self._L = team, game.n_local_states
        others = number_of_counts(n - 1, self._L)
        check_table(
            f"the deviation of one of {n} robots",
            game.n_global_states * others * (others + 3 * self._L * (game.n_local_actions + game.n_global_states)),
            team.memory_limit,
        )
        R = enumerate_counts(n - 1, self._L)
        N = ranks_with_one_more(n, self._L).T  # [s_1, R]
        self._kernels = np.stack([count_kernel(P, n - 1) for P in pi_l.transition(game)])
        self._moves = game.gamma * np.einsum("nga,gah->ngh", q, game.P_g)[N]  # [s_1, R, s_g, s_g']
        self._reward = np.einsum("nga,ga->ng", q, game.r_g)[N] + R @ pi_l.reward(game).T / n
        # Robots are exchangeable: each of the n robots is the deviator with the same probability.
        self.start = team.start[N] * ((R.T + 1.0) / n)[:, :, None]

    def _ahead(self, V: FloatArray) -> FloatArray:
        """Expected discounted V by the next state of the deviator [s_1, R, s_g, s_1']."""
        L, R, S_g = V.shape
        others = self._kernels @ V.transpose(1, 2, 0).reshape(R, S_g * L)  # [s_g, R, (s_g', s_1')]
        others = others.reshape(S_g, R, S_g, L).transpose(1, 0, 2, 3)
        return np.asarray((self._moves[..., None, :] @ others)[..., 0, :])

    def _action_values(self, V: FloatArray) -> FloatArray:  # [s_1, R, s_g, a]
        game = self._team.game
        own = game.r_l.transpose(0, 2, 1)[:, None].transpose(0, 1, 3, 2) / self._team.n  # [s_1, 1, s_g, a]
        return np.asarray(self._reward[..., None] + own + np.einsum("lgaj,lxgj->lxga", game.P_l, self._ahead(V)))

    def best(self) -> float:
        """Compute the team value if the deviator sees (s_g, s_1, R) and plays optimally."""
        V = fixed_point(lambda V: self._action_values(V).max(axis=3), self._reward, self._team.game.gamma)
        return float((self.start * V).sum())

    def value(self, own: LocalPolicy) -> float:
        """Compute the team value if the deviator plays `own`."""
        P = own.transition(self._team.game).transpose(1, 0, 2)[:, None]  # [s_1, 1, s_g, s_1']
        reward = self._reward + own.reward(self._team.game).T[:, None] / self._team.n
        V = fixed_point(lambda V: reward + (self._ahead(V) * P).sum(axis=3), reward, self._team.game.gamma)
        return float((self.start * V).sum())


def best_all(team: TeamGame, q: FloatArray, most_work: float = inf) -> float:
    """Compute the team value if one decision maker who sees everything acts for all robots, and the coordinator plays q.

    Raises:
        ResourceError: the table over all D does not fit the team's memory limit, or its kernels have more than `most_work`
            entries, each of which counts in some hundred sweeps.
    """
    game, n = team.game, team.n
    L, A, S_g = game.n_local_states, game.n_local_actions, game.n_global_states
    types = L * A
    check_table(
        f"one mind for {n} robots", (S_g + 1) * number_of_counts(n, types) * (number_of_counts(n, L) + types), team.memory_limit
    )
    work = S_g * number_of_counts(n, types) * number_of_counts(n, L)
    if work > most_work:
        raise ResourceError(f"one mind for {n} robots has kernels of {work:,} entries, over the limit of {most_work:,.0f}")
    D = enumerate_counts(n, types)
    owner = rank_counts(D.reshape(len(D), L, A).sum(axis=2))  # the N in which D is a possible action
    order = np.argsort(owner, kind="stable")
    first = np.searchsorted(owner[order], np.arange(len(team.N)))
    kernels = np.stack([count_kernel(game.P_l[:, g].reshape(types, L), n)[order] for g in range(S_g)])
    own = (D @ game.r_l.transpose(0, 2, 1).reshape(types, S_g) / n)[order]  # [D, s_g]
    reward = np.einsum("nga,ga->ng", q, game.r_g)
    moves = (game.gamma * np.einsum("nga,gah->ngh", q, game.P_g))[owner[order]]

    def sweep(V: FloatArray) -> FloatArray:
        return np.asarray(reward + np.maximum.reduceat(own + np.einsum("dgh,gdh->dg", moves, kernels @ V), first, axis=0))

    return float((team.start * fixed_point(sweep, reward, game.gamma)).sum())


def found_local(
    team: TeamGame,
    q: FloatArray,
    pi_l: LocalPolicy,
    value: Callable[[LocalPolicy], float],
) -> tuple[float, LocalPolicy]:
    """Find a pi_l(s_l, s_g) at least as good as pi_l under `value`, and return its value and the policy.

    If there are few deterministic policies in a small team, all of them are tried. Otherwise the search climbs by single
    changes, from pi_l and from the L-LEARN response.
    """
    shape = pi_l.probabilities.shape
    cells, A = shape[0] * shape[1], shape[2]
    if A**cells <= _ENUMERATE_UP_TO and A**cells * shape[1] * len(team.N) ** 2 <= _ENUMERATE_WORK:
        choices = (np.array(actions).reshape(shape[:2]) for actions in product(range(A), repeat=cells))
        tried = [(value(_deterministic(choice, A)), _deterministic(choice, A)) for choice in choices]
        return max([(value(pi_l), pi_l), *tried], key=lambda entry: entry[0])
    response = l_learn(team.game, team.local_occupancy(q, pi_l)).pi_l
    return max((_climb(start, value) for start in (pi_l, response)), key=lambda entry: entry[0])


def _climb(pi_l: LocalPolicy, value: Callable[[LocalPolicy], float]) -> tuple[float, LocalPolicy]:
    held, best = pi_l, value(pi_l)
    S_l, S_g, A = pi_l.probabilities.shape
    since, cells = 0, list(product(range(S_l), range(S_g)))
    at = 0
    while since < len(cells):  # until no change of a single cell improves the value
        cell = cells[at]
        at, since = (at + 1) % len(cells), since + 1
        for a in range(A):
            p = held.probabilities.copy()
            p[cell] = np.eye(A)[a]
            if np.array_equal(p, held.probabilities):
                continue
            changed = value(LocalPolicy(p))
            if changed > best + _least_gain(best):
                held, best, since = LocalPolicy(p), changed, 0
    return best, held


def _deterministic(actions: NDArray[np.int64], A: int) -> LocalPolicy:
    return LocalPolicy(np.eye(A)[actions])


def _least_gain(value: float) -> float:
    return 1e-9 * (1.0 + abs(value))  # ten times the precision of fixed points
