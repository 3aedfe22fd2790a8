"""A buffer of coordinate transforms: where one frame is in another, at the newest time that all links between them know.

Frames form a tree, each with one parent (REP-105). A link is static, or has a history of stamped transforms. The newest
common time of a chain is the smallest of the newest stamps of its links; a link that was stamped later is interpolated
between the two stamps around that time, and nothing is extrapolated.

Only the chains that somebody asks for need a history: every other frame keeps its newest transform alone, so that the
memory does not grow with the joints and the other robots that share a topic.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, field

import numpy as np
from transforms3d.quaternions import qinverse, qmult, qpow, rotate_vector

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import AltmarlError

MOST_FRAMES = 10_000
"""Frames that a buffer holds; the transforms of further ones are refused."""

HISTORY = 10.0
"""How far back the history of a link reaches [s]."""

_MOST_STAMPS = 2000  # of a link
_LONGEST_CHAIN = 100  # links; more are a loop
_UNIT = 0.05  # by which the length of a quaternion may differ from 1


class TransformError(AltmarlError):
    """A transform is not known, or was refused."""


@dataclass(frozen=True, slots=True, eq=False)
class Transform:
    """Where a frame is in another one.

    Attributes:
        translation: of its origin [3], in [m].
        rotation: of its axes, a unit quaternion w, x, y, z [4].
    """

    translation: FloatArray
    rotation: FloatArray

    def then(self, other: Transform) -> Transform:
        """Where a frame is that `other` places in this one."""
        moved = self.translation + rotate_vector(other.translation, self.rotation, is_normalized=False)
        return Transform(moved, qmult(self.rotation, other.rotation))

    def inverse(self) -> Transform:
        """Where the other frame is in this one."""
        back = qinverse(self.rotation)
        return Transform(-rotate_vector(self.translation, back, is_normalized=False), back)


IDENTITY = Transform(np.zeros(3), np.array([1.0, 0.0, 0.0, 0.0]))
"""A frame in itself."""


@dataclass(frozen=True, slots=True)
class StampedTransform:
    """A transform and the time of which it tells [s]; `inf` where all links are static."""

    stamp: float
    transform: Transform


@dataclass(slots=True)
class _Link:
    """A frame's place in its parent; a static one has a single transform and the stamp `inf`."""

    parent: str
    stamps: list[float] = field(default_factory=list)
    transforms: list[Transform] = field(default_factory=list)

    def add(self, stamp: float, transform: Transform, keeps_history: bool) -> None:
        newest = self.stamps[-1] if self.stamps else -math.inf
        if not keeps_history or math.isinf(stamp) or math.isinf(newest) or stamp < newest - HISTORY:
            self.stamps, self.transforms = [stamp], [transform]  # a clock that went back a long way starts anew
            return
        at = bisect_left(self.stamps, stamp)
        if at < len(self.stamps) and self.stamps[at] == stamp:
            self.transforms[at] = transform
            return
        self.stamps.insert(at, stamp)
        self.transforms.insert(at, transform)
        old = max(bisect_left(self.stamps, self.stamps[-1] - HISTORY), len(self.stamps) - _MOST_STAMPS)
        if old > 0:
            del self.stamps[:old], self.transforms[:old]

    def at(self, stamp: float) -> Transform | None:
        """The transform of a time that is not after the newest stamp; None of before the oldest."""
        if math.isinf(self.stamps[-1]) or stamp == self.stamps[-1]:
            return self.transforms[-1]
        after = bisect_left(self.stamps, stamp)
        if self.stamps[after] == stamp:
            return self.transforms[after]
        if after == 0:
            return None
        begin, end = self.stamps[after - 1], self.stamps[after]
        return _between(self.transforms[after - 1], self.transforms[after], (stamp - begin) / (end - begin))


class TransformBuffer:
    """Collects transforms and answers where a frame is in another one."""

    def __init__(self) -> None:
        self._links: dict[str, _Link] = {}
        self._asked: dict[tuple[str, str], frozenset[str]] = {}  # the frames between two that were asked for

    @property
    def frames(self) -> list[str]:
        """All frames that are known, in order."""
        return sorted({*self._links, *(link.parent for link in self._links.values())})

    def add(self, parent: str, child: str, stamp: float, transform: Transform, *, static: bool = False) -> None:
        """Take a frame's place in its parent at a time [s]; `static`: at all times.

        Raises:
            TransformError: it names no two frames, or its numbers are none; the buffer is as before.
        """
        parent, child = parent.lstrip("/"), child.lstrip("/")
        if not parent or not child or parent == child:
            raise TransformError(f"a transform from {parent!r} to {child!r} names no two frames")
        length = math.sqrt(float(transform.rotation @ transform.rotation))
        if not (np.isfinite(transform.translation).all() and abs(length - 1.0) <= _UNIT and math.isfinite(stamp)):
            raise TransformError(f"the transform from {parent!r} to {child!r} is no finite translation and rotation")
        link = self._links.get(child)
        if link is None and len(self._links) >= MOST_FRAMES:
            raise TransformError(f"there are more than {MOST_FRAMES} frames; {child!r} is not taken")
        if link is None or link.parent != parent:
            link = self._links[child] = _Link(parent)
        keeps_history = any(child in frames for frames in self._asked.values())
        link.add(math.inf if static else stamp, Transform(transform.translation, transform.rotation / length), keeps_history)

    def newest(self, target: str, source: str) -> StampedTransform:
        """Where the frame `source` is in `target`, at the newest time that all links between them know.

        Raises:
            TransformError: naming the frame that is unknown, or the two that nothing connects.
        """
        up, down = self._chain(target, source)
        self._asked[target, source] = frozenset((*up, *down))
        stamp = min((self._links[child].stamps[-1] for child in (*up, *down)), default=math.inf)
        return StampedTransform(stamp, self._walk(down, stamp).inverse().then(self._walk(up, stamp)))

    def _walk(self, children: list[str], stamp: float) -> Transform:
        """Where the first of these frames is in the parent of the last."""
        total = IDENTITY
        for child in children:
            transform = self._links[child].at(stamp)
            if transform is None:
                raise TransformError(f"the history of {child!r} begins after the newest transform of the other frames")
            total = transform.then(total)
        return total

    def _chain(self, target: str, source: str) -> tuple[list[str], list[str]]:
        """The frames from `source`, and from `target`, up to below the first that both are in."""
        above = {frame: place for place, frame in enumerate(self._ancestors(source))}
        down = self._ancestors(target)
        for place, frame in enumerate(down):
            if frame in above:
                return list(above)[: above[frame]], down[:place]
        known = self.frames
        for missing in (frame for frame in (target, source) if frame not in known):
            raise TransformError(f"frame {missing!r} is unknown")
        raise TransformError(f"frames {target!r} and {source!r} are not connected")

    def _ancestors(self, frame: str) -> list[str]:
        """A frame, its parent, and so on."""
        found = [frame]
        while (link := self._links.get(found[-1])) is not None:
            if len(found) > _LONGEST_CHAIN:
                raise TransformError(f"the frames above {frame!r} form a loop")
            found.append(link.parent)
        return found


def _between(a: Transform, b: Transform, share: float) -> Transform:
    """The transform that lies this share of the way from a to b: a straight line and a turn at a constant rate."""
    turn = qmult(qinverse(a.rotation), b.rotation)
    if turn[0] < 0.0:
        turn = -turn  # the shorter way round
    return Transform(a.translation + share * (b.translation - a.translation), qmult(a.rotation, qpow(turn, share)))
