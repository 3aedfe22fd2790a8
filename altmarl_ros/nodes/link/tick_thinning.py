"""Makes ticks smaller before they cross a link, on which each robot is sent its own copy.

In one ROS network a tick is one packet for all robots. Over links it crosses once for each of them, so what few robots need
costs as often as there are robots: a repeated tick, which asks others in place of silent robots, and the roster, by which each
robot looks itself up.
"""

from __future__ import annotations

from dataclasses import dataclass

from rclpy.serialization import deserialize_message, serialize_message

from altmarl_ros.msg import FleetTick

_RUNS = 4  # of the roster in one tick
_MOST_PAGES = 1000


@dataclass(frozen=True)
class ThinTick:
    """A tick as it crosses.

    Attributes:
        message: serialised.
        only_for: ids of the robots that need it; None: all of them.
    """

    message: bytes
    only_for: tuple[int, ...] | None


class TickThinner:
    """Lets a few runs of the roster cross with each tick, which take turns, and repeated ticks to those whom they ask alone."""

    def __init__(self) -> None:
        self._last: tuple[int, int] | None = None  # session and tick
        self._turns: dict[tuple[int, int], int] = {}  # first of the next runs, by the bounds of their page

    def thin(self, message: bytes) -> ThinTick:
        """Make a serialised FleetTick smaller; what is none passes as it is."""
        try:
            tick = deserialize_message(message, FleetTick)
        except Exception:  # whatever the middleware raises for what is no message
            return ThinTick(message, None)
        begun, self._last = self._last, (tick.session, tick.tick)
        if begun == self._last and not tick.secret:
            return ThinTick(message, tuple(tick.polled))
        if len(tick.run_first) <= _RUNS:
            return ThinTick(message, None)
        self._cut_roster(tick)
        return ThinTick(bytes(serialize_message(tick)), None)

    def _cut_roster(self, tick: FleetTick) -> None:
        """Tell of the next few runs, and that there is nobody between them."""
        page, runs = (tick.roster_first, tick.roster_last), len(tick.run_first)
        begin = self._turns.get(page, 0)
        begin = begin if begin < runs else 0
        end = min(begin + _RUNS, runs)
        if len(self._turns) >= _MOST_PAGES:
            self._turns.clear()
        self._turns[page] = end
        if begin > 0:
            tick.roster_first = tick.run_first[begin - 1] + tick.run_count[begin - 1]
        if end < runs:
            tick.roster_last = tick.run_first[end] - 1
        for name in ("run_first", "run_count", "run_tag"):
            setattr(tick, name, getattr(tick, name)[begin:end])
