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
The arithmetic is dense for a ladder and sparse for a policy over shares (kalman_steps.py). Where robots have types, reports
come by type and correct their own type's shares (sparse_kalman.py, strata.py); a type without a report is only predicted.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games import TabularGame
from altmarl_ros.observation import kalman
from altmarl_ros.observation.joining import Joining, moved
from altmarl_ros.observation.kalman_steps import KalmanSteps, make_steps
from altmarl_ros.observation.model import Counts
from altmarl_ros.observation.strata import Strata, type_moments
from altmarl_ros.policies import GlobalPolicy, LocalPolicy


class Filtered:
    """Acts on the population that the Kalman filter estimates: by the top rung of a ladder, or by value vectors."""

    turnover = 1.0

    def __init__(self, game: TabularGame, pi_l: LocalPolicy, pi_g: GlobalPolicy) -> None:
        self.adopt(game, pi_l, pi_g)
        self._strata = Strata(game.types, game.initial)
        if game.types is not None:
            self._prior_mean, self._prior_covariance, _ = type_moments(game.initial)
        else:
            alpha = game.initial.alpha
            self._prior_mean = alpha / alpha.sum()
            self._prior_covariance = kalman.multinomial_covariance(self._prior_mean) / (alpha.sum() + 1.0)
        self.reset(1)

    def adopt(self, game: TabularGame, pi_l: LocalPolicy, pi_g: GlobalPolicy) -> None:
        """See ObservationModel; robots make the move that is under way still by the policy before."""
        self._pi_g = pi_g
        self._steps = make_steps(game, pi_l, pi_g)

    def reset(self, runs: int) -> None:
        """Forget all reports and start from the game's start distribution."""
        self._mean = np.tile(self._prior_mean, (runs, 1))
        self._covariance = np.tile(self._prior_covariance, (runs, 1, 1))
        self._strata.reset()
        self._heard = np.zeros(runs, dtype=np.int64)
        self._joined: Counts | None = None  # robots that join at the next decision
        self._move: tuple[KalmanSteps, NDArray[np.int64]] | None = None  # how, and from which s_g, robots move at present

    def resume(self, shares: FloatArray, error: FloatArray, s_g: NDArray[np.int64]) -> None:
        """See ObservationModel. The covariance is unknown, so the multinomial one with that largest deviation is taken."""
        self._mean = shares.copy()
        self._strata.resume(shares)
        one = np.array([kalman.multinomial_covariance(kalman.likely(mean)) for mean in shares])
        largest = np.diagonal(one, axis1=1, axis2=2).max(axis=1)
        self._covariance = one * np.minimum(error**2 / largest, 1.0)[:, None, None]
        self._heard = np.zeros(len(shares), dtype=np.int64)
        self._joined = None
        self._move = self._steps, s_g.copy()

    def count(self, numbers: NDArray[np.int64]) -> None:
        """Say how many robots of each type there are [T], in a game with types, for decisions on as many robots in all."""
        self._strata.count(numbers)

    def admit(self, joined: Counts) -> None:
        """See ObservationModel."""
        self._joined = joined

    def decide(self, s_g: NDArray[np.int64], reports: Counts, n: int) -> NDArray[np.int64]:
        """See ObservationModel."""
        joining = None if self._joined is None else Joining.of(self._joined, n)
        if self._move is not None:
            steps, before = self._move
            steps.predict(before, self._mean, self._covariance, moved(joining, n))
        if joining is not None:
            self._mean = joining.kept[:, None] * self._mean + joining.added
            self._covariance = joining.kept[:, None, None] ** 2 * self._covariance
            self._joined = None
        numbers = self._strata.fit(self._mean, self._covariance, n)
        self._steps.correct(self._mean, self._covariance, reports, numbers)
        self._heard = reports.sum(axis=1)
        self._move = self._steps, s_g.copy()
        return self._pi_g.act_on_shares(s_g, self.estimate)

    @property
    def estimate(self) -> FloatArray:
        """The estimated shares [R, S_l]."""
        shares = self._steps.shares(self._mean)
        self._strata.settle(shares)
        return shares

    @property
    def error(self) -> FloatArray:
        """The largest standard deviation of a share [R]."""
        return np.asarray(np.sqrt(np.maximum(np.diagonal(self._covariance, axis1=1, axis2=2), 0.0).max(axis=1)))

    @property
    def rung(self) -> NDArray[np.int64]:
        """The top rung of a ladder, or the number of reports [R]."""
        most = self._pi_g.most_reports
        return self._heard if most is None else np.full(len(self._mean), most)
