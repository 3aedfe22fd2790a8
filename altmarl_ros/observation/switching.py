"""Estimates a hidden state and the whole population together, by a bank of filters (see games/hidden.py for the model).

Robots notice the hidden state d by what happens to them, and their reports tell. While d stays as it is, shares follow one
kernel, and the estimate of filtered.py serves; it is the moment of the last switch that is not known. So the coordinator keeps
one hypothesis for each (d, ticks since d was entered), with a weight w and mean shares m [S_l]:

    predict   w(d, age + 1) = P_d(d | d) w(d, age),                m <- P^T m under pi_l at (d, s_g)
              w(d', 0)      = sum over d != d' of P_d(d' | d) w(d, .),  m(d', 0) the mean of what follows by those weights
    inform    w <- w e(d),       e what others tell of d (protocol/evidence.py), where they do
    weigh     w <- w L(y | m),   y the shares among k reports
    correct   m <- m + G (y - m)

(Adams and MacKay 2007, whose run length is the age here; mixing all ages of a d at each tick instead would be the interacting
multiple models of Blom and Bar-Shalom 1988, whose mean is the same and which takes k reports for more than they say).
Hypotheses older than the oldest age are pooled. What robots do by chance has one covariance S for all hypotheses, moved by
their mean kernel, and one gain G as in filtered.py. L is a quasi-likelihood of counts, exact for a single report,

    log L = sum_j k (y_j log m_j - m_j) / phi_j,      phi_j = k f_j + (1 - f_j) (n - k) / (n - 1),

f_j = S_jj / (m_j (1 - m_j)). phi_j is the variance of y_j beside that of k independent draws: robots that were drawn together,
or that all are heard, tell less or more than that. Where robots have types, each has its k, n, y and m within the type, and
log L is the sum over types. Sums are taken in a fixed order, and what comes of log and exp is rounded, so that every machine
decides the same.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import Start, TabularGame
from altmarl_ros.observation.joining import Joining, moved
from altmarl_ros.observation.model import Counts
from altmarl_ros.observation.strata import Strata, type_moments
from altmarl_ros.observation.switching_steps import Motion, correct, joint_shares, motion_of, multiply, predict
from altmarl_ros.policies import GlobalPolicy, LocalPolicy
from altmarl_ros.policies.shares import SharesPolicy
from altmarl_ros.workers import Workers

OLDEST = 40
"""Ages that are told apart [ticks]; robots are then nearly where they would be if d had always been as it is."""


class SwitchingEstimate:
    """What reports tell of the hidden state and of the robots of R fleets.

    Attributes:
        joint: the probability of d times the estimated shares given d [R, d * S_l + s_l].
        strata: the types of robots, whose numbers may be told.
    """

    joint: FloatArray

    def __init__(self, game: TabularGame, pi_l: LocalPolicy) -> None:
        """Raises AltmarlError where the game has no hidden state."""
        if game.hidden is None:
            raise AltmarlError(f"the game {game.name!r} has no hidden state")
        self._S_l, self._D, self._rho_d = game.n_local_states, len(game.hidden), game.hidden.rho_d
        self._first, self._first_covariance = _start_moments(game.initial)
        self.strata = Strata(game.types, game.initial)
        self.follow(game, pi_l)
        self.reset(1)

    def follow(self, game: TabularGame, pi_l: LocalPolicy) -> None:
        """Expect robots to act by pi_l from now on; they make the move that is under way still by the policy before."""
        self._motion = motion_of(game, pi_l)

    def reset(self, runs: int) -> None:
        """Forget all reports and start from the game's start, each hidden state as likely as it is there."""
        self._weights = np.zeros((runs, self._D, OLDEST))
        self._weights[:, :, 0] = self._rho_d
        self._means = np.zeros((runs, self._D, OLDEST, self._S_l))
        self._means[:, :, 0] = self._first
        self._covariance = np.tile(self._first_covariance, (runs, 1, 1))
        self.strata.reset()
        self._workers = Workers(0, self._means.size if runs > 1 else 0)
        self._joined: Counts | None = None  # robots that join at the next observation
        self._evidence: FloatArray | None = None  # for the next observation
        self._move: tuple[Motion, NDArray[np.int64]] | None = None  # how, and from which s_g, robots move at present
        self._summarise()

    def admit(self, joined: Counts) -> None:
        """Bring robots into the estimate at the next observation, by the counts of their states [R, S_l]."""
        self._joined = joined

    def inform(self, evidence: FloatArray) -> None:
        """Take in, at the next observation, how likely what others know is in each hidden state [R, D], up to a factor."""
        self._evidence = evidence

    def resume(self, shares: FloatArray, error: FloatArray, s_g: NDArray[np.int64], belief: FloatArray | None) -> None:
        """Continue from shares [R, S_l], their error [R] and a belief [R, D] or that of the start, left behind at s_g [R].

        Robots are taken to be spread alike whatever the hidden state is.
        """
        self.reset(len(shares))
        self._weights[:, :, 0] = self._rho_d if belief is None else belief
        self._means[:, :, 0] = shares[:, None]
        self.strata.resume(shares)
        for run, mean in enumerate(shares):
            one = np.diag(mean) - np.outer(mean, mean)
            self._covariance[run] = one * min(float(error[run]) ** 2 / max(np.diagonal(one).max(), 1e-12), 1.0)
        self._move = self._motion, s_g.copy()
        self._summarise()

    def observe(self, s_g: NDArray[np.int64], reports: Counts, n: int, truth: NDArray[np.int64] | None = None) -> None:
        """Take in the reports [R, S_l] of n robots at global states [R], and the hidden states [R] if they are told."""
        told = np.full(len(s_g), -1) if truth is None else truth
        counts = np.ascontiguousarray(reports)
        joining = None if self._joined is None else Joining.of(self._joined, n)
        evidence, self._joined, self._evidence = self._evidence, None, None

        numbers = self.strata.fit(self._means, self._covariance, n)  # which prediction leaves as they are

        def work(part: tuple[int, int]) -> None:
            runs = slice(*part)
            state = self._weights[runs], self._means[runs], self._covariance[runs]
            if self._move is not None:
                motion, before = self._move
                predict(motion, before[runs], state, max(moved(joining, n), 1))
            if joining is not None:
                state[1][:] = joining.kept[runs, None, None, None] * state[1] + joining.added[runs, None, None]
                state[2][:] *= joining.kept[runs, None, None] ** 2
            if evidence is not None:
                multiply(state[0], evidence[runs])
            correct(self._motion.least, state, (counts[runs], told[runs]), numbers)

        self._workers.map(work, self._workers.slices(len(s_g)))
        self._move = self._motion, s_g.copy()
        self._summarise()

    def _summarise(self) -> None:
        self.joint = np.empty((len(self._weights), self._D * self._S_l))
        joint_shares(self._weights, self._means, self.joint)
        self.strata.settle(self.joint)

    @property
    def belief(self) -> FloatArray:
        """The probability of each hidden state [R, D]."""
        return np.asarray(self.joint.reshape(-1, self._D, self._S_l).sum(axis=2))

    @property
    def shares(self) -> FloatArray:
        """The estimated shares [R, S_l], over all hidden states."""
        return np.asarray(self.joint.reshape(-1, self._D, self._S_l).sum(axis=1))

    @property
    def error(self) -> FloatArray:
        """The largest standard deviation of a share [R], from chance and from the doubt between the hypotheses."""
        weights = self._weights[..., None]
        between = (weights * self._means**2).sum(axis=(1, 2)) - (weights * self._means).sum(axis=(1, 2)) ** 2
        variance = np.maximum(between, 0.0) + np.diagonal(self._covariance, axis1=1, axis2=2)
        return np.asarray(np.sqrt(np.maximum(variance, 0.0).max(axis=1)))


class SwitchingFilter:
    """Acts on the hidden state and the population that the bank estimates, by value vectors over (d, s_l).

    Attributes:
        told: whether it is told the hidden state before every decision (see `tell`): a reference to compare with.
    """

    turnover = 1.0

    def __init__(self, game: TabularGame, pi_l: LocalPolicy, pi_g: GlobalPolicy, *, told: bool = False) -> None:
        """Raises AltmarlError where the game has no hidden state, or pi_g does not act on shares of (d, s_l)."""
        self.told, self._pi_g = told, _checked(game, pi_g)
        self._known = SwitchingEstimate(game, pi_l)
        self.reset(1)

    def adopt(self, game: TabularGame, pi_l: LocalPolicy, pi_g: GlobalPolicy) -> None:
        """See ObservationModel."""
        self._pi_g = _checked(game, pi_g)
        self._known.follow(game, pi_l)

    def reset(self, runs: int) -> None:
        """See ObservationModel."""
        self._known.reset(runs)
        self._heard = np.zeros(runs, dtype=np.int64)
        self._truth: NDArray[np.int64] | None = None

    def resume(self, shares: FloatArray, error: FloatArray, s_g: NDArray[np.int64], belief: FloatArray | None = None) -> None:
        """See ObservationModel."""
        self.reset(len(shares))
        self._known.resume(shares, error, s_g, belief)

    def count(self, numbers: NDArray[np.int64]) -> None:
        """Say how many robots of each type there are [T], in a game with types, for decisions on as many robots in all."""
        self._known.strata.count(numbers)

    def admit(self, joined: Counts) -> None:
        """See ObservationModel."""
        self._known.admit(joined)

    def inform(self, evidence: FloatArray) -> None:
        """Take in, at the coming decision, how likely what others know is in each hidden state [R, D], up to a factor."""
        self._known.inform(evidence)

    def tell(self, d: NDArray[np.int64]) -> None:
        """Tell the true hidden states [R] of the coming decision."""
        self._truth = d

    def decide(self, s_g: NDArray[np.int64], reports: Counts, n: int) -> NDArray[np.int64]:
        """See ObservationModel."""
        self._known.observe(s_g, reports, n, self._truth)
        self._heard, self._truth = reports.sum(axis=1), None
        return self._pi_g.act_on_shares(s_g, self._known.joint)

    @property
    def belief(self) -> FloatArray:
        """The probability of each hidden state [R, D]."""
        return self._known.belief

    @property
    def joint(self) -> FloatArray:
        """The probability of d times the estimated shares given d [R, d * S_l + s_l]."""
        return self._known.joint

    @property
    def estimate(self) -> FloatArray:
        """The estimated shares [R, S_l]."""
        return self._known.shares

    @property
    def error(self) -> FloatArray:
        """The largest standard deviation of a share [R]."""
        return self._known.error

    @property
    def rung(self) -> NDArray[np.int64]:
        """The number of reports of the last decision [R]; value vectors serve every number."""
        return self._heard


class Announced(SwitchingFilter):
    """Is told the hidden state in some ticks only, each of them drawn with probability `share`: news now and then."""

    def __init__(
        self, game: TabularGame, pi_l: LocalPolicy, pi_g: GlobalPolicy, *, share: float, rng: np.random.Generator
    ) -> None:
        """Raises AltmarlError where the share is not in [0, 1], and as `SwitchingFilter` does."""
        if not 0.0 <= share <= 1.0:
            raise AltmarlError(f"the share of ticks with an announcement is {share}, must be in 0..1")
        super().__init__(game, pi_l, pi_g, told=True)
        self._share, self._rng = share, rng

    def tell(self, d: NDArray[np.int64]) -> None:
        """Tell the true hidden states [R] of the coming decision to the fleets that hear of them in this tick."""
        super().tell(np.where(self._rng.random(len(d)) < self._share, d, -1))


def _checked(game: TabularGame, pi_g: GlobalPolicy) -> SharesPolicy:
    if not isinstance(pi_g, SharesPolicy) or pi_g.n_local_states != game.n_hidden_states * game.n_local_states:
        raise AltmarlError(f"the coordinator's policy knows nothing of the hidden state of the game {game.name!r}")
    return pi_g


def _start_moments(start: Start) -> tuple[FloatArray, FloatArray]:
    # The mean shares [S_l] and their covariance [S_l, S_l].
    if start.types is not None:
        return type_moments(start)[:2]
    alpha = np.atleast_2d(start.alpha)
    total = alpha.sum(axis=1)
    shares = alpha / total[:, None]
    mean = np.ascontiguousarray(shares.mean(axis=0))
    within = sum((np.diag(p) - np.outer(p, p)) / (A + 1.0) for p, A in zip(shares, total, strict=True)) / len(alpha)
    return mean, within + (shares - mean).T @ (shares - mean) / len(alpha)
