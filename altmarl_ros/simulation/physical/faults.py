"""Hardware faults of physical robots: what breaks, on which robot, from when to when.

    seized_left, seized_right    a wheel turns slower by the share `magnitude`, at 1 not at all
    slip                         the wheels turn, the share `magnitude` of the motion is lost, at 1 all
    dead_battery                 reads empty, and the base stops
    driver_stops                 the driver obeys no command: the base stops
    driver_holds                 the driver obeys no command: the base keeps the last one, whatever its age
    pose_, odometry_, laser_     a sensor's output is
        ..lost                   not there
        ..frozen                 the last one again and again, with new stamps
        ..stale                  the last one again and again, with its old stamp
        ..nan                    not a number
    kidnapped                    carried to `place` and turned by `magnitude` [rad], as soon as it is free there
    obstacle                     a disc of radius `magnitude` [m] stands at `place`, as soon as it is free there

Times are seconds of the world's clock. In YAML:

    faults:
      - {kind: slip, robot: 3, start: 10.0, end: 20.0, magnitude: 0.5}
      - {kind: obstacle, start: 5.0, end: 60.0, magnitude: 0.3, place: [2.0, 1.5]}
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import inf, isfinite
from pathlib import Path
from typing import Any, Optional, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import AltmarlError
from altmarl_ros.files import read_yaml
from altmarl_ros.simulation.physical.config import Settings


class FaultKind(str, Enum):
    """Kind of fault; the module describes each."""

    SEIZED_LEFT = "seized_left"
    SEIZED_RIGHT = "seized_right"
    SLIP = "slip"
    DEAD_BATTERY = "dead_battery"
    DRIVER_STOPS = "driver_stops"
    DRIVER_HOLDS = "driver_holds"
    POSE_LOST = "pose_lost"
    POSE_FROZEN = "pose_frozen"
    POSE_STALE = "pose_stale"
    POSE_NAN = "pose_nan"
    ODOMETRY_LOST = "odometry_lost"
    ODOMETRY_FROZEN = "odometry_frozen"
    ODOMETRY_STALE = "odometry_stale"
    ODOMETRY_NAN = "odometry_nan"
    LASER_LOST = "laser_lost"
    LASER_FROZEN = "laser_frozen"
    LASER_STALE = "laser_stale"
    LASER_NAN = "laser_nan"
    KIDNAPPED = "kidnapped"
    OBSTACLE = "obstacle"


KINDS = tuple(FaultKind)
_SHARES = (FaultKind.SEIZED_LEFT, FaultKind.SEIZED_RIGHT, FaultKind.SLIP)
_PLACED = (FaultKind.KIDNAPPED, FaultKind.OBSTACLE)


@dataclass(frozen=True)
class Fault:
    """One scheduled fault.

    Attributes:
        kind: what breaks.
        robot: its index; None for an obstacle.
        start, end: interval [s]; the end may be infinite.
        magnitude: see the module; kinds without one keep 1.
        place: x, y of a kidnapped robot or an obstacle [m, m; map].

    Raises:
        AltmarlError: naming the attribute and the rule it breaks.
    """

    kind: FaultKind
    robot: int | None
    start: float
    end: float = inf
    magnitude: float = 1.0
    place: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        kind = self.kind.value
        if self.kind is FaultKind.OBSTACLE:
            if self.robot is not None:
                raise AltmarlError(f"{kind}: robot is {self.robot}, an obstacle stands on the floor and has none")
        elif self.robot is None or self.robot < 0:
            raise AltmarlError(f"{kind}: robot is {self.robot}, must be an index from 0")
        if not (isfinite(self.start) and self.start >= 0):
            raise AltmarlError(f"{kind}: start is {self.start:g} s, must be finite and not negative")
        if not self.end > self.start:
            raise AltmarlError(f"{kind}: end is {self.end:g} s, must be after the start at {self.start:g} s")
        if self.kind in _SHARES and not 0 < self.magnitude <= 1:
            raise AltmarlError(f"{kind}: magnitude is {self.magnitude:g}, must be a share in (0, 1]")
        if self.kind is FaultKind.OBSTACLE and not 0 < self.magnitude < inf:
            raise AltmarlError(f"{kind}: magnitude is {self.magnitude:g}, must be a radius [m]")
        if self.kind is FaultKind.KIDNAPPED and not isfinite(self.magnitude):
            raise AltmarlError(f"{kind}: magnitude is {self.magnitude:g}, must be an angle [rad]")
        if self.kind not in (*_SHARES, *_PLACED) and self.magnitude != 1:
            raise AltmarlError(f"{kind}: magnitude is {self.magnitude:g}, but this kind has none")
        if (self.place is None) == (self.kind in _PLACED):
            raise AltmarlError(f"{kind}: place is {self.place}, must {'' if self.kind in _PLACED else 'not '}be given")
        if self.place is not None and not all(isfinite(x) for x in self.place):
            raise AltmarlError(f"{kind}: place is {self.place}, must be finite")


class ActiveFaults:
    """Tells which faults are active on n robots; they are looked up again only when one begins or ends.

    Attributes:
        faults: all that are scheduled.
        placed: active obstacles and kidnappings.

    Raises:
        AltmarlError: a fault names a robot that is not there.
    """

    def __init__(self, faults: Sequence[Fault], n: int) -> None:
        for i, fault in enumerate(faults):
            if fault.robot is not None and fault.robot >= n:
                raise AltmarlError(f"faults[{i}]: {fault.kind.value}: robot is {fault.robot}, there are {n}, counted from 0")
        self.faults = tuple(faults)
        self._changes = np.unique([time for fault in faults for time in (fault.start, fault.end)])
        self._seen = -1
        self._magnitudes = np.zeros((len(KINDS), n))
        self.placed: tuple[Fault, ...] = ()

    def update(self, time: float) -> bool:
        """Go on to a time [s]; returns whether anything changed."""
        seen = int(np.searchsorted(self._changes, time + 1e-9, side="right"))
        if seen == self._seen:
            return False
        self._seen = seen
        now = [fault for fault in self.faults if fault.start <= time + 1e-9 < fault.end]
        self.placed = tuple(fault for fault in now if fault.kind in _PLACED)
        self._magnitudes[:] = 0.0
        for fault in now:
            if fault.kind not in _PLACED:
                row = self._magnitudes[KINDS.index(fault.kind)]
                row[fault.robot] = max(row[fault.robot], fault.magnitude)
        return True

    def magnitude(self, first: FaultKind, count: int = 1) -> FloatArray:
        """Return the magnitudes of `count` kinds from `first` on, 0 where not active [count, n]."""
        begin = KINDS.index(first)
        return self._magnitudes[begin : begin + count]

    def active(self, kind: FaultKind) -> NDArray[np.bool_]:
        """Return which robots have a fault of this kind [n]."""
        return np.asarray(self._magnitudes[KINDS.index(kind)] > 0.0)


class _FaultConfig(Settings, frozen=True):
    # typing's Optional and Tuple: these annotations are evaluated by pydantic 1 as well.
    kind: FaultKind
    robot: Optional[int] = None
    start: float
    end: float = inf
    magnitude: float = 1.0
    place: Optional[Tuple[float, float]] = None


def read_faults(path: str | Path) -> tuple[Fault, ...]:
    """Read the faults of a YAML file.

    Raises:
        AltmarlError: one line that names the file, the fault by its place in the list, and what is wrong.
    """
    try:
        document = read_yaml(Path(path))
        if not isinstance(document, dict) or not isinstance(document.get("faults", []), list) or set(document) - {"faults"}:
            raise ValueError("must be a mapping with the one key 'faults', a list")
        return parse_faults(document.get("faults", []))
    except (AltmarlError, ValueError) as error:
        raise AltmarlError(f"{path}: {error}") from None


def parse_faults(entries: Sequence[Any]) -> tuple[Fault, ...]:
    """Convert mappings with the attributes of `Fault` as keys.

    Raises:
        AltmarlError: naming the fault by its place in the list, and what is wrong.
    """
    faults = []
    for i, entry in enumerate(entries):
        try:
            if not isinstance(entry, dict) or not all(isinstance(key, str) for key in entry):
                raise AltmarlError("must be a mapping such as {kind: slip, robot: 3, start: 10.0, end: 20.0}")
            faults.append(Fault(**vars(_FaultConfig(**entry))))
        except AltmarlError as error:
            raise AltmarlError(f"faults[{i}]: {error}") from None
    return tuple(faults)
