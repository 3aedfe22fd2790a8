"""How many robots of each type a coordinator knows of, the draw of reports by type, and estimates that agree with both.

The shares of the types in a fleet are known, since every robot says its type when it joins. So k reports are drawn by type:
type t gets k_t of them, with E k_t = k n_t / n, and then every robot of the type is as likely as every other (`allocated`). An
estimate sums to w_t = n_t / n over the states of type t. When robots join or leave, it is scaled to the new shares
(`Strata.fit`). So a recorded estimate tells how many robots of each type there were (`numbers_in`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.compiled import njit
from altmarl_ros.games.robot_types import RobotTypes
from altmarl_ros.games.start import Start

IntArray = NDArray[np.int64]


def allocated(k: int | IntArray, numbers: IntArray, u: IntArray) -> IntArray:
    """How many of k reports are of each type [.., T], by systematic sampling: E is k n_t / n, and none is off by 1 or more.

    Args:
        k: reports, at most n [..] or one number for all.
        numbers: robots of each type [T], n in all.
        u: a uniform draw from 0 .. n - 1 each [..].
    """
    n = max(1, int(numbers.sum()))
    upto = np.concatenate([[0], np.cumsum(numbers)])
    return np.asarray(np.diff((np.asarray(k)[..., None] * upto + u[..., None]) // n, axis=-1))


def numbers_in(estimate: ArrayLike, live: int, types: RobotTypes) -> IntArray:
    """The robots of each type [T] in a fleet of `live` robots, for which a model decided with this estimate [S_l]."""
    shares = types.by_type(np.asarray(estimate, dtype=np.float64))
    return np.asarray(np.rint(shares * live), dtype=np.int64)


class Strata:
    """The types of a fleet, for one estimate of it; in a game without types all robots are of one."""

    def __init__(self, types: RobotTypes | None, start: Start) -> None:
        self._types = types
        if types is not None:
            self._first, self._between, self._within = type_moments(start)
        self._given: IntArray | None = None
        self.reset()

    def reset(self) -> None:
        """Begin with an estimate that is the mean of the start: the types have their shares in the game."""
        self._is_start = True
        self._shares = np.ones(1) if self._types is None else self._types.shares

    def resume(self, shares: FloatArray) -> None:
        """Begin with estimated shares [R, S_l], which say the shares of the types; they are alike in all fleets."""
        self._is_start = False
        if self._types is not None:
            self._shares = np.asarray(self._types.by_type(shares[0]))

    def count(self, numbers: IntArray) -> None:
        """Say how many robots of each type there are [T]; it holds for fleets of that many robots."""
        self._given = numbers

    def fit(self, means: FloatArray, covariances: FloatArray, n: int) -> IntArray:
        """Scale means [R, .., S_l] and covariances [R, S_l, S_l] to a fleet of n robots, in place.

        Returns:
            the robots of each type [T], at least one in all.
        """
        types = self._types
        if types is None:
            return np.array([max(n, 1)])
        if n < 1:
            return types.numbers(1)
        given = self._given
        numbers = given if given is not None and int(given.sum()) == n else types.numbers(n)
        if self._is_start:
            self._is_start = False
            covariances += self._within / np.repeat(np.maximum(numbers, 1), types.n_places)
        self._scale(types, numbers / n, means, covariances)
        return numbers

    def settle(self, shares: FloatArray) -> None:
        """Scale estimates [R, D * S_l] so that each type has its share, in place; clipping at 0 may have changed it."""
        if self._types is not None:
            _settle(shares, np.asarray(self._shares, dtype=np.float64), self._types.n_places)

    def _scale(self, types: RobotTypes, shares: FloatArray, means: FloatArray, covariances: FloatArray) -> None:
        if np.array_equal(shares, self._shares):
            return
        known = self._shares > 0.0
        factor = np.repeat(np.where(known, shares / np.where(known, self._shares, 1.0), 0.0), types.n_places)
        means *= factor
        covariances *= factor[:, None] * factor
        for t in np.flatnonzero(~known & (shares > 0.0)):  # its first robots: they are where a start would have them
            block, scale = types.block(int(t)), shares[t] / types.shares[t]
            means[..., block] = scale * self._first[block]
            covariances[:, block, block] = scale**2 * (self._between + self._within)[block, block]
        self._shares = shares


def type_moments(start: Start) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The moments of a start with types, of shares of the fleet.

    Returns:
        mean [S_l]; covariance of the shares from which robots are drawn [S_l, S_l], types with a common draw correlated; and
        what the draw of a single robot adds to it, to be divided by the number of robots of each type [S_l, S_l].
    """
    types = start.types
    assert types is not None
    P, S_l = types.n_places, len(start.alpha)
    mean, between, within = np.empty(S_l), np.zeros((S_l, S_l)), np.zeros((S_l, S_l))
    for t, draw in enumerate(start.draw_of):
        alpha, w = start.draws[draw], types.shares[t]
        p, A = alpha / alpha.sum(), float(alpha.sum())
        spread = np.diag(p) - np.outer(p, p)
        mean[types.block(t)] = w * p
        within[types.block(t), types.block(t)] = w * w * spread * (A / (A + 1.0))
        for other in np.flatnonzero(start.draw_of == draw):
            between[types.block(t), types.block(int(other))] = w * types.shares[other] * spread / (A + 1.0)
    assert P * len(types) == S_l
    return mean, between, within


@njit(nogil=True, cache=True)
def _settle(estimates, shares, P):  # type: ignore[no-untyped-def]
    T = len(shares)
    D = estimates.shape[1] // (T * P)
    for r in range(len(estimates)):
        for t in range(T):
            total = 0.0
            for d in range(D):
                for j in range(P):
                    total += estimates[r, (d * T + t) * P + j]
            if total > 0.0:
                for d in range(D):
                    for j in range(P):
                        estimates[r, (d * T + t) * P + j] *= shares[t] / total
