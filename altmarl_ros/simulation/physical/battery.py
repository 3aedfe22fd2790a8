"""Simulates the robots' batteries.

The energy falls by dE/dt = -(idle + drive |v| + turn |omega|), and rises by the charger's power while a robot is on a charger.
"""

from __future__ import annotations

from math import hypot
from typing import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.compiled import njit
from altmarl_ros.errors import AltmarlError
from altmarl_ros.floors import polygons
from altmarl_ros.simulation.physical.config import BatteryConfig

_JOULES = 3600.0  # per watt-hour


class Batteries:
    """The batteries of n robots.

    Attributes:
        charge: share of the capacity that is left [n].
        empty: whether it is empty [n].
    """

    def __init__(self, config: BatteryConfig, n: int, chargers: Sequence[ArrayLike]) -> None:
        corners = [np.asarray(polygon, dtype=np.float64).reshape(-1, 2) for polygon in chargers]
        for i, polygon in enumerate(corners):
            fault = polygons.fault(polygon) if np.isfinite(polygon).all() else "has a coordinate that is not finite"
            if fault:
                raise AltmarlError(f"charging zone {i}: polygon {fault}")
        self._config = config
        self._corners = np.concatenate([np.zeros((0, 2)), *corners])
        self._ends = np.cumsum([len(polygon) for polygon in corners], dtype=np.int64)
        self._energy = np.full(n, config.start * config.capacity * _JOULES)

    @property
    def charge(self) -> FloatArray:
        """See the class."""
        return np.asarray(self._energy / (self._config.capacity * _JOULES))

    @property
    def empty(self) -> NDArray[np.bool_]:
        """See the class."""
        return np.asarray(self._energy <= 0.0)

    def add(self, robot: int, share: float) -> None:
        """Put a share of its capacity into the battery of a robot, by index."""
        capacity = self._config.capacity * _JOULES
        self._energy[robot] = min(max(self._energy[robot] + share * capacity, 0.0), capacity)

    def step(self, pose: FloatArray, wheels: FloatArray, dt: float, charging: NDArray[np.bool_] | None = None) -> None:
        """Draw and charge during a time step [s].

        Args:
            pose: of robots [n, 3; map].
            wheels: their velocity [n, 3; base_link].
            dt: length of the time step [s].
            charging: whether a robot is charged wherever it is [n]; None: only chargers do.
        """
        c = self._config
        anywhere = np.zeros(len(self._energy), dtype=np.bool_) if charging is None else charging
        settings = (dt, c.capacity * _JOULES, c.idle_power, c.drive_power, c.turn_power, c.charge_power)
        _draw(self._energy, pose, wheels, settings, (self._corners, self._ends, anywhere))


@njit(nogil=True, cache=True)
def _draw(energy, pose, wheels, settings, chargers):  # type: ignore[no-untyped-def]
    (dt, capacity, idle, driving, turning, power_in), (corners, ends, charged) = settings, chargers
    for i in range(len(energy)):
        power = -idle - driving * hypot(wheels[i, 0], wheels[i, 1]) - turning * abs(wheels[i, 2])
        on_charger, begin = charged[i], 0
        for end in ends:
            on_charger = on_charger or _inside(corners, begin, end, pose[i, 0], pose[i, 1])
            begin = end
        if on_charger:
            power += power_in
        energy[i] = min(max(energy[i] + power * dt, 0.0), capacity)


@njit(nogil=True, cache=True)
def _inside(corners, begin, end, x, y):  # type: ignore[no-untyped-def]
    odd = False
    j = end - 1
    for i in range(begin, end):
        if (corners[i, 1] > y) != (corners[j, 1] > y):
            share = (y - corners[i, 1]) / (corners[j, 1] - corners[i, 1])
            if x < corners[i, 0] + share * (corners[j, 0] - corners[i, 0]):
                odd = not odd
        j = i
    return odd
