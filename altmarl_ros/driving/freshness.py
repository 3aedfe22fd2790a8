"""Whether a datum is recent enough to act by."""

from __future__ import annotations

import math

NEVER = -math.inf
"""Time of arrival of what has not arrived [s]."""


def is_fresh(now: float, arrived: float, timeout: float, delay: float = 0.0) -> bool:
    """Return whether a datum is at most `timeout` [s] old at time `now` [s].

    It arrived at time `arrived` [s], `delay` [s] after it was measured. What arrived never, in the future, or at a time
    that is not a number is not fresh, so a clock that goes back makes everything stale.
    """
    age = now - arrived
    return age >= 0.0 and age + delay <= timeout
