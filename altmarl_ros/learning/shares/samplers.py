"""Chooses where estimates for points come from: a large fleet, or the bank of filters where there is a hidden state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Sequence

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games import TabularGame
from altmarl_ros.learning.populations.population import CountedPopulation, Fleets, start_fleets
from altmarl_ros.learning.shares.estimates import EstimateSampler, SimulatedEstimates, episode_ticks
from altmarl_ros.observation.switching import SwitchingEstimate
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.shares import SharesPolicy, SharesProcess
from altmarl_ros.policies.shares.process import IntArray

_HELD = 0.8  # share of the ticks at which a random coordinator keeps its action: it gets somewhere


def make_sampler(game: TabularGame, pi_l: LocalPolicy, n: int) -> EstimateSampler:
    """Make the sampler for a game whose n robots act by pi_l."""
    return SimulatedEstimates(game.initial) if game.hidden is None else SwitchingEstimates(game, pi_l, n)


@dataclass(frozen=True)
class SwitchingEstimates:
    """Estimates of a coordinator that follows a hidden state, in episodes of a fleet of n robots.

    Attributes:
        game: the game.
        pi_l: the robots' policy.
        n: robots.
        runs: episodes by each number of reports.
        ticks: length of an episode; None takes what leaves 5 % of the discounted weight, at most 100.
        reports: numbers of reports per tick.
        random: share of episodes under a policy that act at random all the same.
    """

    game: TabularGame
    pi_l: LocalPolicy
    n: int
    runs: int = 16
    ticks: int | None = None
    reports: tuple[int, ...] = (0, 1, 3, 10)
    random: float = 0.2

    def __call__(
        self, process: SharesProcess, policy: SharesPolicy | None, rng: np.random.Generator
    ) -> tuple[IntArray, FloatArray]:
        """See EstimateSampler."""
        estimate = SwitchingEstimate(self.game, self.pi_l)
        numbers = [min(k, self.n) for k in (*self.reports, self.n)]
        states = np.empty((len(numbers), self.ticks or episode_ticks(process.gamma), self.runs), dtype=np.int64)
        shares = np.empty((*states.shape, process.n_local_states))
        for k, *out in zip(numbers, states, shares, strict=True):
            self._episodes(estimate, k, policy, rng, out)
        return states.ravel(), shares.reshape(-1, process.n_local_states)

    def count(self, gamma: float) -> int:
        """See EstimateSampler."""
        return (len(self.reports) + 1) * (self.ticks or episode_ticks(gamma)) * self.runs

    def _episodes(
        self,
        estimate: SwitchingEstimate,
        k: int,
        policy: SharesPolicy | None,
        rng: np.random.Generator,
        out: Sequence[NDArray[Any]],
    ) -> None:
        # Writes global states [ticks, runs] and shares [ticks, runs, states].
        fleets = start_fleets(self.game, self.n, self.runs, rng)
        assert isinstance(fleets, Fleets)
        population = CountedPopulation(self.game, self.pi_l, fleets)
        estimate.reset(self.runs)
        wanders = np.ones(self.runs, dtype=bool) if policy is None else rng.random(self.runs) < self.random
        actions = self.game.n_global_actions
        held = rng.integers(actions, size=self.runs)
        for states, shares in zip(*out, strict=True):
            s = population.s_g
            estimate.observe(s, population.poll(k, 1.0, rng), self.n)
            states[:], shares[:] = s, estimate.joint
            held = np.where(rng.random(self.runs) < _HELD, held, rng.integers(actions, size=self.runs))
            chosen = held if policy is None else np.where(wanders, held, policy.act_on_shares(s, estimate.joint))
            population.step(chosen, rng)
