"""Paces a simulated world: by the steady clock, times a factor, and never faster than the robots can steer.

With factor f and steady time w the simulated time should be t = f w. A world that fell behind catches up, but by no more
than a bounded time; what it missed before that is given up, and shows as a lower factor. Whatever the factor, the world
waits for robots that drive: a robot whose last command is older than a given simulated time makes it wait for up to
`_PATIENCE` of steady time. Then the robot counts as silent until it commands again, as does one that never commanded. Where
commands have stamps, they are as old as the clock by which the robot decided, so that a robot reacts to what it sees within
about that simulated time, however busy the machine is; without stamps what waits in queues is not counted. A robot that was
waited for in vain, and commands soon after, has a slower control loop, and from then on the time that this takes. From a tick
on, the world goes no faster than the steady clock until all robots have acted, those apart that did not act at the one before:
else a fast machine would let ticks pass before robots come to hear of them.
"""

from __future__ import annotations

from collections import deque
from math import inf, nan

import numpy as np

from altmarl_ros.errors import AltmarlError

_CATCH_UP = 0.25  # s, steady
_PATIENCE = 2.0  # s, steady
_SLOWEST_LOOP = 0.25  # s, simulated; longer gaps are no period of a control loop
_WINDOW = 5.0  # s, steady; over which the reached factor is told


class Pace:
    """Derives simulated time from the steady clock.

    Args:
        factor: simulated seconds per steady second; 0: as many as possible.

    Raises:
        AltmarlError: the factor is negative or not finite.
    """

    def __init__(self, factor: float) -> None:
        if not 0.0 <= factor < inf:
            raise AltmarlError(f"real_time_factor is {factor:g}, must be finite and not negative; 0: as fast as possible")
        self.factor = factor
        self._anchor: tuple[float, float] | None = None
        self._samples: deque[tuple[float, float]] = deque()

    def due(self, now: float, time: float) -> float:
        """Return the simulated time [s] to go on to from `time` at steady time `now` [s]; infinite with factor 0."""
        if self.factor == 0.0:
            return inf
        if self._anchor is None:
            self._anchor = now, time
        began, origin = self._anchor
        behind = origin + self.factor * (now - began) - time
        if behind > _CATCH_UP * self.factor:
            self._anchor = now - _CATCH_UP, time
            behind = _CATCH_UP * self.factor
        return time + behind

    def reached(self, now: float, time: float) -> float:
        """Return the simulated seconds per steady second over the last seconds; to be called about once a second."""
        self._samples.append((now, time))
        while now - self._samples[0][0] > _WINDOW and len(self._samples) > 2:
            self._samples.popleft()
        since, at = self._samples[0]
        return (time - at) / (now - since) if now > since else self.factor


class Steerers:
    """Tells which of n robots drive, and whether the world has to wait for one of them."""

    def __init__(self, n: int, answer_time: float, *, time_step: float = 0.0) -> None:
        """Reckon with n robots.

        Args:
            n: number of robots.
            answer_time: the longest time between two commands of a robot whose control loop is no slower [s, simulated].
            time_step: of the world, by which two periods of a control loop may differ [s].
        """
        self._answer_time, self._time_step = answer_time, time_step
        self._commanded = np.full(n, inf)  # simulated time of the last command; infinite: silent
        self._last = np.full(n, nan)  # the same, of silent ones too
        self._period = np.zeros(n)  # of control loops that are known to be slow [s]
        self._waiting: float | None = None
        self._acts = np.ones(n, dtype=bool)  # at ticks; until it does not
        self._owe = np.zeros(n, dtype=bool)  # an action for the present tick
        self._slow: tuple[float, float] | None = None  # steady and simulated time from which the world is slow

    def commanded(self, robot: int, time: float) -> None:
        """Note that a robot sent a command that it decided on at simulated `time` [s]."""
        gap = time - self._last[robot]
        if self._commanded[robot] == inf and gap <= _SLOWEST_LOOP:
            self._period[robot] = max(self._period[robot], gap)
        self._commanded[robot] = self._last[robot] = time

    def ticked(self) -> None:
        """Note a new tick; who has not acted at the one before is not reckoned with until it acts again."""
        self._acts &= ~self._owe
        self._owe, self._slow = self._acts.copy(), None

    def acted(self, robot: int) -> None:
        """Note that a robot acted at the present tick."""
        self._acts[robot], self._owe[robot] = True, False

    def ready(self, now: float, time: float) -> bool:
        """Return whether the world may go on from simulated `time` at steady `now` [s]."""
        return self._commands_are_fresh(now, time) and self._actions_are_there(now, time)

    def _actions_are_there(self, now: float, time: float) -> bool:
        if not self._owe.any():
            return True
        if self._slow is None:
            self._slow = now, time
        return time - self._slow[1] <= now - self._slow[0]

    def _commands_are_fresh(self, now: float, time: float) -> bool:
        late = self._commanded < time - np.maximum(self._answer_time, self._period + self._time_step) - 1e-9
        if not late.any():
            self._waiting = None
            return True
        if self._waiting is None:
            self._waiting = now
        if now - self._waiting < _PATIENCE:
            return False
        self._commanded[late] = inf
        self._waiting = None
        return True
