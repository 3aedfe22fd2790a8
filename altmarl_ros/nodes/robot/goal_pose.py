"""Sends a robot where an operator points on a map: the topic to which RViz's tool `2D Goal Pose` is set.

It is not called `goal_pose` in the robot's namespace, since Nav2 listens there and would drive beside the robot's own drive.
"""

from __future__ import annotations

from typing import Any, Mapping

from geometry_msgs.msg import PoseStamped

from altmarl_ros.driving.zones import Zones
from altmarl_ros.errors import AltmarlError, shown
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.common.endpoints import Endpoints, nodes_publishing
from altmarl_ros.nodes.robot.operator_control import OperatorControl
from altmarl_ros.nodes.robot.parameters import frame_names
from altmarl_ros.protocol.operated import LONGEST_NAME

TOPIC = "~/goal_pose"


class GoalPoseListener:
    """Sends one robot to the zone that holds the goal it is given; its own slot there, not the point itself, is the goal.

    Subscription: ~/goal_pose (geometry_msgs/msg/PoseStamped) in the map frame.
    """

    def __init__(self, make: Endpoints, values: Mapping[str, Any], zones: Zones, control: OperatorControl) -> None:
        """`values` are the robot's parameters."""
        self._node, self._zones, self._control = make.node, zones, control
        self._frame = frame_names(values).map
        subscription = make.subscription(PoseStamped, TOPIC, self._on_goal, qos.report_qos())
        self._topic = subscription.topic_name

    def _on_goal(self, message: PoseStamped) -> None:
        try:
            done = self._send(message)
        except AltmarlError as error:
            self._node.get_logger().warning(f"goal on {self._topic} refused: {error}")
            return
        self._node.get_logger().warning(f"goal on {self._topic}: {done}")

    def _send(self, message: PoseStamped) -> str:
        if message.header.frame_id != self._frame:
            raise AltmarlError(f"it is in frame {shown(message.header.frame_id)}, expected {self._frame!r}")
        zone = self._zones.at(message.pose.position.x, message.pose.position.y)
        operator = " or ".join(sorted(set(nodes_publishing(self._node, self._topic)))) or self._topic
        return self._control.send(zone, operator[:LONGEST_NAME])
