"""Drives by Nav2: goals go to its NavigateToPose action, its velocities come back and pass the governor.

Nav2's last stage (the velocity smoother or the collision monitor) is remapped to publish on `cmd_vel_nav`; what the governor
leaves of those velocities goes to the base. Nav2 plans its own way: via points are not sent to it.
"""

from __future__ import annotations

import math
from typing import Any, Mapping

from action_msgs.msg import GoalStatus
from geometry_msgs.msg import Twist, TwistStamped
from rclpy.action.client import ActionClient
from rclpy.node import Node

from altmarl_ros.arrays import FloatArray
from altmarl_ros.driving import STILL, Pose, Velocity
from altmarl_ros.driving.freshness import NEVER, is_fresh
from altmarl_ros.driving.local_planner import Goal
from altmarl_ros.driving.nav2_goal import NavigationGoal, Order, Phase
from altmarl_ros.errors import AltmarlError
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.common.clock import AgeClock
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.nodes.robot import conversions
from altmarl_ros.nodes.robot.parameters import DriveSettings

_ACTION = "navigate_to_pose"
_VELOCITY = "cmd_vel_nav"
_VELOCITY_TIMEOUT = 0.5  # s


def navigate_to_pose() -> Any:
    """Return the action's type; raises AltmarlError where nav2_msgs is not installed."""
    try:
        from nav2_msgs.action import NavigateToPose
    except ImportError:
        raise AltmarlError("drive.kind is 'nav2', but the package nav2_msgs is not installed") from None
    return NavigateToPose


class Nav2Drive:
    """Plans by Nav2; see `drive.Drive`.

    Action client: navigate_to_pose (nav2_msgs/action/NavigateToPose).
    Subscription: cmd_vel_nav (geometry_msgs/msg/Twist, or TwistStamped with `drive.stamped`).
    """

    def __init__(self, node: Node, make: Endpoints, values: Mapping[str, Any], clock: AgeClock, action_type: Any) -> None:
        self._type, self._clock = action_type, clock
        self._map = values["frames.map"]
        self._client: Any = ActionClient(node, action_type, _ACTION)
        self._navigation = NavigationGoal()
        self._handles: dict[int, Any] = {}
        self._velocity, self._velocity_arrived = STILL, NEVER
        if values["drive.stamped"]:
            make.subscription(TwistStamped, _VELOCITY, lambda message: self._on_velocity(message.twist), qos.velocity_qos())
        else:
            make.subscription(Twist, _VELOCITY, self._on_velocity, qos.velocity_qos())

    @property
    def arrived(self) -> bool:
        """See Drive."""
        return self._navigation.phase is Phase.REACHED

    def steer(self, now: float, pose: Pose, goal: Goal, velocity: Velocity, points: FloatArray) -> Velocity:
        """See Drive."""
        self._follow(self._navigation.want(now, goal), now, pose)
        fresh = is_fresh(now, self._velocity_arrived, _VELOCITY_TIMEOUT)
        return self._velocity if fresh and self._navigation.phase is Phase.UNDER_WAY else STILL

    def rest(self) -> None:
        """See Drive."""
        now = self._clock.now()
        self._follow(self._navigation.want(now, None), now, Pose(0.0, 0.0))

    def adjust(self, settings: DriveSettings) -> None:
        """See Drive; Nav2 has limits of its own, and the governor applies ours to its velocities."""

    def close(self) -> None:
        """See Drive."""
        self._client.destroy()

    def _on_velocity(self, twist: Twist) -> None:
        self._velocity, self._velocity_arrived = conversions.velocity_from_message(twist), self._clock.now()

    def _follow(self, order: Order, now: float, pose: Pose) -> None:
        if order.cancel is not None:
            handle = self._handles.pop(order.cancel, None)
            if handle is not None:  # else it is cancelled when it is accepted
                handle.cancel_goal_async()
        if order.send is None:
            return
        if not self._client.server_is_ready():
            self._navigation.ended(now, order.number, False)
            return
        number = order.number
        sent = self._client.send_goal_async(self._message(order.send, pose))
        sent.add_done_callback(lambda future: self._on_response(number, future))

    def _message(self, goal: Goal, pose: Pose) -> Any:
        message = self._type.Goal()
        message.pose.header.frame_id, message.pose.header.stamp = self._map, self._clock.stamp()
        message.pose.pose.position.x, message.pose.pose.position.y = goal.x, goal.y
        yaw = math.atan2(goal.y - pose.y, goal.x - pose.x)
        orientation = message.pose.pose.orientation
        orientation.z, orientation.w = math.sin(0.5 * yaw), math.cos(0.5 * yaw)
        return message

    def _on_response(self, number: int, future: Any) -> None:
        handle = _result(future)
        if handle is None or not handle.accepted:
            self._navigation.ended(self._clock.now(), number, False)
        elif self._navigation.accepted(number):
            self._handles[number] = handle
            handle.get_result_async().add_done_callback(lambda result: self._on_result(number, result))
        else:
            handle.cancel_goal_async()

    def _on_result(self, number: int, future: Any) -> None:
        self._handles.pop(number, None)
        result = _result(future)
        reached = result is not None and result.status == GoalStatus.STATUS_SUCCEEDED
        self._navigation.ended(self._clock.now(), number, reached)


def _result(future: Any) -> Any:
    """Return the result of a future that is done; None where it failed."""
    return future.result() if not future.cancelled() and future.exception() is None else None
