"""Divides a run where somebody changed how it decides: k, the observation model or the policy."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Mapping, Sequence

if TYPE_CHECKING:
    from altmarl_ros.records.run_record import Configuration, StatusRow


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


def divide(
    rows: Sequence[StatusRow], configurations: Mapping[tuple[int, int], Configuration], about: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return the segments of a run as JSON values; none where all ticks were decided alike.

    Args:
        rows: the statuses, in order.
        configurations: by session and the first tick that each is for.
        about: the run's description, for what no configuration tells.
    """
    by_session: dict[int, list[Configuration]] = {}
    for configuration in sorted(configurations.values(), key=lambda each: each.tick):
        by_session.setdefault(configuration.session, []).append(configuration)
    found: list[Segment] = []
    for t, row in enumerate(rows):
        told = next((each for each in reversed(by_session.get(row.session, ())) if each.tick <= row.tick), None)
        values = {**about, **(told.about() if told is not None else {})}
        same_policy = told is None or told.policy_id == row.policy_id
        policy = str(values.get("policy", "")) if same_policy else ""
        if told is None and found and row.policy_id != found[0].policy_id:
            policy = ""  # not the one that the run began with
        now = Segment(t, t + 1, int(values.get("k", row.asked)), str(values.get("model", "")), policy, row.policy_id)
        if found and _decides(found[-1]) == _decides(now):
            found[-1] = Segment(found[-1].begin, t + 1, now.k, now.model, now.policy, now.policy_id)
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
