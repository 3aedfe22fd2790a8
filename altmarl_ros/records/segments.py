"""Divides a run where somebody changed how it decides: k, the observation model or the policy."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import asdict, dataclass, replace
from typing import Any, Mapping, Protocol, Sequence


@dataclass(frozen=True)
class Segment:
    """Consecutive ticks of a record that were decided alike.

    Attributes:
        begin, end: indices of the first tick and of the one after the last.
        k: reports that were asked for per tick.
        model: observation model.
        policy: file of the bundle in force; empty: not known.
        policy_id: of the bundle; 0: not known.
    """

    begin: int
    end: int
    k: int
    model: str
    policy: str
    policy_id: int = 0


class Decided(Protocol):
    """What is needed of the status of one tick, such as a StatusRow."""

    @property
    def session(self) -> int:
        """Number of the session."""

    @property
    def tick(self) -> int:
        """Number of the tick."""

    @property
    def policy_id(self) -> int:
        """Id of the policy in force."""

    @property
    def asked(self) -> int:
        """Number of robots polled."""


def divide(
    rows: Sequence[Decided], told: Mapping[tuple[int, int], Mapping[str, Any]], about: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return the segments of a run as JSON values; none where all ticks were decided alike.

    Args:
        rows: the statuses, in order.
        told: k, model, policy and policy_id of the configurations, by session and the first tick that each is for.
        about: the run's description, for what no configuration tells.
    """
    by_session: dict[int, list[int]] = {}
    for session, tick in sorted(told):
        by_session.setdefault(session, []).append(tick)
    found: list[Segment] = []
    for t, row in enumerate(rows):
        ticks = by_session.get(row.session, [])
        at = bisect_right(ticks, row.tick) - 1
        known = told[row.session, ticks[at]] if at >= 0 else {}
        values = {**about, **known}
        first_policy = known.get("policy_id", found[0].policy_id if found else row.policy_id)
        policy = str(values.get("policy", "")) if row.policy_id == first_policy else ""  # its file was not told
        now = Segment(t, t + 1, int(values.get("k", row.asked)), str(values.get("model", "")), policy, row.policy_id)
        if found and _decides(found[-1]) == _decides(now):
            found[-1] = replace(now, begin=found[-1].begin)
        else:
            found.append(now)
    return [asdict(segment) for segment in found] if len(found) > 1 else []


def segments(about: Mapping[str, Any], ticks: int) -> list[Segment]:
    """Return the segments that the description of a record of so many ticks tells; one where nothing was changed.

    Raises:
        KeyError: the description lacks k, model or policy.
        TypeError: it holds a segment with other fields.
    """
    told = about.get("segments") or []
    if not told:
        return [Segment(0, ticks, int(about["k"]), str(about["model"]), str(about["policy"]))]
    return [Segment(**each) for each in told]


def _decides(segment: Segment) -> tuple[int, str, int]:
    return segment.k, segment.model, segment.policy_id
