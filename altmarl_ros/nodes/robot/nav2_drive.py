"""Drives by Nav2: goals go to its NavigateToPose action, its velocities come back and pass the governor.

Nav2's last stage (the velocity smoother or the collision monitor) is remapped to publish on `cmd_vel_nav`; what the governor
leaves of those velocities goes to the base. Nav2 plans its own way: via points are not sent to it.
"""

from __future__ import annotations

import math
from typing import Any, Mapping

from action_msgs.msg import GoalStatus
from geometry_msgs.msg import Twist, TwistStamped

from altmarl_ros.arrays import FloatArray
from altmarl_ros.driving import STILL, Pose, Velocity
from altmarl_ros.driving.freshness import NEVER, is_fresh
from altmarl_ros.driving.governor_types import Reason
from altmarl_ros.driving.local_planner import Goal
from altmarl_ros.driving.nav2_goal import NavigationGoal, Order, Phase
from altmarl_ros.driving.robot_topics import TWIST, TWIST_STAMPED, Fault, navigator_fault, stream_fault
from altmarl_ros.errors import AltmarlError
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.common.clock import AgeClock
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.nodes.common.guarded import GuardedNode
from altmarl_ros.nodes.robot import conversions
from altmarl_ros.nodes.robot.parameters import DriveSettings
from altmarl_ros.nodes.robot.topic_observation import observe_navigator, observe_stream

VELOCITY_TOPIC = "cmd_vel_nav"
"""Topic of Nav2's velocities."""

_VELOCITY_TIMEOUT = 0.5  # s
_OUTCOMES = {
    GoalStatus.STATUS_SUCCEEDED: None,
    GoalStatus.STATUS_CANCELED: Reason.GOAL_CANCELED,
    GoalStatus.STATUS_UNKNOWN: Reason.GOAL_LOST,
}


def navigate_to_pose() -> Any:
    """Return the action's type; raises AltmarlError where nav2_msgs is not installed."""
    try:
        from nav2_msgs.action import NavigateToPose
    except ImportError:
        raise AltmarlError(
            "drive.kind is 'nav2', but the package nav2_msgs is not installed: source the ROS installation that has it, "
            "or set drive.kind to 'cmd_vel'"
        ) from None
    return NavigateToPose


class Nav2Drive:
    """Plans by Nav2; see `drive.Drive`.

    Action client: `drive.action` (nav2_msgs/action/NavigateToPose).
    Subscription: cmd_vel_nav (geometry_msgs/msg/Twist, or TwistStamped with `drive.stamped`).
    """

    def __init__(
        self, node: GuardedNode, make: Endpoints, values: Mapping[str, Any], clock: AgeClock, action_type: Any
    ) -> None:
        self._type, self._clock, self._node, self._log = action_type, clock, node, node.get_logger()
        self._map, self._action = values["frames.map"], node.resolve_topic_name(values["drive.action"])
        self._client = node.action_client(action_type, values["drive.action"])
        self._navigation = NavigationGoal()
        self._handles: dict[int, Any] = {}
        self._told: Reason | None = None
        self._velocity, self._velocity_arrived, self._set_off = STILL, NEVER, NEVER
        stamped = bool(values["drive.stamped"])
        self._velocities = make.subscription(
            TwistStamped if stamped else Twist,
            VELOCITY_TOPIC,
            (lambda message: self._on_velocity(message.twist)) if stamped else self._on_velocity,
            qos.velocity_qos(),
        )
        self._velocity_type = TWIST_STAMPED if stamped else TWIST

    @property
    def arrived(self) -> bool:
        """See Drive."""
        return self._navigation.phase is Phase.REACHED

    @property
    def problem(self) -> Reason | None:
        """See Drive: what is wrong with the server or the goal, or that no velocity comes for one that is under way."""
        if self._navigation.problem is not None:
            return self._navigation.problem
        due = max(self._velocity_arrived, self._set_off)
        waits = self._navigation.phase is Phase.UNDER_WAY and not is_fresh(self._clock.now(), due, _VELOCITY_TIMEOUT)
        return Reason.NAVIGATOR_SILENT if waits or self._velocities.get_publisher_count() == 0 else None

    @property
    def fault(self) -> Fault | None:
        """See Drive."""
        problem, namespace = self.problem, self._node.get_namespace()
        if problem is Reason.NO_NAVIGATOR:
            return navigator_fault(observe_navigator(self._node, self._action, namespace))
        if problem is Reason.NAVIGATOR_SILENT:
            topic = self._node.resolve_topic_name(VELOCITY_TOPIC)
            return stream_fault(observe_stream(self._node, topic, self._velocity_type, namespace, ""))
        return None

    def steer(self, now: float, pose: Pose, goal: Goal, velocity: Velocity, points: FloatArray) -> Velocity:
        """See Drive."""
        self._follow(now, goal, pose)
        fresh = is_fresh(now, self._velocity_arrived, _VELOCITY_TIMEOUT)
        return self._velocity if fresh and self._navigation.phase is Phase.UNDER_WAY else STILL

    def rest(self) -> None:
        """See Drive."""
        self._follow(self._clock.now(), None, None)

    def adjust(self, settings: DriveSettings) -> None:
        """See Drive; Nav2 has limits of its own, and the governor applies ours to its velocities."""

    def close(self) -> None:
        """See Drive: no goal stays."""
        self.rest()

    def _on_velocity(self, twist: Twist) -> None:
        self._velocity, self._velocity_arrived = conversions.velocity_from_message(twist), self._clock.now()
        self._navigation.velocity(self._velocity_arrived)

    def _follow(self, now: float, goal: Goal | None, pose: Pose | None) -> None:
        """Do what has to be done so that the robot is driven to a goal; None: so that it is not driven."""
        order = self._navigation.want(now, goal, pose, ready=self._client.server_is_ready())
        self._tell()
        if order.cancel is not None:
            handle = self._handles.pop(order.cancel, None)
            if handle is not None:  # else it is cancelled when it is accepted
                handle.cancel_goal_async()
        if order.ask is not None and order.ask in self._handles:
            self._ask(order.ask)
        if order.send is not None and pose is not None:
            self._send(order, pose)

    def _tell(self) -> None:
        """Log why the goal is not driven to, once, when that begins."""
        problem = self._navigation.problem
        if problem is not None and problem is not self._told:
            fault = self.fault
            text = fault if fault is not None else f"{problem.value} by {self._action} (drive.action)"
            self._log.warning(f"{text}; it is tried again")
        self._told = problem

    def _send(self, order: Order, pose: Pose) -> None:
        number, goal = order.number, order.send
        assert goal is not None
        sent = self._client.send_goal_async(
            self._message(goal, pose),
            feedback_callback=lambda _: self._navigation.feedback(self._clock.now(), number),
        )
        sent.add_done_callback(lambda future: self._on_response(number, future))

    def _message(self, goal: Goal, pose: Pose) -> Any:
        message = self._type.Goal()
        message.pose.header.frame_id, message.pose.header.stamp = self._map, self._clock.stamp()
        message.pose.pose.position.x, message.pose.pose.position.y = goal.x, goal.y
        yaw = math.atan2(goal.y - pose.y, goal.x - pose.x)
        orientation = message.pose.pose.orientation
        orientation.z, orientation.w = math.sin(0.5 * yaw), math.cos(0.5 * yaw)
        return message

    def _ask(self, number: int) -> None:
        """Ask for the result of an attempt; a server answers when it has it, or does not know the goal."""
        self._handles[number].get_result_async().add_done_callback(lambda result: self._on_result(number, result))

    def _on_response(self, number: int, future: Any) -> None:
        now, handle = self._clock.now(), _result(future)
        if handle is None or not handle.accepted:
            self._end(now, number, Reason.GOAL_REJECTED if handle is not None else Reason.GOAL_UNANSWERED)
        elif self._navigation.accepted(now, number):
            self._handles, self._set_off = {number: handle}, now
            self._ask(number)
        else:
            handle.cancel_goal_async()

    def _on_result(self, number: int, future: Any) -> None:
        result = _result(future)
        if result is None:
            self._end(self._clock.now(), number, Reason.GOAL_LOST)
            return
        failed = _OUTCOMES.get(result.status, Reason.GOAL_ABORTED)
        if self._end(self._clock.now(), number, failed) and failed is not None:
            code, text = getattr(result.result, "error_code", 0), getattr(result.result, "error_msg", "")
            self._log.warning(f"{failed.value}: error_code {code} {str(text)[:200]!r} from {self._action}")

    def _end(self, now: float, number: int, failed: Reason | None) -> bool:
        self._handles.pop(number, None)
        return self._navigation.ended(now, number, failed)


def _result(future: Any) -> Any:
    """Return the result of a future that is done; None where it failed."""
    return future.result() if not future.cancelled() and future.exception() is None else None
