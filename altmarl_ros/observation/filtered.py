"""Estimates the whole population by a Kalman filter that remembers earlier reports.

Given s_g and pi_l, the shares x(t) [S_l] of n robots per local state follow

    x(t+1) = P^T x(t) + w,   E w = 0,   Cov w = (1/n) sum_j x_j (diag P_j - P_j P_j^T) =: Q,   P = P_pi(s_g),

and the shares among k reports of a uniform subset, drawn without replacement, have the mean x and the covariance

    R = (n - k) / (n - 1) E[diag x - x x^T] / k.

The Kalman filter is the best linear estimate of such a process. Its mean m and covariance S follow (kalman.py)

    predict   m <- P^T m,          S <- P^T S P + Q
    correct   m <- m + G (y - m),  S <- S - G S,    G = S (S + R)^+,  y the shares among the reports

where Q takes E x = m, and R takes E[diag x - x x^T] = (diag m - m m^T) (1 - tr S / tr(diag m - m m^T)), which is exact for
Dirichlet beliefs. The filter starts from the mean and covariance of the game's Dirichlet start, for which the first
correction is the exact posterior mean. There is no parameter to tune: P and n determine how fast old reports fade.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games import TabularGame
from altmarl_ros.observation import kalman
from altmarl_ros.observation.model import Counts
from altmarl_ros.policies import Ladder, LocalPolicy


class Filtered:
    """Decides by the top rung for the population that the Kalman filter estimates."""

    turnover = 1.0

    def __init__(self, game: TabularGame, pi_l: LocalPolicy, ladder: Ladder) -> None:
        self.adopt(game, pi_l, ladder)
        alpha = game.initial.alpha
        self._prior_mean = alpha / alpha.sum()
        self._prior_covariance = kalman.multinomial_covariance(self._prior_mean) / (alpha.sum() + 1.0)
        self.reset(1)

    def adopt(self, game: TabularGame, pi_l: LocalPolicy, ladder: Ladder) -> None:
        """See ObservationModel; robots make the move that is under way still by the policy before."""
        self._ladder = ladder
        self._P = pi_l.transition(game)  # [s_g, s_l, s_l']

    def reset(self, runs: int) -> None:
        """Forget all reports and start from the game's start distribution."""
        self._mean = np.tile(self._prior_mean, (runs, 1))
        self._covariance = np.tile(self._prior_covariance, (runs, 1, 1))
        self._move: FloatArray | None = None  # the P by which robots move since the last tick [R, s_l, s_l']

    def resume(self, shares: FloatArray, error: FloatArray, s_g: NDArray[np.int64]) -> None:
        """See ObservationModel. The covariance is unknown, so the multinomial one with that largest deviation is taken."""
        self._mean = shares.copy()
        one = np.array([kalman.multinomial_covariance(kalman.likely(mean)) for mean in shares])
        largest = np.diagonal(one, axis1=1, axis2=2).max(axis=1)
        self._covariance = one * np.minimum(error**2 / largest, 1.0)[:, None, None]
        self._move = self._P[s_g]

    def decide(self, s_g: NDArray[np.int64], reports: Counts, n: int) -> NDArray[np.int64]:
        """See ObservationModel."""
        if self._move is not None:
            kalman.predict(self._mean, self._covariance, self._move, n)
        kalman.correct(self._mean, self._covariance, reports, n)
        self._move = self._P[s_g]
        return self._ladder.act_on_shares(s_g, self.estimate)

    @property
    def estimate(self) -> FloatArray:
        """The estimated shares [R, S_l]."""
        shares = np.maximum(self._mean, 0.0)
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    @property
    def error(self) -> FloatArray:
        """The largest standard deviation of a share [R]."""
        return np.asarray(np.sqrt(np.maximum(np.diagonal(self._covariance, axis1=1, axis2=2), 0.0).max(axis=1)))

    @property
    def rung(self) -> NDArray[np.int64]:
        """The top rung, which makes every decision [R]."""
        return np.full(len(self._mean), self._ladder.K)
