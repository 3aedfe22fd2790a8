"""Simulates fleets whose robots differ: robot i has its own kernel P_i, drawn around the game's P_l.

    P_i[s_l, s_g, a_l, .] ~ Dirichlet(kappa P_l[s_l, s_g, a_l, .]),   kappa = 1 / spread^2 - 1,

independently for every robot and row. Then E P_i = P_l, and each probability p of a row has the standard deviation
spread * sqrt(p (1 - p)). Spread 0 is the game itself; at spread 1 every robot is deterministic, with next states that are
drawn once and for all. The mean kernel is P_l at every spread, so that one pair of policies, learned for P_l, can be
played at all of them.

Counts do not describe such a fleet completely. So every robot is moved by itself, at a cost of O(n) per tick.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.compiled import njit
from altmarl_ros.errors import AltmarlError, ResourceError
from altmarl_ros.games import TabularGame
from altmarl_ros.games.kernels import LocalKernel
from altmarl_ros.learning.coordinator_response import response_to
from altmarl_ros.learning.local_agent import best_local_response, greedy
from altmarl_ros.learning.occupancy import Occupancy
from altmarl_ros.learning.population import Fleets, next_global_states
from altmarl_ros.observation import Counts, draw_without_replacement, kept_robots

_MOST_BYTES = 1 << 30
_UNDERFLOW = 1e-250


def draw_kernels(game: TabularGame, n: int, spread: float, rng: np.random.Generator) -> FloatArray:
    """Draw the kernels of n robots [i, s_l, s_g, a_l, s_l'].

    Raises:
        AltmarlError: the spread is not in [0, 1].
        ResourceError: the kernels would take more than 1 GiB.
    """
    if not 0.0 <= spread <= 1.0:
        raise AltmarlError(f"spread is {spread}, must be in 0..1")
    if n * game.P_l.nbytes > _MOST_BYTES:
        raise ResourceError(f"{n} robots with kernels of their own need {n * game.P_l.nbytes / 2**20:,.0f} MiB; take fewer")
    shape = (n, *game.P_l.shape)
    if spread == 0.0:
        return np.array(np.broadcast_to(game.P_l, shape))
    if spread < 1.0:
        weights = rng.standard_gamma((1.0 / spread**2 - 1.0) * game.P_l, size=shape)
        total = weights.sum(axis=-1, keepdims=True)
        if (total > _UNDERFLOW).all():
            return np.asarray(weights / total)
        # The spread is so close to 1 that gamma variables underflow; such rows are one-hot to any precision.
    one_hot = _chosen(np.cumsum(game.P_l, axis=-1), rng.random(shape[:-1]))[..., None] == np.arange(game.n_local_states)
    if spread == 1.0:
        return np.asarray(one_hot, dtype=np.float64)
    return np.asarray(np.where(total > _UNDERFLOW, weights / np.maximum(total, _UNDERFLOW), one_hot))


def best_responses(game: TabularGame, kernels: FloatArray, occupancy: FloatArray | Occupancy) -> FloatArray:
    """Compute the policy of every robot that knows its own kernel [i, s_l, s_g, a_l], by L-LEARN (see `l_learn`)."""
    response, own = response_to(game, occupancy), (LocalKernel.from_dense(kernel) for kernel in kernels)
    return np.stack([greedy(best_local_response(replace(game, local_kernel=kernel), response)) for kernel in own])


class Individuals:
    """A Population (see `population`) of robots that each have their own kernel; the same n robots play every run.

    Args:
        game: the game whose P_l the kernels replace.
        policies: pi_l [1, s_l, s_g, a_l] if all robots share it, or one policy per robot [i, s_l, s_g, a_l].
        kernels: P_i [i, s_l, s_g, a_l, s_l'].
        start: counts of the first states; which robot starts in which state is drawn.
        rng: the generator of that draw.
    """

    def __init__(
        self,
        game: TabularGame,
        policies: FloatArray,
        kernels: FloatArray,
        start: Fleets,
        rng: np.random.Generator,
    ) -> None:
        self._game = game
        self.s_g, self.counts = start.s_g, start.counts
        zones = np.arange(game.n_local_states)
        self.states = rng.permuted(np.array([np.repeat(zones, row) for row in start.counts]), axis=1)  # [R, i]
        self._kept = np.empty((len(start.counts), 0), dtype=np.int64)  # robots that stay polled [R, some]
        self._pi = np.cumsum(policies, axis=-1)
        self._P = np.cumsum(kernels, axis=-1)
        self._r_l = np.ascontiguousarray(game.r_l)

    def poll(self, k: int, turnover: float, rng: np.random.Generator) -> Counts:
        """See Population."""
        k = min(k, self.states.shape[1])
        stay = min(k, kept_robots(k, turnover))
        if stay == 0 and self._kept.shape[1] == 0:  # only the counts matter, not which robots report
            return draw_without_replacement(self.counts, k, rng)
        order = rng.random(self.states.shape)
        np.put_along_axis(order, self._kept, -1.0, axis=1)
        heard = np.argsort(order, axis=1)[:, :k]
        self._kept = rng.permuted(heard, axis=1)[:, :stay]
        return _counts(np.take_along_axis(self.states, heard, axis=1), self.counts.shape[1])

    def step(self, a_g: NDArray[np.int64], rng: np.random.Generator) -> FloatArray:
        """See Population."""
        rewards = np.zeros(len(self.states))
        u = rng.random((*self.states.shape, 2))
        _move(self.states, self.s_g, u, (self._pi, self._P, self._r_l), rewards)
        self.counts = _counts(self.states, self.counts.shape[1])
        rewards = self._game.r_g[self.s_g, a_g] + rewards / self.states.shape[1]
        self.s_g = next_global_states(self._game, self.s_g, a_g, rng)
        return np.asarray(rewards)


def _counts(states: NDArray[np.int64], L: int) -> Counts:
    return np.stack([(states == j).sum(axis=1) for j in range(L)], axis=1)


def _chosen(cumulative: FloatArray, u: FloatArray) -> NDArray[np.int64]:
    return np.asarray((u[..., None] >= cumulative[..., :-1]).sum(axis=-1))


@njit(nogil=True, cache=True)
def _move(states, s_g, u, tables, rewards):  # type: ignore[no-untyped-def]
    """Move every robot by inverse transform sampling, in place, and add the local rewards to `rewards` [R].

    states [R, i]; u [R, i, 2] uniform; tables = (pi [1 or i, s_l, s_g, a_l], P [i, s_l, s_g, a_l, s_l'], both cumulative, r_l).
    """
    pi, P, r_l = tables
    for r in range(states.shape[0]):
        g = s_g[r]
        for i in range(states.shape[1]):
            s = states[r, i]
            own = i if pi.shape[0] > 1 else 0
            a = 0
            while a < pi.shape[3] - 1 and u[r, i, 0] >= pi[own, s, g, a]:
                a += 1
            after = 0
            while after < P.shape[4] - 1 and u[r, i, 1] >= P[i, s, g, a, after]:
                after += 1
            rewards[r] += r_l[s, g, a]
            states[r, i] = after
