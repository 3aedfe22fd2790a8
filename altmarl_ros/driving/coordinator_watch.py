"""Judges whether a robot's coordinator is silent: the one place that does, for what halts the robot and for what parks it.

Two signs tell. Ticks stop arriving, which is noticed within a tick's timeout. Or the middleware tells how many writers of
ticks are alive and how many are not, which is noticed sooner, however long a tick takes. It does not tell which of them
fell silent (DDS 1.4, 2.2.4.2: LIVELINESS_CHANGED). So any loss counts as the coordinator's, a standby's too, until that
writer is back, or a tick was received while some writer is alive.
"""

from __future__ import annotations

from altmarl_ros.driving.freshness import NEVER, is_fresh


class CoordinatorWatch:
    """Watches the coordinator of one robot.

    Attributes:
        tick_arrived: when the newest tick came [s].
        lost: whether a writer of ticks fell silent or left, and none has ticked since.
    """

    def __init__(self) -> None:
        self.tick_arrived = NEVER
        self.lost = False
        self._alive = self._not_alive = 0
        self._ticked = False  # since the loss

    def is_silent(self, now: float, timeout: float) -> bool:
        """Return whether the coordinator is lost, or no tick came within `timeout` [s] before time `now` [s]."""
        return self.lost or not is_fresh(now, self.tick_arrived, timeout)

    def tick_received(self, now: float) -> None:
        """Note a tick that came at time `now` [s]; a late one of a coordinator that is gone does not bring it back."""
        self.tick_arrived = now
        self._ticked = True
        if self._alive:
            self.lost = False

    def writers_changed(self, alive: int, not_alive: int) -> None:
        """Note how many writers of ticks are alive now, and how many are not."""
        if alive < self._alive or not_alive > self._not_alive:
            self.lost, self._ticked = True, False
        elif alive > self._alive and (not_alive < self._not_alive or self._ticked):
            self.lost = False
        self._alive, self._not_alive = alive, not_alive
