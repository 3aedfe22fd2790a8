"""Draws a scene as a `visualization_msgs/MarkerArray` with few markers, whatever the size of the fleet.

| namespace | id | |
| --- | --- | --- |
| `zones` | zone | filled area; brighter for the zones of s_g and a_g |
| `outlines` | zone | its border |
| `labels` | zone | name, robots, estimate |
| `walls` | wall | |
| `robots` | 0 | one dot per robot: grey, yellow if it was polled, green if it was heard |
| `headings` | 0 | one line per robot whose heading is known |
| `names` | robot | its id, in small fleets |
| `decision` | 0, 1 | an arrow from the zone of s_g to that of a_g; the tick in words |

A marker that is no longer part of the scene is deleted by name, and markers of what moves vanish when no more come.
"""

from __future__ import annotations

from math import cos, sin
from typing import Sequence

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point
from rclpy.duration import Duration
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.monitoring import Scene

Key = tuple[str, int]

FRAME = "map"

_PLAIN, _HERE, _NEXT = (0.35, 0.42, 0.52, 0.25), (0.95, 0.65, 0.15, 0.55), (0.25, 0.60, 0.95, 0.45)
_BORDER, _TEXT, _WALL = (0.65, 0.70, 0.78, 1.0), (0.95, 0.95, 0.95, 1.0), (0.50, 0.50, 0.50, 1.0)
_ROBOT, _POLLED, _HEARD = (0.62, 0.66, 0.72, 1.0), (0.98, 0.80, 0.10, 1.0), (0.20, 0.85, 0.40, 1.0)
_ARROW = (0.98, 0.55, 0.10, 1.0)
_FLOOR, _LINES, _ROBOTS, _WORDS = 0.0, 0.02, 0.1, 0.4  # heights [m]
_WALL_WIDTH = 0.06  # m
_LABEL_SIZE, _CAPTION_SIZE = 0.35, 0.6  # heights of letters [m]


class MarkerMaker:
    """Turns scenes into messages; remembers what it has drawn, to delete what is gone."""

    def __init__(self, lifetime: float, most_names: int) -> None:
        """`lifetime` [s]: of what moves; `most_names`: up to so many robots have their ids written beside them."""
        self.most_names = most_names
        self._lifetime = Duration(seconds=lifetime).to_msg()
        self._drawn: frozenset[Key] = frozenset()

    def draw(self, scene: Scene, stamp: Time) -> MarkerArray:
        """Make the markers of a scene, and DELETE markers for what is gone."""
        markers = [*self._zones(scene), *self._walls(scene), *self._robots(scene), *self._decision(scene)]
        keys = frozenset((marker.ns, marker.id) for marker in markers)
        markers += [_marker(ns, number, Marker.ARROW, action=Marker.DELETE) for ns, number in sorted(self._drawn - keys)]
        self._drawn = keys
        for marker in markers:
            marker.header.stamp = stamp
        return MarkerArray(markers=markers)

    def _zones(self, scene: Scene) -> list[Marker]:
        markers = []
        for j, zone in enumerate(scene.layout.zones):
            color = _HERE if j == scene.zone else _NEXT if j == scene.next_zone else _PLAIN
            filled = _marker("zones", j, Marker.TRIANGLE_LIST, color, (1.0, 1.0, 1.0))
            filled.points = _points(zone.triangles, _FLOOR)
            border = _marker("outlines", j, Marker.LINE_STRIP, _BORDER, (0.05, 0.0, 0.0))
            border.points = _points(zone.outline, _LINES)
            label = _marker("labels", j, Marker.TEXT_VIEW_FACING, _TEXT, (0.0, 0.0, _LABEL_SIZE))
            _move(label, zone.label)
            label.text = scene.labels[j]
            markers += [filled, border, label]
        return markers

    def _walls(self, scene: Scene) -> list[Marker]:
        markers = []
        for i, wall in enumerate(scene.layout.walls):
            marker = _marker("walls", i, Marker.LINE_STRIP, _WALL, (_WALL_WIDTH, 0.0, 0.0))
            marker.points = _points(wall, _LINES)
            markers.append(marker)
        return markers

    def _robots(self, scene: Scene) -> list[Marker]:
        if not len(scene.places):
            return []
        size = scene.size
        colors = np.where(scene.heard, 2, np.where(scene.polled, 1, 0))
        palette = [_color(*color) for color in (_ROBOT, _POLLED, _HEARD)]
        dots = _marker("robots", 0, Marker.SPHERE_LIST, _ROBOT, (size, size, size), lifetime=self._lifetime)
        dots.points = _points(scene.places, _ROBOTS)
        dots.colors = [palette[i] for i in colors]
        markers = [dots]
        aimed = np.flatnonzero(np.isfinite(scene.headings))
        if aimed.size:
            lines = _marker("headings", 0, Marker.LINE_LIST, _TEXT, (0.25 * size, 0.0, 0.0), lifetime=self._lifetime)
            lines.points = [end for i in aimed for end in _needle(scene.places[i], float(scene.headings[i]), size)]
            markers.append(lines)
        for i, place in zip(scene.ids, scene.places, strict=False) if len(scene.ids) <= self.most_names else ():
            name = _marker("names", i, Marker.TEXT_VIEW_FACING, _TEXT, (0.0, 0.0, size), lifetime=self._lifetime)
            _move(name, place, 0.9 * size)
            name.text = str(i)
            markers.append(name)
        return markers

    def _decision(self, scene: Scene) -> list[Marker]:
        caption = _marker("decision", 1, Marker.TEXT_VIEW_FACING, _TEXT, (0.0, 0.0, _CAPTION_SIZE), lifetime=self._lifetime)
        _move(caption, scene.layout.top)
        caption.text = scene.caption
        if scene.zone is None or scene.next_zone is None or scene.zone == scene.next_zone:
            return [caption]
        arrow = _marker("decision", 0, Marker.ARROW, _ARROW, (0.15, 0.4, 0.4), lifetime=self._lifetime)  # shaft, head [m]
        ends = np.stack([scene.layout.centre(place) for place in (scene.zone, scene.next_zone)])
        arrow.points = _points(ends, _WORDS)
        return [arrow, caption]


def _marker(
    ns: str,
    number: int,
    kind: int,
    color: tuple[float, ...] = _TEXT,
    scale: tuple[float, ...] = (1.0, 1.0, 1.0),
    *,
    lifetime: object = None,
    action: int = Marker.ADD,
) -> Marker:
    marker = Marker(ns=ns, id=_int32(number), type=kind, action=action, color=_color(*color))
    marker.header.frame_id = FRAME
    marker.pose.orientation.w = 1.0
    marker.scale.x, marker.scale.y, marker.scale.z = scale
    if lifetime is not None:
        marker.lifetime = lifetime
    return marker


def _int32(number: int) -> int:
    """Map a robot's id (uint32) to a marker's (int32)."""
    return (number + 2**31) % 2**32 - 2**31


def _color(red: float, green: float, blue: float, alpha: float) -> ColorRGBA:
    return ColorRGBA(r=red, g=green, b=blue, a=alpha)


def _points(places: FloatArray | Sequence[FloatArray], height: float) -> list[Point]:
    return [Point(x=float(x), y=float(y), z=height) for x, y in places]


def _needle(place: FloatArray, yaw: float, length: float) -> list[Point]:
    x, y = float(place[0]), float(place[1])
    tip = Point(x=x + length * cos(yaw), y=y + length * sin(yaw), z=_ROBOTS + length / 2)
    return [Point(x=x, y=y, z=_ROBOTS + length / 2), tip]


def _move(text: Marker, place: FloatArray, above: float = 0.0) -> None:
    """Put a text at a place [xy; m], shifted by `above` [m] along y."""
    text.pose.position = Point(x=float(place[0]), y=float(place[1]) + above, z=_WORDS)
