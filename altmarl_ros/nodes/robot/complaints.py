"""Logs what is behind a reason that keeps a robot standing: who publishes what, and which parameter mends it."""

from __future__ import annotations

import time
from typing import Iterable

from rclpy.node import Node

from altmarl_ros.driving.governor_types import Reason
from altmarl_ros.driving.robot_topics import Fault, stream_fault
from altmarl_ros.driving.sensor_health import DRIVER_REASONS, POSE_REASONS, SCAN_REASONS, WORK_REASONS
from altmarl_ros.nodes.robot.drive import Base, Drive
from altmarl_ros.nodes.robot.sensors import Sensors
from altmarl_ros.nodes.robot.work_listener import WorkListener

_PATIENCE = 2.0  # s that a reason has to last
_AGAIN = 10.0  # s until it is said again
_PURPOSES = {"pose": POSE_REASONS, "odometry": POSE_REASONS, "scan": SCAN_REASONS}
_WORK = {"load": Reason.LOAD_SILENT, "battery": Reason.BATTERY_SILENT}


class Complaints:
    """Says of one robot why its data are missing; what a callback refuses is said there already."""

    def __init__(self, node: Node, sensors: Sensors, base: Base | None, drive: Drive, work: WorkListener | None = None) -> None:
        self._work = work
        self._node, self._sensors, self._base, self._drive = node, sensors, base, drive
        self._since: dict[Reason, float] = {}  # when it began, or was said last
        self._said: set[Reason] = set()

    def note(self, reasons: Iterable[Reason]) -> None:
        """Take the reasons of now, and log what is behind those that last."""
        now = time.monotonic()
        self._since = {reason: self._since.get(reason, now) for reason in reasons}
        self._said &= set(self._since)
        due = {reason for reason, since in self._since.items() if now - since > (_AGAIN if reason in self._said else _PATIENCE)}
        try:
            for fault in self._faults(due) if due else []:
                self._node.get_logger().warning(str(fault))
        except Exception as error:  # what is only told must not keep the robot from its next step
            self._node.get_logger().error(f"{type(error).__name__}: {error}")
        self._since |= dict.fromkeys(due, now)
        self._said |= due

    def _faults(self, due: set[Reason]) -> list[Fault]:
        found: list[Fault | None] = []
        if due & (POSE_REASONS | SCAN_REASONS):
            streams = self._sensors.streams(self._node.get_namespace())
            found += [
                stream_fault(stream)
                for purpose, stream in streams.items()
                if due & _PURPOSES[purpose] and stream.refused is None
            ]
        if due & WORK_REASONS and self._work is not None:
            streams = self._work.streams(self._node.get_namespace())
            found += [stream_fault(stream) for purpose, stream in streams.items() if _WORK[purpose] in due]
        if due & DRIVER_REASONS and self._base is not None:
            found.append(self._base.fault)
        if Reason.NAVIGATOR_SILENT in due:
            found.append(self._drive.fault)
        return [fault for fault in found if fault is not None]
