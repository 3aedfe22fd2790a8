"""Grades the health of a coordinator and of its robots, for `/diagnostics`."""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Mapping, Sequence, Union

from altmarl_ros.monitoring.tick_expectation import SILENT_PERIODS, Standing, TickExpectation
from altmarl_ros.protocol.agent import RobotAgent
from altmarl_ros.protocol.budget import WINDOW
from altmarl_ros.protocol.claims import Doubled
from altmarl_ros.protocol.messages import Verdict

if TYPE_CHECKING:
    from altmarl_ros.protocol.coordinator import Coordinator
    from altmarl_ros.protocol.decision import Decision

Value = Union[str, int, float]

_RECENT_TICKS = 20
_MOST_TOLD = 20  # robots in an operator's hand
_EXPECTED = (Verdict.ACCEPTED, Verdict.LATE)


class Level(IntEnum):
    """Levels of diagnostic_msgs/DiagnosticStatus."""

    OK = 0
    WARN = 1
    ERROR = 2


@dataclass(frozen=True)
class Finding:
    """One status of `/diagnostics`: what was graded, its level, a message, and values by name."""

    name: str
    level: Level
    message: str
    values: Mapping[str, Value]


@dataclass(frozen=True)
class Threshold:
    """Limits of a quantity that is worse the larger it is: from `warn` on a warning, from `error` on an error."""

    warn: float
    error: float

    def grade(self, value: float) -> Level:
        """Return the level of a value."""
        return Level.ERROR if value >= self.error else Level.WARN if value >= self.warn else Level.OK


@dataclass(frozen=True)
class Thresholds:
    """Limits by which a coordinator is graded.

    Attributes:
        slowness: missing share of the wanted tick frequency.
        loss: share of the polls of the last ticks that brought no accepted report.
        suspended: share of the roster that is out of the draw.
        age: 95 % quantile of the age of information, divided by that of a fair draw in which all robots answer.
    """

    slowness: Threshold = field(default=Threshold(0.1, 0.5))
    loss: Threshold = field(default=Threshold(0.2, 0.9))
    suspended: Threshold = field(default=Threshold(0.05, 0.5))
    age: Threshold = field(default=Threshold(3.0, 10.0))


class CoordinatorHealth:
    """Collects the results of ticks; `findings` grades the last of them."""

    def __init__(self, period: float) -> None:
        """Begin without ticks; `period` is that of the ticks [s], and may be changed later."""
        self.period = period
        self._due = math.inf  # monotonic [s]; of the first tick
        self._ticks: deque[tuple[float, int, int, float]] = deque(maxlen=_RECENT_TICKS)  # time, polled, heard, latency
        self._bytes: deque[tuple[float, int]] = deque()
        self._last: Decision | None = None
        self._missed = 0
        self._verdicts: Counter[Verdict] = Counter()

    def begin(self, due: float) -> None:
        """Begin a session, or to tick at another pace; the first tick is due by monotonic time `due` [s]."""
        self._ticks.clear()
        self._due = due

    def add(self, decision: Decision, latency: float, report_bytes: int, now: float) -> None:
        """Add a tick that was decided at monotonic time `now` [s]; latency in [s], report_bytes in [B]."""
        self._last = decision
        self._ticks.append((now, len(decision.tick.polled), decision.heard, latency))
        self._bytes.append((now, report_bytes))
        self._forget(now)

    def findings(
        self,
        core: Coordinator,
        thresholds: Thresholds,
        *,
        missed_ticks: int,
        refused_hellos: int,
        policy_requests: int,
        starting: bool = False,
        now: float,
    ) -> list[Finding]:
        """Grade ticks, reports, roster, bandwidth and policy at monotonic time `now` [s].

        Counters are compared with those of the last call.

        Args:
            core: the coordinator.
            thresholds: limits of the grades.
            missed_ticks: ticks that began late, since the start.
            refused_hellos: join and leave messages that were refused, since the start.
            policy_requests: requests of robots for the policy, since the start.
            starting: whether the coordinator was started so lately that robots need not be there.
            now: monotonic time [s].
        """
        self._forget(now)
        found = [
            self._tick_finding(thresholds, missed_ticks, now),
            self._report_finding(core, thresholds),
            _roster_finding(core, thresholds, refused_hellos, starting),
            self._budget_finding(core, now),
            _policy_finding(core, policy_requests),
        ]
        self._missed = missed_ticks
        self._verdicts = Counter(core.verdicts)
        return found

    def _forget(self, now: float) -> None:
        while self._bytes and self._bytes[0][0] <= now - WINDOW:
            self._bytes.popleft()

    def _tick_finding(self, thresholds: Thresholds, missed_ticks: int, now: float) -> Finding:
        times = [row[0] for row in self._ticks]
        frequency = 0.0
        if len(times) > 1:
            end = times[-1] if now - times[-1] < 2 * self.period else now
            frequency = (len(times) - 1) / max(end - times[0], 1e-9)
        latencies = sorted(row[3] for row in self._ticks)
        level = Level.OK if len(times) < 2 else thresholds.slowness.grade(1.0 - frequency * self.period)
        message = f"{frequency:.2f} of {1 / self.period:.2f} Hz" if times else "no tick yet"
        if now > (times[-1] + SILENT_PERIODS * self.period if times else self._due):
            level = Level.ERROR
        if missed_ticks > self._missed:
            level = max(level, Level.WARN)
            message += f", {missed_ticks - self._missed} missed since the last diagnosis"
        return Finding(
            "ticks",
            level,
            message,
            {
                "frequency [Hz]": frequency,
                "wanted frequency [Hz]": 1 / self.period,
                "missed ticks": missed_ticks,
                "tick": self._last.tick.tick if self._last else "none",
                "median latency [s]": latencies[len(latencies) // 2] if latencies else 0.0,
            },
        )

    def _report_finding(self, core: Coordinator, thresholds: Thresholds) -> Finding:
        polled, heard = (sum(row[i] for row in self._ticks) for i in (1, 2))
        loss = 1.0 - heard / polled if polled else 0.0
        level = thresholds.loss.grade(loss)
        odd = {
            v: core.verdicts[v] - self._verdicts[v]
            for v in Verdict
            if v not in _EXPECTED and core.verdicts[v] > self._verdicts[v]
        }
        message = f"loss {100 * loss:.0f} %"
        if odd:
            level = max(level, Level.WARN)
            message += ", refused " + ", ".join(f"{count} {verdict.value}" for verdict, count in odd.items())
        last = self._last
        return Finding(
            "reports",
            level,
            message,
            {
                "loss": loss,
                "asked": last.asked if last else 0,
                "backfilled": last.backfilled if last else 0,
                "heard": last.heard if last else 0,
                **({} if core.most_reports is None else {"rung": last.rung if last else 0}),
                "sampling error": last.sampling_error if last else 0.0,
                **{verdict.value: core.verdicts[verdict] for verdict in Verdict},
            },
        )

    def _budget_finding(self, core: Coordinator, now: float) -> Finding:
        rate, limit = sum(size for _, size in self._bytes) / WINDOW, core.budget.limit
        k, k_eff = (self._last.k, self._last.k_eff) if self._last else (core.settings.k, core.settings.k)
        level, message = Level.OK, "no limit" if limit <= 0 else f"{rate:.0f} of {limit:.0f} B/s"
        if limit > 0 and rate > limit:
            level, message = Level.ERROR, f"{message}: somebody sends reports that nobody asked for"
        elif limit > 0 and k_eff < k:
            level, message = Level.WARN, f"{message}: k_eff is {k_eff}, wanted {k}"
        return Finding(
            "bandwidth",
            level,
            message,
            {
                "reports on the wire [B/s]": rate,
                "limit [B/s]": limit,
                "k": k,
                "k_eff": k_eff,
            },
        )


def _roster_finding(core: Coordinator, thresholds: Thresholds, refused_hellos: int, starting: bool) -> Finding:
    roster, ages = core.roster, core.roster.ages
    operated = roster.operated
    n, live = len(roster), roster.live
    counted = n - operated.on_roster
    age = ages.p95 / _fair_age(core.settings.k, live)
    nobody = Level.OK if starting and n == 0 else Level.ERROR
    if live > 0:
        level = max(thresholds.suspended.grade(1 - live / counted), thresholds.age.grade(age))
    else:
        level = nobody if counted or n == 0 else Level.WARN
    message = f"{live} of {counted} robots answer" if counted else "no robot acts by its policy" if n else "no robot has joined"
    told = [f"{robot_id} {each}" for robot_id, each in operated.listed(_MOST_TOLD)]
    if told:
        message += f"; robot {', '.join(told[:3])}{', ...' if len(told) > 3 else ''}"
    return Finding(
        "roster",
        level,
        message,
        {
            "robots": n,
            "live": live,
            "suspended": counted - live,
            "in an operator's hand": operated.on_roster,
            "operated": ", ".join(told) or "none",
            "refused hellos": refused_hellos,
            "mean age [ticks]": ages.mean,
            "median age [ticks]": ages.median,
            "95 % age [ticks]": ages.p95,
            "largest age [ticks]": ages.maximum,
            "95 % age over a fair draw's": age,
        },
    )


def _policy_finding(core: Coordinator, policy_requests: int) -> Finding:
    pending = core.next_bundle
    message = f"policy {core.bundle.policy_id:08x}" + (f", then {pending.policy_id:08x}" if pending else "")
    return Finding(
        "policy",
        Level.OK,
        message,
        {
            "policy": f"{core.bundle.policy_id:08x}",
            "announced": f"{pending.policy_id:08x}" if pending else "none",
            "requests": policy_requests,
            "most reports": "any" if core.most_reports is None else core.most_reports,
        },
    )


def doubled_ids_finding(doubled: Sequence[Doubled]) -> Finding:
    """Grade the ids of a roster: one that two robots use is an error, since each acts on what the other is told."""
    if not doubled:
        return Finding("robot ids", Level.OK, "each is used by one robot", {})
    told = [f"{each.robot_id} by {' and '.join(each.names)}" for each in doubled]
    return Finding(
        "robot ids",
        Level.ERROR,
        f"used by two robots: {', '.join(told[:3])}",
        {"ids": ", ".join(told[:20]), "number": len(told)},
    )


def _fair_age(k: int, n: int) -> float:
    """Return the 95 % quantile of the ticks since a robot was heard, with probability k/n per tick; at least 1."""
    if k <= 0 or k >= n:
        return 1.0
    return max(1.0, math.log(0.05) / math.log1p(-k / n))


def robots_finding(
    agents: Sequence[RobotAgent], now: float, silent: Threshold, expected: TickExpectation, each: int = 1
) -> Finding:
    """Grade the robots of one process.

    Args:
        agents: the robots' agents.
        now: monotonic time [s].
        silent: limits for the share of robots that hear no coordinator.
        expected: by when they have to hear its next tick.
        each: number of robots that every agent stands for.
    """
    robots = each * len(agents)
    standing = expected.standing(now)
    deaf = each * sum(expected.overdue(agent.tick_age(now), now) for agent in agents)
    waiting = each * sum(agent.lacks_policy for agent in agents)
    level = max(silent.grade(deaf / max(robots, 1)), Level.WARN if waiting else Level.OK)
    message = f"{robots - deaf} of {robots} robots hear the coordinator"
    if waiting:
        message += f", {waiting} lack its policy"
    doubled = [agent.robot_id for agent in agents if agent.membership.is_doubled(now)]
    foreign = max((agent.allegiance.foreign for agent in agents), default=0)
    if doubled:
        level, message = Level.ERROR, f"{message}; another robot uses the id {', '.join(map(str, doubled[:5]))}"
    elif standing is Standing.WAITING:
        level, message = Level.OK, standing.value
    elif standing is Standing.PAUSED:
        level, message = Level.WARN, standing.value
    elif not any(agent.heard for agent in agents):
        message = "no coordinator was heard yet"
    return Finding(
        "robots",
        level,
        message,
        {
            "robots": robots,
            "silent": deaf,
            "lacking the policy": waiting,
            "ids used by others too": each * len(doubled),
            "ticks of other coordinators": foreign,
            "ticks heard": each * sum(agent.heard for agent in agents),
            "ticks without action": each * sum(agent.missed for agent in agents),
            "of these for want of the policy": each * sum(agent.without_policy for agent in agents),
        },
    )
