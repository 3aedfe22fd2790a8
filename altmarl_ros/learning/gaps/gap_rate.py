"""Computes how the exact gap of the policy learned for k reports falls with k, and fits an exponent to it.

For every k the coordinator's rung is the exact G-LEARN solution for k reports. It is played in the team of n robots, and

    gap(k) = V(all robots seen, best) - V(rung of k),  both against the same pi_l, exactly (module exact_team).

`local` chooses pi_l. `shared` learns one pair at the largest k and keeps its pi_l, so that only k changes, as in the
authors' sweep over k. `own` learns a pair for every k by best responses; then the local policy changes with k too, and the
gap is that of the pair's own equilibrium, which need not fall steadily.

The fit is log gap = const + exponent * log x over 1 <= k <= n / 2. In every game a subset of k robots without replacement
varies like one of x = k (n - 1) / (n - k) robots with replacement, and so every gap goes to 0 at k = n. A fit against k
itself would therefore make the exponent look steeper. Both fits are given; `against_effective` is the cautious one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, Sequence

import numpy as np

from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import TabularGame
from altmarl_ros.learning.gaps.deviations import OneRobot, best_global, found_global
from altmarl_ros.learning.gaps.exact_team import DEFAULT_MEMORY, PRECISION, TeamGame
from altmarl_ros.learning.local_agent import l_learn
from altmarl_ros.learning.power_law import PowerLaw, fit_power_law
from altmarl_ros.policies import ActionTable, LocalPolicy

LOCAL = ("shared", "own")
_FLOOR = 1e-7  # relative to the value; the arithmetic cannot tell smaller gaps from 0


@dataclass(frozen=True)
class GapPoint:
    """The exact gaps at one k, in team reward.

    Attributes:
        k: number of reports per tick.
        value: team value of the pair.
        all_seen: gain of the best coordinator that sees all robots; no pi_g gains more.
        in_class: gain of the better rung of k reports that was found; the best rung gains at least as much.
        one_robot: team gain of the best deviation of one robot that sees everything; it is of order 1/n.
    """

    k: int
    value: float
    all_seen: float
    in_class: float
    one_robot: float


@dataclass(frozen=True)
class GapByK:
    """The gaps of one game by k, for n robots."""

    game: str
    n: int
    local: str
    points: tuple[GapPoint, ...]

    def against_k(self) -> PowerLaw | None:
        """Fit the gaps against k; the result is None if fewer than two gaps above 0 remain."""
        return self._fit(lambda k: float(k))

    def against_effective(self) -> PowerLaw | None:
        """Fit the gaps against k (n - 1) / (n - k), which removes the effect of drawing without replacement."""
        return self._fit(lambda k: k * (self.n - 1) / (self.n - k))

    def _fit(self, size: Callable[[int], float]) -> PowerLaw | None:
        used = [point for point in self.points if 2 * point.k <= self.n and point.all_seen > _FLOOR * (1.0 + abs(point.value))]
        law = fit_power_law([size(point.k) for point in used], [point.all_seen for point in used])
        left_out = tuple(point.k for point in self.points if point not in used)
        return law and replace(law, used=tuple(point.k for point in used), excluded=left_out)


def gap_by_k(game: TabularGame, n: int, ks: Sequence[int], local: str = "shared") -> GapByK:
    """Compute the exact gaps of one game for every k in ks.

    Raises:
        AltmarlError: a k is not in 1..n or `local` is unknown.
        ResourceError: the team's tables do not fit DEFAULT_MEMORY [bytes].
    """
    check_gap_options(n, ks, local)
    team = TeamGame(game, n)
    shared = learn_pair(team, max(ks))[1] if local == "shared" else None
    points = []
    for k in ks:
        rung, pi_l = (best_rung(game, shared, k, team.memory_limit), shared) if shared else learn_pair(team, k)
        points.append(_point(team, k, rung, pi_l))
    return GapByK(game.name, n, local, tuple(points))


def check_gap_options(n: int, ks: Sequence[int], local: str) -> None:
    """Check the numbers of reports and the choice of local policies for teams of n robots.

    Raises:
        AltmarlError: a k is not in 1..n or `local` is unknown.
    """
    if local not in LOCAL:
        raise AltmarlError(f"local is {local!r}, must be one of {', '.join(LOCAL)}")
    for k in ks:
        if not 1 <= k <= n:
            raise AltmarlError(f"k is {k}, must be in 1..{n}, the number of robots")


def best_rung(game: TabularGame, pi_l: LocalPolicy, k: int, memory_limit: int = DEFAULT_MEMORY) -> ActionTable:
    """Solve G-LEARN for k >= 1 reports to the arithmetic's precision [s_g, rank of c], as the team game of k seen robots."""
    small = TeamGame(game, k, memory_limit)
    Q = small.action_values(small.best_values(pi_l), pi_l)
    # The first action within rounding of the best one is taken, so that ties are broken in the same way everywhere.
    nearly_best = Q.max(axis=2, keepdims=True) - PRECISION * (1.0 + np.abs(Q).max())
    return np.ascontiguousarray((nearly_best <= Q).argmax(axis=2).T, dtype=np.uint16)


def learn_pair(team: TeamGame, k: int, rounds: int = 20) -> tuple[ActionTable, LocalPolicy]:
    """Run ALTERNATING-MARL (arXiv 2603.03759) with exact steps and an UPDATE that compares exact team values.

    The rounds are those of `alternating.train`. They start from the uniform pi_l and end when neither step raises the
    value by more than its precision, or after `rounds` rounds.
    """
    pi_l = LocalPolicy.uniform(team.game)
    rung = best_rung(team.game, pi_l, k, team.memory_limit)
    value = team.value(team.response(rung), pi_l)
    for _ in range(rounds):
        kept_any = False
        for learner in ("local", "global"):
            if learner == "global":
                candidate = best_rung(team.game, pi_l, k, team.memory_limit), pi_l
            else:
                candidate = rung, l_learn(team.game, team.local_occupancy(team.response(rung), pi_l)).pi_l
            reached = team.value(team.response(candidate[0]), candidate[1])
            if reached > value + 1e-9 * (1.0 + abs(value)):
                (rung, pi_l), value, kept_any = candidate, reached, True
        if not kept_any:
            break
    return rung, pi_l


def _point(team: TeamGame, k: int, rung: ActionTable, pi_l: LocalPolicy) -> GapPoint:
    q = team.response(rung)
    value = team.value(q, pi_l)
    gains = (best_global(team, pi_l), found_global(team, rung, pi_l)[0], OneRobot(team, q, pi_l).best())
    return GapPoint(k, value, *(max(0.0, gain - value) for gain in gains))
