"""The Kalman filter's two steps and the shares that it believes in, by dense or by sparse arithmetic.

Dense steps (kalman.py) use a linear algebra library; a ladder's decisions were recorded by them, and replay with them. Sparse
steps (sparse_kalman.py) serve hundreds of local states, and take every sum in one fixed order, so that a policy over shares
decides the same on every machine. Both work on means [R, S_l] and covariances [R, S_l, S_l] of R fleets, in place.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.compiled import njit
from altmarl_ros.games import TabularGame
from altmarl_ros.observation import kalman, sparse_kalman
from altmarl_ros.observation.model import Counts
from altmarl_ros.policies import GlobalPolicy, LocalPolicy
from altmarl_ros.policies.shares import SharesPolicy, SharesProcess
from altmarl_ros.workers import in_slices

_PER_ENTRY = 10  # operations of a prediction for each entry of the covariance, about


class KalmanSteps(Protocol):
    """How means and covariances follow one tick."""

    def predict(self, s_g: NDArray[np.int64], means: FloatArray, covariances: FloatArray, n: int) -> None:
        """Predict the shares after each of n robots has moved as robots do at global states [R]."""

    def correct(self, means: FloatArray, covariances: FloatArray, reports: Counts, numbers: Counts) -> None:
        """Correct the shares by the reports [R, S_l] of robots drawn without replacement from those of each type [T]."""

    def shares(self, means: FloatArray) -> FloatArray:
        """Return the nearest shares: not negative, and with sum 1 [R, S_l]."""


def make_steps(game: TabularGame, pi_l: LocalPolicy, pi_g: GlobalPolicy) -> KalmanSteps:
    """Make the steps by which a coordinator that acts by pi_g follows robots that act by pi_l."""
    return SparseSteps(pi_g.process) if isinstance(pi_g, SharesPolicy) else DenseSteps(pi_l.transition(game))


class DenseSteps:
    """Steps by kernels P [s_g, s_l, s_l']."""

    def __init__(self, P: FloatArray) -> None:
        self._P = P

    def predict(self, s_g: NDArray[np.int64], means: FloatArray, covariances: FloatArray, n: int) -> None:
        """See KalmanSteps."""
        kalman.predict(means, covariances, self._P[s_g], n)

    def correct(self, means: FloatArray, covariances: FloatArray, reports: Counts, numbers: Counts) -> None:
        """See KalmanSteps; there is one type."""
        kalman.correct(means, covariances, reports, int(numbers.sum()))

    def shares(self, means: FloatArray) -> FloatArray:
        """See KalmanSteps."""
        shares = np.maximum(means, 0.0)
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))


class SparseSteps:
    """Steps by the kernels of a process over shares."""

    def __init__(self, process: SharesProcess) -> None:
        self._arrays = process.arrays

    def predict(self, s_g: NDArray[np.int64], means: FloatArray, covariances: FloatArray, n: int) -> None:
        """See KalmanSteps."""

        def predict(runs: slice) -> None:
            _predict(self._arrays, s_g[runs], (means[runs], covariances[runs]), max(n, 1))

        in_slices(predict, len(means), covariances.size * _PER_ENTRY)

    def correct(self, means: FloatArray, covariances: FloatArray, reports: Counts, numbers: Counts) -> None:
        """See KalmanSteps; all robots heard are known exactly."""

        def correct(runs: slice) -> None:
            _correct((means[runs], covariances[runs]), reports[runs], numbers)

        in_slices(correct, len(means), covariances.size * means.shape[1])

    def shares(self, means: FloatArray) -> FloatArray:
        """See KalmanSteps."""
        shares = np.empty_like(means)
        _normalise(means, shares)
        return shares


@njit(nogil=True, cache=True)
def _predict(process, s_g, belief, n):  # type: ignore[no-untyped-def]
    means, covariances = belief
    for r in range(len(s_g)):
        row = process.kernel_of[s_g[r]] * means.shape[1]
        sparse_kalman.predict(process, row, means[r], covariances[r], n)


@njit(nogil=True, cache=True)
def _correct(belief, reports, numbers):  # type: ignore[no-untyped-def]
    means, covariances = belief
    for r in range(len(reports)):
        sparse_kalman.correct(means[r], covariances[r], reports[r], numbers)


@njit(nogil=True, cache=True)
def _normalise(means, out):  # type: ignore[no-untyped-def]
    for r in range(len(means)):
        total = 0.0
        for j in range(means.shape[1]):
            out[r, j] = max(means[r, j], 0.0)
            total += out[r, j]
        for j in range(means.shape[1]):
            out[r, j] /= total
