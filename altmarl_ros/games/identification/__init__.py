"""What recorded runs say about a game: how robots move (`kernel`), and how long what the coordinator does not see lasts
(`hidden_state`).
"""

from altmarl_ros.games.identification.kernel import (
    WEIGHT,
    IdentifiedKernel,
    count_transitions,
    draw_kernels,
    feels_global_state,
    identify,
    transitions_needed,
)

__all__ = [
    "WEIGHT",
    "IdentifiedKernel",
    "count_transitions",
    "draw_kernels",
    "feels_global_state",
    "identify",
    "transitions_needed",
]
