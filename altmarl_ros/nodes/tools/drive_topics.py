"""Finds the topics on which the robots of a fleet say what their drives do."""

from __future__ import annotations

from rclpy.node import Node

from altmarl_ros.msg import RobotHello

DRIVE_TYPE = "altmarl_ros/msg/DriveState"
"""Message type of a robot's `~/drive`."""

_MOST = 10_000  # names that hellos may bring, since anybody can send them


class DriveTopics:
    """The topics `~/drive` of robots that said hello to a fleet; those of other fleets in the ROS domain are not among them."""

    def __init__(self, node: Node) -> None:
        """Look with the eyes of `node`."""
        self._node = node
        self._known: set[str] = set()
        self._waiting: set[str] = set()  # of robots that may drive, or may be simulated without

    def hear(self, hello: RobotHello) -> None:
        """Note the name of a robot that says hello."""
        topic = f"{hello.name}/drive"
        if hello.event != RobotHello.LEAVE and topic not in self._known and len(self._known) < _MOST:
            self._known.add(topic)
            self._waiting.add(topic)

    def appeared(self) -> list[str]:
        """Return the topics that have appeared since the last call."""
        if not self._waiting:
            return []
        topics = {name for name, types in self._node.get_topic_names_and_types() if DRIVE_TYPE in types}
        found = sorted(self._waiting & topics)
        self._waiting.difference_update(found)
        return found
