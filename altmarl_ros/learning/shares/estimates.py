"""Estimates that a coordinator comes across, as candidates for points.

Episodes begin as the game's do. In each of them the coordinator hears a number of reports per tick that is its own, from
none to all, and believes in

    m <- E[p | first reports],      m <- P_s^T m,      m <- m + g (y - m),   g = k / (A + k (t + 1)),

y the shares among k reports of tick t, A the weight of the start in reports: the posterior mean where robots stay where they
are, and near enough elsewhere for what it is for. Robots move by their expectation.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games.start import Start
from altmarl_ros.observation.start_posterior import mean_start, posterior_mean
from altmarl_ros.policies.shares.lookahead import SharesPolicy, predict
from altmarl_ros.policies.shares.process import IntArray, SharesProcess

ALL = 1 << 30
"""A number of reports that stands for all robots of any team."""

_HELD = 0.8  # share of the ticks at which a random coordinator keeps its action: it gets somewhere


class EstimateSampler(Protocol):
    """Draws estimates: global states [B] and shares [B, S_l], under a policy or, for None, under random actions."""

    def __call__(
        self, process: SharesProcess, policy: SharesPolicy | None, rng: np.random.Generator
    ) -> tuple[IntArray, FloatArray]:
        """Global states and shares."""

    def count(self, gamma: float) -> int:
        """Return the number of estimates for a game of that discount."""


def episode_ticks(gamma: float) -> int:
    """Ticks of an episode of estimates: what leaves 5 % of the discounted weight, at most 100."""
    return min(100, max(2, ceil(log(0.05) / log(gamma))))


@dataclass(frozen=True)
class SimulatedEstimates:
    """Estimates of episodes in a large fleet.

    Attributes:
        start: how episodes begin.
        runs: episodes.
        ticks: length of an episode; None takes what leaves 5 % of the discounted weight, at most 100.
        reports: numbers of reports per tick, dealt out to the episodes in turn.
        random: share of episodes under a policy that act at random all the same.
    """

    start: Start
    runs: int = 120
    ticks: int | None = None
    reports: tuple[int, ...] = (0, ALL, 1, ALL, 5, 25)
    random: float = 0.2

    def __call__(
        self, process: SharesProcess, policy: SharesPolicy | None, rng: np.random.Generator
    ) -> tuple[IntArray, FloatArray]:
        """See EstimateSampler."""
        ticks = self.length(process.gamma)
        k = np.array([self.reports[run % len(self.reports)] for run in range(self.runs)])
        s = rng.choice(process.n_global_states, size=self.runs, p=self.start.rho_g)
        truth = self.start.draw_shares(self.runs, rng)
        belief = np.where((k == ALL)[:, None], truth, posterior_mean(self.start, _reports(k, truth, rng), None))
        wanders = np.ones(self.runs, dtype=bool) if policy is None else rng.random(self.runs) < self.random
        held = rng.integers(process.n_global_actions, size=self.runs)
        concentrations = np.atleast_2d(self.start.alpha) if self.start.types is None else self.start.draws
        weight = concentrations.sum(axis=1).mean()
        states, shares = np.empty((ticks, self.runs), dtype=np.int64), np.empty((ticks, *belief.shape))
        for t in range(1, ticks + 1):
            states[t - 1], shares[t - 1] = s, belief
            held = np.where(rng.random(self.runs) < _HELD, held, rng.integers(process.n_global_actions, size=self.runs))
            choice = process.choice_of[s, held]
            if policy is not None:
                choice = np.where(wanders, choice, policy.choose(s, belief))
            truth, belief = predict(process, s, truth), predict(process, s, belief)
            s = draw_successors(process, choice, rng)
            heard = _reports(k, truth, rng)
            y = heard / np.maximum(k, 1)[:, None]
            gain = np.where(k == ALL, 1.0, k / (weight + k * (t + 1.0)))[:, None]
            belief = belief + gain * (np.where((k == ALL)[:, None], truth, y) - belief) * (k > 0)[:, None]
        return states.ravel(), shares.reshape(-1, belief.shape[1])

    def length(self, gamma: float) -> int:
        """Ticks of an episode."""
        return self.ticks or episode_ticks(gamma)

    def count(self, gamma: float) -> int:
        """Number of estimates."""
        return self.runs * self.length(gamma)


def start_estimates(process: SharesProcess, start: Start) -> tuple[IntArray, FloatArray]:
    """The mean start at every global state, those included that no episode begins in: each must have a point."""
    s = np.arange(process.n_global_states)
    return s, np.tile(start.joint(mean_start(start)[None]), (len(s), 1))


def draw_successors(process: SharesProcess, choice: IntArray, rng: np.random.Generator) -> IntArray:
    """Draw s' ~ P_g(. | choice) [B]."""
    first, last = process.arrays.outcome_start[choice], process.arrays.outcome_start[choice + 1]
    # Outcomes of choice c have cumulative probabilities in (c, c + 1].
    outcome = np.searchsorted(np.cumsum(process.arrays.outcome_probability), choice + rng.random(len(choice)), side="right")
    return np.asarray(process.outcome_successor[np.clip(outcome, first, last - 1)])


def _reports(k: IntArray, shares: FloatArray, rng: np.random.Generator) -> NDArray[np.int64]:
    finite = np.where(k == ALL, 0, k)
    return np.asarray(rng.multinomial(finite, shares / shares.sum(axis=1, keepdims=True)))
