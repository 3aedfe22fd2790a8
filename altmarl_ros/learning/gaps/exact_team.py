"""Solves the game of the whole team exactly, on the counts of all n robots.

With N the counts of all n robots, the pair (s_g, N) is a Markov chain for every k. The coordinator hears a fresh uniform
k-subset, drawn without replacement, so that given (s_g, N) it plays

    q(a | s_g, N) = sum_c H(c | N) [pi_g(s_g, c) = a],   H hypergeometric (module count_kernel)

With K the kernel of counts under pi_l the team earns

    V(N, s_g) = sum_a q(a | s_g, N) { r_g(s_g, a) + gamma sum_s' P_g(s' | s_g, a) sum_N' K(N' | N, s_g) V(N', s') }
                + (1/n) sum_j N_j r_pi(j, s_g),

over the infinite horizon. Fixed points are computed by sweeps with MacQueen's bounds (see global_agent) until the bounds
enclose the value within PRECISION of its scale; the middle of the bounds is returned.
"""

from __future__ import annotations

from typing import Callable

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import TabularGame
from altmarl_ros.learning.counts.count_kernel import check_table, count_kernel, start_distribution, subset_distribution
from altmarl_ros.policies import ActionTable, LocalPolicy
from altmarl_ros.policies.counts import enumerate_counts, number_of_counts, rank_counts

PRECISION = 1e-10
"""Width of the bounds on a value, relative to the largest value, or to 1 if that is larger."""

DEFAULT_MEMORY = 1 << 29
"""Number of bytes that the tables of one team may take."""


class TeamGame:
    """Computes exact values for a team of n robots.

    Attributes:
        game: the game.
        n: the number of robots.
        N: all count vectors of n robots [rank, S_l].

    Raises:
        ResourceError: the tables do not fit the memory limit; nothing was allocated.
    """

    def __init__(self, game: TabularGame, n: int, memory_limit: int = DEFAULT_MEMORY) -> None:
        """Check the size; the kernels are made when first needed, and kept by their transition matrix."""
        if n < 1:
            raise AltmarlError(f"n is {n}, must be at least 1")
        game.check_seen("enumerating a team")
        game.check_alike("enumerating a team")
        self.game, self.n, self.memory_limit = game, n, memory_limit
        check_table(f"the exact team game for n={n} on {game.n_local_states} local states", table_size(game, n), memory_limit)
        self.N = enumerate_counts(n, game.n_local_states)
        self._start = start_distribution(game.initial.alpha, n)
        self._kernels: dict[bytes, FloatArray] = {}
        self._kept_kernels = max(2 * game.n_global_states, memory_limit // (16 * len(self.N) ** 2))

    @property
    def start(self) -> FloatArray:
        """The distribution of the first state [rank of N, s_g]."""
        return np.outer(self._start, self.game.initial.rho_g)

    def kernels(self, pi_l: LocalPolicy) -> FloatArray:
        """Tabulate K(N' | N, s_g) under pi_l [s_g, rank of N, rank of N']."""
        return np.stack([self._kernel(P) for P in pi_l.transition(self.game)])

    def _kernel(self, P: FloatArray) -> FloatArray:
        key = P.tobytes()
        if key not in self._kernels:
            if len(self._kernels) >= self._kept_kernels:
                self._kernels.clear()
            self._kernels[key] = count_kernel(P, self.n)
        return self._kernels[key]

    def response(self, rung: ActionTable) -> FloatArray:
        """Compute the response q(a | s_g, N) [rank of N, s_g, a] of a rung [s_g, rank of c]; a rung for k = n sees all robots.

        Raises:
            AltmarlError: the rung is for more reports than there are robots.
        """
        k = rung_reports(rung, self.game.n_local_states)
        if k > self.n:
            raise AltmarlError(f"the rung is for {k} reports, there are only {self.n} robots")
        heard = subset_distribution(self.n, k, self.game.n_local_states)
        actions = np.eye(self.game.n_global_actions)[np.asarray(rung)]  # [s_g, c, a]
        return np.ascontiguousarray(np.einsum("nc,gca->nga", heard, actions))

    def local_reward(self, pi_l: LocalPolicy) -> FloatArray:
        """Compute (1/n) sum_j N_j r_pi(j, s_g) [rank of N, s_g]."""
        return np.asarray(self.N @ pi_l.reward(self.game).T / self.n)

    def values(self, q: FloatArray, pi_l: LocalPolicy) -> FloatArray:
        """Compute V [rank of N, s_g] of the coordinator's response q [rank of N, s_g, a] and pi_l."""
        reward = self.local_reward(pi_l) + np.einsum("nga,ga->ng", q, self.game.r_g)
        moves = self.game.gamma * np.einsum("nga,gah->ngh", q, self.game.P_g)
        kernels = self.kernels(pi_l)
        return fixed_point(lambda V: reward + np.einsum("ngh,gnh->ng", moves, kernels @ V), reward, self.game.gamma)

    def value(self, q: FloatArray, pi_l: LocalPolicy) -> float:
        """Compute the team's expected discounted reward from the game's start distribution."""
        return float((self.start * self.values(q, pi_l)).sum())

    def action_values(self, V: FloatArray, pi_l: LocalPolicy) -> FloatArray:
        """Compute Q [rank of N, s_g, a] without the robots' reward of this tick, which does not depend on a."""
        game = self.game
        return np.asarray(game.r_g + game.gamma * np.einsum("gah,gnh->nga", game.P_g, self.kernels(pi_l) @ V))

    def best_values(self, pi_l: LocalPolicy) -> FloatArray:
        """Compute V* [rank of N, s_g] of the best coordinator that sees all robots, against pi_l; no pi_g earns more."""
        local, kernels, game = self.local_reward(pi_l), self.kernels(pi_l), self.game

        def sweep(V: FloatArray) -> FloatArray:
            Q = game.r_g + game.gamma * np.einsum("gah,gnh->nga", game.P_g, kernels @ V)
            return np.asarray(local + Q.max(axis=2))

        return fixed_point(sweep, local, game.gamma)

    def occupancy(self, q: FloatArray, pi_l: LocalPolicy) -> FloatArray:
        """Compute the discounted share of time in (N, s_g) from the start [rank of N, s_g]; it sums to 1."""
        moves = np.einsum("nga,gah->ngh", q, self.game.P_g)
        kernels, gamma = self.kernels(pi_l), self.game.gamma
        total, now, weight = np.zeros_like(self.start), self.start, 1.0 - gamma
        while True:
            total += weight * now
            weight *= gamma
            following = np.einsum("ng,ngh,gnm->mh", now, moves, kernels, optimize=["einsum_path", (0, 1), (0, 1)])
            if np.abs(following - now).sum() * weight / (1.0 - gamma) ** 2 < PRECISION:  # bounds the sum of all later changes
                return np.asarray(total + weight / (1.0 - gamma) * following)
            now = following

    def local_occupancy(self, q: FloatArray, pi_l: LocalPolicy) -> FloatArray:
        """Compute the discounted weight of (s_g, s_l, a_g) over robots [S_g, S_l, A_g], as in `Rollouts.occupancy`."""
        return np.asarray(np.einsum("ng,nl,nga->gla", self.occupancy(q, pi_l), self.N / self.n, q))


def fixed_point(sweep: Callable[[FloatArray], FloatArray], V: FloatArray, gamma: float) -> FloatArray:
    """Iterate a discounted Bellman operator from V to its fixed point, within PRECISION / 2 of the scale of the values."""
    factor = gamma / (1.0 - gamma)
    while True:
        following = sweep(V)
        change = following - V
        low, high = float(change.min()), float(change.max())
        if factor * (high - low) <= PRECISION * max(1.0, float(np.abs(following + factor * high).max())):
            return np.asarray(following + factor * (low + high) / 2.0)
        V = following


def table_size(game: TabularGame, n: int) -> int:
    """Count the float64 values that the kernels, the response and a sweep of the team game hold."""
    M, S_g = number_of_counts(n, game.n_local_states), game.n_global_states
    return 2 * S_g * M * M + M * M + M * S_g * (2 * game.n_global_actions + 3 * S_g)


def rung_reports(rung: ActionTable, L: int) -> int:
    """Compute the number of reports of a rung [s_g, rank of c] from its width; with one local state it counts as 0."""
    width = np.shape(rung)[1]
    k = 0
    while number_of_counts(k, L) < width and L > 1:
        k += 1
    return k


def ranks_with_one_more(n: int, L: int) -> FloatArray:
    """Tabulate the ranks of N = R + e_j among counts of n robots, for counts R of n - 1 robots [rank of R, j]."""
    rest = enumerate_counts(n - 1, L)
    return np.stack([rank_counts(rest + e) for e in np.eye(L, dtype=rest.dtype)], axis=1)
