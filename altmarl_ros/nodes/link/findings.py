"""What /diagnostics says of a link."""

from __future__ import annotations

from collections import Counter
from typing import Mapping, Sequence

from altmarl_ros.links.border import Border
from altmarl_ros.links.keys import WARNING_DAYS, Credentials
from altmarl_ros.links.register import utc_now
from altmarl_ros.monitoring.health import Finding, Level

_MOST_NAMES = 20
_MOST_REFUSALS = 10


def traffic_finding(
    borders: Sequence[Border], connected: Sequence[str], trouble: str = "", turned_away: Mapping[str, int] | None = None
) -> Finding:
    """Return who is connected, and how many bytes crossed in each direction, by flow.

    `trouble` is why nothing crosses; `turned_away` counts the connections that a front hung up on, by reason.
    """
    crossed: Counter[str] = Counter()
    for border in borders:
        for (name, direction), size in sorted(border.bytes.items()):
            crossed[f"{name} {direction} bytes"] += size
    values: dict[str, str | int | float] = {"connected": ", ".join(connected[:_MOST_NAMES]) or "nobody", **crossed}
    values.update({f"hung up on: {reason}": count for reason, count in (turned_away or {}).items()})
    level = Level.ERROR if trouble else Level.OK
    return Finding("link", level, trouble or f"{len(connected)} connected", values)


def refusals_finding(borders: Sequence[Border]) -> Finding:
    """Return what was refused at the border, by who said it; a warning as soon as there is something."""
    refused = {key: count for border in borders for key, count in list(border.refused.items())}
    newest = list(refused.items())[-_MOST_REFUSALS:]
    values = {f"{who}: {reason}": count for (who, reason), count in newest}
    total = sum(refused.values())
    message = f"{total} messages refused, last {newest[-1][0][0]}: {newest[-1][0][1]}" if newest else "nothing refused"
    return Finding("link border", Level.WARN if total else Level.OK, message, values)


def certificate_finding(credentials: Credentials, others: Sequence[str] = ()) -> Finding:
    """Return how long the certificate is valid; a warning before its end, and before that of `others` who are named."""
    left = credentials.days_left(utc_now())
    level = Level.ERROR if left <= 0 else Level.WARN if left < WARNING_DAYS or others else Level.OK
    message = f"{credentials.identity.common_name} is valid for {left:.0f} days"
    if others:
        message += f"; certificates of {', '.join(others[:_MOST_NAMES])} end within {WARNING_DAYS} days"
    return Finding("link certificate", level, message, {"expires": credentials.expires.isoformat()})
