"""How long an episode must be so that what is cut off hardly counts."""

from __future__ import annotations

import numpy as np

from altmarl_ros.errors import ResourceError

MAX_HORIZON = 100_000
"""Most ticks of an episode whose length follows from the discount; hundreds of them still fit into memory."""


def discounted_horizon(gamma: float, tail: float = 0.01) -> int:
    """Ticks after which the rest of an endless episode has the share `tail` of its discounted weight.

    Raises:
        ResourceError: gamma is so near 1 that these are more than MAX_HORIZON.
    """
    ticks = np.log(tail) / np.log(gamma) if gamma < 1.0 else np.inf
    if not ticks <= MAX_HORIZON:
        most = tail ** (1.0 / MAX_HORIZON)
        raise ResourceError(
            f"gamma is {gamma!r}: an episode would take {ticks:,.0f} ticks, must be at most {MAX_HORIZON:,}, "
            f"which needs a gamma of at most {np.floor(most * 1e7) / 1e7:.7g}"
        )
    return int(np.ceil(ticks))
