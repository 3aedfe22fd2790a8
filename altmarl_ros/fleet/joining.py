"""When robots say hello: spread over a window, so that a fleet that starts at once does not speak at once."""

from __future__ import annotations

_GOLDEN = 0.6180339887498949


def join_delay(robot_id: int, window: float) -> float:
    """Delay of a robot's hello, in [0, window) [s].

    Multiples of the golden ratio modulo 1 (Weyl's sequence): any run of successive ids is spread evenly
    over the window, without a random number and whatever the size of the fleet.
    """
    return window * (robot_id * _GOLDEN % 1.0)
