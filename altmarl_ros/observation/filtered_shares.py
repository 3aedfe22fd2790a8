"""The filtered estimate, acted on by value vectors over shares: for any number of local states and of reports."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.compiled import njit
from altmarl_ros.games.tabular import Start
from altmarl_ros.observation import sparse_kalman
from altmarl_ros.observation.model import Counts
from altmarl_ros.policies.shares import SharesPolicy


class FilteredShares:
    """Carries an estimate from tick to tick (module sparse_kalman) and acts by one step of lookahead on it.

    A start that is a mixture enters by its mean and covariance.
    """

    turnover = 1.0

    def __init__(self, start: Start, policy: SharesPolicy) -> None:
        self.adopt(policy)
        alpha = np.atleast_2d(start.alpha)
        total = alpha.sum(axis=1, keepdims=True)
        means = alpha / total
        mean = np.asarray(sum(means) / len(means))
        covariance = np.zeros((len(mean), len(mean)))
        for p, weight in zip(means, total[:, 0], strict=True):  # of each part of the mixture, and between these
            covariance += (np.diag(p) - np.outer(p, p)) / (weight + 1.0) + np.outer(p - mean, p - mean)
        self._prior = mean, covariance / len(means)
        self.reset(1)

    def adopt(self, policy: SharesPolicy) -> None:
        """Robots and coordinator act by these policies from the next decision on; the move under way is by the one before."""
        self._policy = policy

    def reset(self, runs: int) -> None:
        """Back to the start distribution."""
        mean, covariance = self._prior
        self._mean = np.tile(mean, (runs, 1))
        self._covariance = np.tile(covariance, (runs, 1, 1))
        self._heard = np.zeros(runs, dtype=np.int64)
        self._last: NDArray[np.int64] | None = None
        self._under_way = self._policy.process

    def resume(self, shares: FloatArray, error: FloatArray, s_g: NDArray[np.int64]) -> None:
        """See ObservationModel. The covariance is not known: the multinomial one with that largest deviation."""
        self._mean = shares.copy()
        self._covariance = np.stack([np.diag(p) - np.outer(p, p) for p in shares])
        largest = np.diagonal(self._covariance, axis1=1, axis2=2).max(axis=1)
        self._covariance *= np.minimum(error**2 / np.maximum(largest, 1e-300), 1.0)[:, None, None]
        self._heard = np.zeros(len(shares), dtype=np.int64)
        self._last, self._under_way = s_g.copy(), self._policy.process

    def decide(self, s_g: NDArray[np.int64], reports: Counts, n: int) -> NDArray[np.int64]:
        """See ObservationModel; `reports` may be of any sum up to n."""
        last = np.full(len(s_g), -1, dtype=np.int64) if self._last is None else self._last
        _follow(self._under_way.arrays, last, (self._mean, self._covariance), reports, max(n, 1))
        self._heard = reports.sum(axis=1)
        self._last, self._under_way = s_g.copy(), self._policy.process
        return self._policy.act(s_g, self.estimate)

    @property
    def estimate(self) -> FloatArray:
        """Estimated shares [R, S_l]."""
        shares = np.empty_like(self._mean)
        _normalised(self._mean, shares)
        return shares

    @property
    def error(self) -> FloatArray:
        """Largest standard deviation of a share [R]."""
        return np.asarray(np.sqrt(np.maximum(np.diagonal(self._covariance, axis1=1, axis2=2), 0.0).max(axis=1)))

    @property
    def rung(self) -> NDArray[np.int64]:
        """How many reports the last decision had [R]: one policy serves every number."""
        return self._heard


@njit(nogil=True, cache=True)
def _follow(process, last, belief, reports, n):  # type: ignore[no-untyped-def]
    means, covariances = belief
    for r in range(len(last)):
        if last[r] >= 0:
            row = process.kernel_of[last[r]] * means.shape[1]
            sparse_kalman.predict(process, row, means[r], covariances[r], n)
        sparse_kalman.correct(means[r], covariances[r], reports[r], n)


@njit(nogil=True, cache=True)
def _normalised(means, out):  # type: ignore[no-untyped-def]
    for r in range(len(means)):
        total = 0.0
        for j in range(means.shape[1]):
            out[r, j] = max(means[r, j], 0.0)
            total += out[r, j]
        for j in range(means.shape[1]):
            out[r, j] /= total
