"""The names of a robot's frames (REP-105), and which parameters to set to what where its drivers call them otherwise.

Drivers of ordinary make say `robot_5/odom` (ros_gz), `base_footprint`, or nothing. A pose in a frame with another name than
the parameters give is refused, since it may be another robot's or another map's. The refusal names the fewest parameters
that have to be changed, and their values.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Iterable, Sequence

from altmarl_ros.driving.robot_topics import Fault

_LONGEST = 80  # characters of a name that are quoted


@dataclass(frozen=True)
class FrameNames:
    """What the parameters of one robot call its frames.

    Attributes:
        map: of the floor; `frames.map`.
        odom: of odometry, without the prefix; `frames.odom`.
        base: of the robot, without the prefix; `frames.base`.
        prefix: before the last two, in which `{id}` stands for the robot's id; `frame_prefix`.
        robot_id: the robot's id.
    """

    map: str
    odom: str
    base: str
    prefix: str
    robot_id: int

    @property
    def full_odom(self) -> str:
        """The name of the odometry frame with its prefix."""
        return self._full_prefix + self.odom

    @property
    def full_base(self) -> str:
        """The name of the base's frame with its prefix."""
        return self._full_prefix + self.base

    @property
    def _full_prefix(self) -> str:
        return self.prefix.replace("{id}", str(self.robot_id))


def odometry_refusal(names: FrameNames, frame: str, child: str) -> Fault | None:
    """Return why odometry in `frame` of the base `child` is refused, and what to set; None: it is accepted.

    A driver that names no child frame is taken to mean the robot's base.
    """
    wrong = []
    if frame != names.full_odom:
        wrong.append(f"odometry in frame {_quoted(frame)}, expected {names.full_odom!r}")
    if child and child != names.full_base:
        wrong.append(f"odometry of {_quoted(child)}, expected {names.full_base!r}")
    return Fault(" and ".join(wrong), _remedy(names, frame, child)) if wrong else None


def pose_refusal(names: FrameNames, frame: str) -> Fault | None:
    """Return why a pose in `frame` is refused, and what to set; None: it is accepted."""
    if frame == names.map:
        return None
    remedy = f"set frames.map to {_quoted(frame)}" if frame else "its driver names no frame: mend it"
    return Fault(f"a pose in frame {_quoted(frame)}, expected {names.map!r}", remedy)


def transform_remedy(names: FrameNames, heard: Sequence[str]) -> str:
    """Return what to set so that the transforms of the frames that were `heard` are found; empty: nothing is likely."""
    known = set(heard)
    steps = []
    if names.map not in known:
        maps = [frame for frame in heard if frame.rpartition("/")[2] == names.map]
        steps += [f"set frames.map to {_quoted(maps[0])}"] if len(maps) == 1 else []
    if names.full_base not in known:
        bases = [frame for frame in heard if frame.rpartition("/")[2] == names.base]
        others = [frame for frame in heard if frame.startswith(names._full_prefix) and "base" in frame]
        own = [frame for frame in bases if str(names.robot_id) in _numbers(frame)]
        for found in (own, bases, others):
            if len(found) == 1:
                steps.append(_settings(_changes(names, None, found[0]), names, found[0]))
                break
    return " and ".join(steps)


def _remedy(names: FrameNames, frame: str, child: str) -> str:
    if not frame:
        return "its driver names no frame: mend it"
    return _settings(_changes(names, frame, child), names, frame)


def _settings(changed: FrameNames, names: FrameNames, frame: str) -> str:
    """Say what to set so that the names become the changed ones."""
    pairs = (("frame_prefix", "prefix"), ("frames.odom", "odom"), ("frames.base", "base"))
    settings = [
        f"{parameter} to {_quoted(getattr(changed, field))}"
        for parameter, field in pairs
        if getattr(changed, field) != getattr(names, field)
    ]
    text = "set " + " and ".join(settings)
    numbers = _numbers(frame)
    if numbers and str(names.robot_id) not in numbers:
        text += f", unless it is another robot's (this one is {names.robot_id}): then remap the topic"
    return text


def _changes(names: FrameNames, odom: str | None, base: str | None) -> FrameNames:
    """Return the names that fit these frames and differ from the present ones in the fewest parameters, the prefix first."""
    prefixes = dict.fromkeys([*_prefixes(odom), *_prefixes(base), names._full_prefix, ""])
    fitting = []
    for prefix in prefixes:
        if all(frame.startswith(prefix) and len(frame) > len(prefix) for frame in (odom, base) if frame):
            kept = names.prefix if prefix == names._full_prefix else _with_id(prefix, names.robot_id)
            fitting.append(
                replace(
                    names,
                    prefix=kept,
                    odom=odom[len(prefix) :] if odom else names.odom,
                    base=base[len(prefix) :] if base else names.base,
                )
            )
    return min(fitting, key=lambda other: sum(a != b for a, b in zip(_fields(other), _fields(names), strict=True)))


def _fields(names: FrameNames) -> tuple[str, str, str]:
    return names.odom, names.base, names.prefix


def _prefixes(frame: str | None) -> Iterable[str]:
    """Return what a frame's name may begin with: all of it up to one of its slashes."""
    return [frame[: slash.end()] for slash in re.finditer("/", frame)] if frame else []


def _numbers(name: str) -> list[str]:
    return re.findall(r"\d+", name)


def _with_id(prefix: str, robot_id: int) -> str:
    """Write the robot's id in a prefix as `{id}`, so that it serves all robots of a type."""
    return re.sub(rf"(?<!\d){robot_id}(?!\d)", "{id}", prefix)


def _quoted(name: str) -> str:
    return repr(name[:_LONGEST])
