"""Estimates which of a few starts a fleet came from, and where its robots are now, by a Bayes filter.

A game may begin by one of M concentrations alpha_h (see `Start`). For each of them the coordinator keeps expected shares
x_h [S_l], at first alpha_h / sum(alpha_h), moves them by the kernel under pi_l, and weighs them by Bayes' rule:

    predict   x_h <- P^T x_h,                              P = P_pi(s_g)
    correct   w_h <- w_h Pr(c | x_h, A),                   c the counts of k reports, of n robots
              x_h <- x_h + G (c / k - x_h),                A <- min(A + k, n)

A is how many robots the estimate is worth. Before the first report it is the concentration of the start, the smallest sum
of an alpha_h. While A < n, the shares from which robots were drawn are themselves in doubt. Then reports are counts of a
Dirichlet-multinomial distribution, and the correction is the posterior mean of the n robots' shares:

    G = k (A + n) / (n (A + k)),       Pr(c | x, A) ~ prod_j A x_j (A x_j + 1) .. (A x_j + c_j - 1) / (A .. (A + k - 1)).

From A = n on, G = k / (n + k) and Pr(c | x) ~ prod_j x_j^{c_j}. This gain does not fall any more, which makes the filter
learn in time even a fleet that is like none of the starts. Reports of all n robots leave no doubt: x_h = c / n. A share
eps is given to reports that no start explains. The estimate is sum_h w_h x_h.

The same linear map moves all x_h, so only a basis is stored: x_h = z_0 + sum_r C_hr z_r. It has as many z as the starts
have affine dimensions, however many starts there are. Where the coordinator acts by value vectors, the map is sparse and sums
are taken in a fixed order; a ladder's decisions were recorded by dense arithmetic, and replay with it.
"""

from __future__ import annotations

from typing import Callable

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.compiled import njit
from altmarl_ros.games import TabularGame
from altmarl_ros.observation.joining import Joining
from altmarl_ros.observation.model import Counts
from altmarl_ros.policies import GlobalPolicy, LocalPolicy
from altmarl_ros.policies.shares import SharesPolicy
from altmarl_ros.policies.shares.lookahead import predict

_RANK_TOLERANCE = 1e-8  # directions among the starts that differ by a smaller share of robots are left out
_UNEXPLAINED = 1e-4  # eps: probability that a report comes from a state that the estimate does not foresee


class Hypotheses:
    """Acts on the population that the Bayes filter estimates: by the top rung of a ladder, or by value vectors."""

    turnover = 1.0

    def __init__(self, game: TabularGame, pi_l: LocalPolicy, pi_g: GlobalPolicy) -> None:
        self.adopt(game, pi_l, pi_g)
        alpha = np.atleast_2d(game.initial.alpha)
        starts = alpha / alpha.sum(axis=1, keepdims=True)
        self._concentration = float(alpha.sum(axis=1).min())
        U, size, directions = np.linalg.svd(starts - starts.mean(axis=0), full_matrices=False)
        kept = size > _RANK_TOLERANCE
        self._C = U[:, kept] * size[kept]  # [M, r]
        self._basis = np.vstack([starts.mean(axis=0), directions[kept]])  # [1 + r, S_l]
        self.reset(1)

    def adopt(self, game: TabularGame, pi_l: LocalPolicy, pi_g: GlobalPolicy) -> None:
        """See ObservationModel; robots make the move that is under way still by the policy before."""
        self._pi_g = pi_g
        self._moves = _sparse_moves(pi_g) if isinstance(pi_g, SharesPolicy) else _dense_moves(pi_l.transition(game))

    def reset(self, runs: int) -> None:
        """Forget all reports; all starts are equally likely again."""
        self._z = np.tile(self._basis, (runs, 1, 1))  # [R, 1 + r, S_l]
        self._log_weights = np.zeros((runs, len(self._C)))
        self._worth = np.full(runs, self._concentration)  # A
        self._doubt = 1.0 / (self._worth + 1.0)  # the variance of a share x, given the start, is this times x (1 - x)
        self._heard = np.zeros(runs, dtype=np.int64)
        self._joined: Counts | None = None  # robots that join at the next decision
        self._last: NDArray[np.int64] | None = None
        self._under_way = self._moves

    def admit(self, joined: Counts) -> None:
        """See ObservationModel."""
        self._joined = joined

    def resume(self, shares: FloatArray, error: FloatArray, s_g: NDArray[np.int64]) -> None:
        """See ObservationModel. The start is unknown, so all hypotheses take the same shares."""
        self.reset(len(shares))
        self._z[:, 0], self._z[:, 1:] = shares, 0.0
        self._last, self._under_way = s_g.copy(), self._moves

    def decide(self, s_g: NDArray[np.int64], reports: Counts, n: int) -> NDArray[np.int64]:
        """See ObservationModel."""
        if self._last is not None:
            self._z = self._under_way(self._last, self._z)
        if self._joined is not None:
            joining, self._joined = Joining.of(self._joined, n), None
            self._z *= joining.kept[:, None, None]
            self._z[:, 0] += joining.added
        self._correct(reports, n)
        self._heard = reports.sum(axis=1)
        self._last, self._under_way = s_g.copy(), self._moves
        return self._pi_g.act_on_shares(s_g, self.estimate)

    @property
    def weights(self) -> FloatArray:
        """The posterior probability of each start [R, M]."""
        weights = np.exp(self._log_weights - self._log_weights.max(axis=1, keepdims=True))
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

    @property
    def estimate(self) -> FloatArray:
        """The estimated shares [R, S_l]."""
        weights = self.weights
        if isinstance(self._pi_g, SharesPolicy):
            shares = np.empty((len(weights), self._z.shape[2]))
            _mixed(weights, self._C, self._z, shares)
            return shares
        coordinates = weights @ self._C
        shares = np.maximum(self._z[:, 0] + (coordinates[:, None] @ self._z[:, 1:])[:, 0], 0.0)
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    @property
    def error(self) -> FloatArray:
        """The largest standard deviation of a share [R], from the doubt between the starts and about the robots given one."""
        weights = self.weights
        around = self._C - (weights @ self._C)[:, None]  # [R, M, r]
        covariance = np.einsum("rm,rma,rmb->rab", weights, around, around)
        variance = np.einsum("raj,rab,rbj->rj", self._z[:, 1:], covariance, self._z[:, 1:])
        shares = self.estimate
        variance = np.maximum(variance, 0.0) + self._doubt[:, None] * shares * (1.0 - shares)
        return np.asarray(np.sqrt(variance.max(axis=1)))

    @property
    def rung(self) -> NDArray[np.int64]:
        """The top rung of a ladder, or the number of reports [R]."""
        most = self._pi_g.most_reports
        return self._heard if most is None else np.full(len(self._z), most)

    def _correct(self, reports: Counts, n: int) -> None:
        n, k = max(n, 1), reports.sum(axis=1)
        A = np.minimum(self._worth, n)
        self._weigh(reports, A, n)
        # x + G (c / k - x) = kept x + c / divisor
        kept, divisor = n / (n + k), n + k
        doubtful = n > A
        kept = np.where(doubtful, A * np.maximum(n - k, 0) / (n * (A + k)), kept)
        divisor = np.where(doubtful, n * (A + k) / (A + n), divisor)
        everybody = k >= n
        kept, divisor = np.where(everybody, 0.0, kept), np.where(everybody, k, divisor)
        self._z *= kept[:, None, None]
        self._z[:, 0] += reports / divisor[:, None]
        self._worth = np.minimum(A + k, n)
        self._doubt = np.maximum(n - k, 0) / n / (A + k + 1.0)

    def _weigh(self, reports: Counts, A: FloatArray, n: int) -> None:
        run, state = np.nonzero(reports)
        z = self._z[run, :, state]  # [reported states, 1 + r]
        shares = np.maximum(z[:, :1] + z[:, 1:] @ self._C.T, 0.0) + _UNEXPLAINED / self._z.shape[2]
        c = reports[run, state, None]
        log_probability = c * np.log(shares)
        doubtful = np.flatnonzero(A[run] < n)
        if len(doubtful):
            from scipy.special import gammaln  # imported here, since most coordinators do not need it and start sooner

            a = A[run[doubtful], None] * shares[doubtful]
            log_probability[doubtful] = gammaln(a + c[doubtful]) - gammaln(a)
        np.add.at(self._log_weights, run, log_probability)


Moves = Callable[[NDArray[np.int64], FloatArray], FloatArray]
"""Moves a basis [R, 1 + r, S_l] by one tick, from global states [R]."""


def _dense_moves(P: FloatArray) -> Moves:
    def move(s_g: NDArray[np.int64], z: FloatArray) -> FloatArray:
        moved = np.empty_like(z)
        for state in np.unique(s_g):
            runs = s_g == state
            moved[runs] = z[runs] @ P[state]
        return moved

    return move


def _sparse_moves(pi_g: SharesPolicy) -> Moves:
    def move(s_g: NDArray[np.int64], z: FloatArray) -> FloatArray:
        rows, S_l = z.shape[1:]
        return predict(pi_g.process, np.repeat(s_g, rows), z.reshape(-1, S_l)).reshape(z.shape)

    return move


@njit(nogil=True, cache=True)
def _mixed(weights, C, z, out):  # type: ignore[no-untyped-def]
    """Write the shares z_0 + sum_h weights_h sum_r C_hr z_r [R, S_l], without what is negative and with sum 1."""
    R, S_l = out.shape
    for run in range(R):
        out[run] = z[run, 0]
        for r in range(C.shape[1]):
            coordinate = 0.0
            for h in range(C.shape[0]):
                coordinate += weights[run, h] * C[h, r]
            for j in range(S_l):
                out[run, j] += coordinate * z[run, 1 + r, j]
        total = 0.0
        for j in range(S_l):
            out[run, j] = max(out[run, j], 0.0)
            total += out[run, j]
        for j in range(S_l):
            out[run, j] /= total
