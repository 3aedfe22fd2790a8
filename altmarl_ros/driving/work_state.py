"""Finds the local state of a robot at work: its place, whether it is loaded, and the level of its battery.

Whether it is loaded and how full its battery is come from topics. Where one was silent for longer than its timeout, the state
is not known: the robot takes part in no tick, stands, and says which of the two is missing.

The level is the number of thresholds that the charge has reached. A charge that wavers at a threshold does not change it: it
rises where the charge is beyond the threshold by a hysteresis, and falls where it is below.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.driving.freshness import NEVER, is_fresh
from altmarl_ros.driving.governor_types import Reason
from altmarl_ros.driving.local_planner import Goal
from altmarl_ros.driving.place_tracker import PlaceTracker
from altmarl_ros.driving.planar import Pose
from altmarl_ros.driving.zones import Zones
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games.work import Workplace

_STEPS = 1e-9


@dataclass(frozen=True)
class WorkSettings:
    """How a robot's load and battery are read.

    Attributes:
        load_timeout: longest silence about the load [s].
        battery_timeout: longest silence about the battery [s].
        flat: charge below which the battery counts as flat, in [0, 1); evenly spaced thresholds begin there.
        thresholds: charges from which on each level counts, rising, in place of evenly spaced ones; empty: those.
        hysteresis: by which a threshold has to be exceeded for the level to rise.

    Raises:
        AltmarlError: thresholds do not rise from 0 to 1.
    """

    load_timeout: float = 2.0
    battery_timeout: float = 10.0
    flat: float = 0.1
    thresholds: tuple[float, ...] = ()
    hysteresis: float = 0.01

    def __post_init__(self) -> None:
        given = np.array(self.thresholds)
        if not ((given >= 0.0) & (given <= 1.0)).all() or not (np.diff(given) > 0.0).all():
            raise AltmarlError(f"battery.thresholds are {self.thresholds}, must rise from 0 to 1")

    def of_levels(self, levels: int) -> FloatArray:
        """The thresholds of so many levels above flat.

        Raises:
            AltmarlError: another number is given.
        """
        given = len(self.thresholds)
        if given not in (0, levels):
            raise AltmarlError(f"battery.thresholds has {given} numbers, must have {levels}, one per level above flat")
        return np.array(self.thresholds) if given else self.flat + (1.0 - self.flat) * np.arange(levels) / levels


class WorkState:
    """The local state of one robot on wheels in a game of deliveries or charging.

    Attributes:
        charge: share of the battery's capacity that was told last; NaN: none was.
    """

    def __init__(self, workplace: Workplace, zones: Zones, settings: WorkSettings) -> None:
        self._workplace, self._settings = workplace, settings
        self._tracker = PlaceTracker(workplace.site.layout, zones.floor.plan.goals)
        self._thresholds = settings.of_levels(workplace.levels)
        self._loaded, self._load_at = False, NEVER
        self._level: int | None = None
        self._battery_at = NEVER
        self.charge = math.nan

    @property
    def has_battery(self) -> bool:
        """Whether the level of the battery is a part of the state."""
        return self._workplace.levels > 0

    def set_out(self, pose: Pose, chain: list[int], goal: Goal) -> None:
        """Note that the robot was sent from a pose in the map to a goal, through a chain of zones."""
        if chain:
            self._tracker.set_out(pose, chain, goal)

    def moved(self, pose: Pose, zone: int | None, *, at_rest: bool) -> None:
        """Note where the robot is, and whether it stands still."""
        if pose.is_finite:
            self._tracker.moved(pose.x, pose.y, zone, at_rest=at_rest)

    def hear_load(self, loaded: bool, now: float) -> None:
        """Note whether the robot is loaded, at time `now` [s]."""
        self._loaded, self._load_at = loaded, now

    def hear_charge(self, charge: float, now: float) -> None:
        """Note the share of the battery's capacity that is left, at time `now` [s]; beyond 0 to 1 it tells nothing."""
        if not -_STEPS <= charge <= 1.0 + _STEPS:
            return
        risen = int((charge >= np.minimum(self._thresholds + self._settings.hysteresis, 1.0)).sum())
        reached = int((charge >= self._thresholds).sum())
        self._level = reached if self._level is None else min(max(self._level, risen), reached)
        self._battery_at = now
        self.charge = charge

    def problems(self, now: float) -> tuple[Reason, ...]:
        """What has been silent for too long at time `now` [s]."""
        found = []
        if not is_fresh(now, self._load_at, self._settings.load_timeout):
            found.append(Reason.LOAD_SILENT)
        if self.has_battery and not is_fresh(now, self._battery_at, self._settings.battery_timeout):
            found.append(Reason.BATTERY_SILENT)
        return tuple(found)

    def local_state(self, now: float) -> int | None:
        """The local state s_l at time `now` [s]; None while it is not known."""
        if self._tracker.place is None or self.problems(now):
            return None
        return self._workplace.local_state(self._tracker.place, loaded=self._loaded, level=self._level or 0)
