"""Defines the certificate of a pair: NashGap, its intervals, and the bound that the theorem claims.

A pair (pi_g, pi_l) is an eps-approximate Nash equilibrium of the team game if neither side can raise the team's discounted
reward by more than eps by changing its own policy. NashGap says how much each side could gain; all numbers are team reward.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import inf, isfinite, log, sqrt
from typing import Any

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games import TabularGame

EXACT = "exact"
BOUNDS = "exact bounds"
ESTIMATED = "estimated"
NONE_FOUND = "none found"


@dataclass(frozen=True)
class Interval:
    """A gain and the interval in which it lies.

    Attributes:
        estimate: gain of the best deviation that was found.
        low: lower end.
        high: upper end; infinite if no bound is known.
        kind: what the ends mean:
            `exact`         both ends are the best gain of the class, up to the arithmetic's precision;
            `exact bounds`  the best gain of the class lies in [low, high] for certain: a policy of the class gains
                            low, and no policy, even one that sees more, gains more than high;
            `estimated`     95 % interval of the gain of one deviation, which was chosen on other random numbers; the
                            best of the class gains at least as much as this deviation;
            `none found`    no tried deviation gained, on the numbers by which it was chosen or on those by which it was
                            measured; others may gain.

    All numbers of a gain are at least 0: whoever finds nothing better stays with the present policy.
    """

    estimate: float
    low: float
    high: float
    kind: str

    @classmethod
    def between(cls, found: float, best: float, scale: float) -> Interval:
        """Make an interval with exact ends: a policy of the class gains `found`, and none gains more than `best`.

        `scale` is the size of the values, relative to which rounding errors are judged.
        """
        low, high = max(0.0, found), max(0.0, found, best)
        return cls(low, low, high, EXACT if high - low <= 1e-8 * (1.0 + abs(scale)) else BOUNDS)

    @classmethod
    def estimated(cls, differences: FloatArray, scale: float = 1.0) -> Interval:
        """Make the 95 % interval, by Student's t, of the mean of paired differences [runs], times `scale`."""
        from scipy.stats import t

        runs = len(differences)
        mean, error = float(differences.mean()), float(differences.std(ddof=1)) / sqrt(runs)
        half = float(t.ppf(0.975, runs - 1)) * error
        return cls(scale * mean, scale * (mean - half), scale * (mean + half), ESTIMATED)

    @classmethod
    def of_gain(cls, differences: FloatArray, scale: float = 1.0) -> Interval:
        """Make the interval of the gain of a class: the part above 0 of `estimated`, since nobody has to deviate.

        If the deviation lost on the numbers by which it was measured, it is none that gains.
        """
        measured = cls.estimated(differences, scale)
        if measured.high <= 0.0:
            return cls.nothing()
        return cls(max(0.0, measured.estimate), max(0.0, measured.low), measured.high, ESTIMATED)

    @classmethod
    def nothing(cls) -> Interval:
        """Make the interval that says that no tried deviation gained."""
        return cls(0.0, 0.0, inf, NONE_FOUND)


@dataclass(frozen=True)
class NashGap:
    """How far a pair is from an equilibrium of the team game with k of n robots heard.

    Attributes:
        k: number of reports per tick.
        n: number of robots.
        value: the team's discounted reward under the pair.
        value_error: standard error of the value; 0 if it is exact.
        global_gain: gain from another pi_g(s_g, c) of k reports, against the same pi_l.
        global_all_seen: gain from a coordinator that hears all n robots, which is outside the class unless k = n. If exact,
            it is the best such coordinator, and no pi_g gains more. If estimated, it acts by the top rung on all robots: a
            reference and no bound.
        local_gain_one: gain from another policy of one robot, TIMES n (one robot's effect on the team is of order 1/n).
        local_gain_all: gain from another pi_l that all robots share.
        claimed: the bound that the theorem claims, see `claimed_bound`.
    """

    k: int
    n: int
    value: float
    value_error: float
    global_gain: Interval
    global_all_seen: Interval
    local_gain_one: Interval
    local_gain_all: Interval
    claimed: float

    def as_json(self) -> dict[str, Any]:
        """Return the fields as JSON values; infinite numbers become null."""
        return {key: _finite(value) for key, value in asdict(self).items()}


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    return None if isinstance(value, float) and not isfinite(value) else value


def claimed_bound(game: TabularGame, k: int, n: int) -> float:
    """Compute 2 eta, the bound that the authors' theorem promises as far as it could be read; infinite for k = 0.

    Anand and Karmarkar (arXiv 2603.03759) claim that ALTERNATING-MARL ends in a 2 eta-approximate Nash equilibrium
    with eta = O~(1/sqrt(k)); neither their abstract nor their code gives the constant. So eta is taken from theorem 4.2 of
    the work on which the paper builds (Anand, Karmarkar and Qu, arXiv 2412.00661), whose Bellman noise is 0 for exact backups:

        eta = r / (1 - gamma)^2  sqrt{ (n - k + 1) / (2 n k)  ln( 40 r S_l A_l A_g k^(A_l + 1/2) / (1 - gamma)^2 ) }
              + 1 / (10 sqrt(k)),    r = max |r_g| + max |r_l|.

    The formula was read from an extracted text that had lost its root signs; that the root covers the logarithm is our reading.
    """
    k = min(k, n)
    if k < 1:
        return inf
    r = float(np.abs(game.r_g).max() + np.abs(game.r_l).max())
    horizon = 1.0 / (1.0 - game.gamma)
    # The logarithm's argument falls below 1 only for rewards near 0; then only the last term of eta is left.
    argument = 40.0 * r * game.n_local_states * game.n_local_actions * game.n_global_actions * horizon**2
    logarithm = max(0.0, (log(argument) if argument > 0 else 0.0) + (game.n_local_actions + 0.5) * log(k))
    eta = r * horizon**2 * sqrt((n - k + 1) / (2.0 * n * k) * logarithm) + 0.1 / sqrt(k)
    return 2.0 * eta
