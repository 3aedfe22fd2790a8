"""Tells where a robot's laser is on its base: by TF where there is TF, else by the parameters `scan.mount.*`.

The first transform from the base to the laser's frame is kept, since a laser is fixed to its base: what somebody publishes
later does not move it. Where somebody publishes static transforms the first scans are held back for a moment until this one
has come, since they would be read at a wrong place.
"""

from __future__ import annotations

import time
from typing import Any, Mapping

from rclpy.node import Node

from altmarl_ros.driving.laser_mount import LaserMount, mount_from_transform
from altmarl_ros.driving.transforms import TransformError
from altmarl_ros.nodes.robot.parameters import MOUNT_SOURCE, frame_names, pose_of
from altmarl_ros.nodes.robot.transform_listener import TransformListener

_RETRY = 0.2  # s between two looks into TF
_PATIENCE = 3.0  # s without a transform, before it is said that there is none


class LaserPlace:
    """Where one robot's laser is.

    Attributes:
        source: from where the place comes that was used last, in words.
    """

    def __init__(self, node: Node, values: Mapping[str, Any], transforms: TransformListener | None) -> None:
        """`transforms` are asked for the laser's place; None: there are none."""
        self._node, self._log, self._base = node, node.get_logger(), frame_names(values).full_base
        self._given = LaserMount(pose_of(values, "scan.mount"))
        self._transforms = transforms if values[MOUNT_SOURCE] == "auto" else None
        self._found: tuple[str, LaserMount] | None = None
        self._began, self._looked = time.monotonic(), -_RETRY
        self._told = self._why = ""
        self.source = "scan.mount"

    def mount(self, frame: str) -> LaserMount | None:
        """Return the place of the laser whose scans are in `frame`; None: it is not known yet."""
        if self._found is not None and self._found[0] == frame:
            return self._found[1]
        self._look_up(frame)
        if self._found is not None and self._found[0] == frame:
            self.source = f"the transform from {self._base!r} to {frame!r}"
            self._tell(f"the laser is at {self._found[1]} on the base, by {self.source}; scan.mount says {self._given}")
            return self._found[1]
        self.source = "scan.mount"
        if time.monotonic() - self._began > _PATIENCE:
            self._tell(f"the laser is at {self._given} on the base, by scan.mount.x, .y and .yaw{self._why}")
        elif self._transforms is not None and self._node.count_publishers(self._transforms.static_topic):
            return None
        return self._given

    def _look_up(self, frame: str) -> None:
        """Look into TF, and keep what is found, or why nothing is."""
        now = time.monotonic()
        if self._transforms is None or now - self._looked < _RETRY:
            return
        self._looked = now
        try:
            mount = mount_from_transform(self._transforms.newest(self._base, frame).transform)
        except TransformError as error:
            self._why = f": TF does not say ({error})"
            return
        if mount is None:
            self._why = f": by TF {frame!r} is tilted, which no planar scan can be"
        else:
            self._found = (frame, mount)

    def _tell(self, text: str) -> None:
        if text.partition(": TF")[0] != self._told:
            self._told = text.partition(": TF")[0]
            self._log.info(text)
