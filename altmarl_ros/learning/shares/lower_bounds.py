"""From below: what the plans behind the value vectors earn, by what is known when one of them is chosen.

V_Gamma(s, .) is convex, and every plan earns what its vector says on the true shares. Who knows more chooses better, so

    no report                    E_s V_Gamma(s, E mu_0)
    k reports at the first tick  E V_Gamma(s, m_1),   m_1 the posterior mean of the n robots' shares
    all robots seen              E V_Gamma(s, N / n)

increase in this order, and each is a lower bound for everybody who knows at least as much. The mean over s is exact, the
mean over starts is over draws.
"""

from __future__ import annotations

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games.start import Start
from altmarl_ros.learning.shares.bounds import Bound
from altmarl_ros.observation.model import draw_without_replacement
from altmarl_ros.observation.start_posterior import mean_start, posterior_mean
from altmarl_ros.policies.shares.lookahead import SharesPolicy


def heard_nobody(policy: SharesPolicy, start: Start) -> Bound:
    """Of a coordinator that never hears a robot, for every number of robots."""
    value = start_values(policy, start, mean_start(start)[None])[0]
    return Bound(float(value), "at least, for any number of robots, without a single report")


def heard_some(policy: SharesPolicy, start: Start, k: int, n: int, *, draws: int, rng: np.random.Generator) -> Bound:
    """Of a coordinator that hears k of n robots at the first tick, whatever it hears later."""
    counts = start.draw_counts(n, draws, rng)
    shares = posterior_mean(start, draw_without_replacement(counts, k, rng), n)
    return _mean(start_values(policy, start, shares), f"at least, for {n} robots, after {k} reports at the first tick")


def all_seen(policy: SharesPolicy, start: Start, n: int | None, *, draws: int, rng: np.random.Generator) -> Bound:
    """Of a coordinator that sees all n robots, or an infinite fleet."""
    shares = start.draw_shares(draws, rng) if n is None else start.draw_counts(n, draws, rng) / n
    fleet = "the mean field" if n is None else f"{n} robots"
    return _mean(start_values(policy, start, shares), f"at least, for {fleet}, all seen at the first tick")


def start_values(policy: SharesPolicy, start: Start, shares: FloatArray) -> FloatArray:
    """sum_s rho_g(s) V_Gamma(s, m) [B] for shares m [B, S_l], of one who knows of a hidden state how it begins."""
    vectors, shares = policy.vectors, start.joint(shares)
    total = np.zeros(len(shares))
    for s in np.flatnonzero(start.rho_g > 0):
        nodes = slice(vectors.start[s], vectors.start[s + 1])
        total += start.rho_g[s] * (shares @ vectors.alpha[nodes].T).max(axis=1)
    return total


def _mean(values: FloatArray, holds_for: str) -> Bound:
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.inf
    return Bound(float(values.mean()), holds_for, float(error))
