"""What an operator makes of a robot: sends it to a zone, holds it, releases it, takes it out of the fleet and back.

It is told to the robot itself, by a service of its process, so that it works while the coordinator is away. The robot says so
in its hellos, whose last ones are latched: a coordinator that starts anew, or takes over, knows which robots are operated. What
is wanted of the robot still passes through its governor, which stops it as at any other time; so a robot that is sent waits
where the coordinator is silent and `on_silence` is `hold`.
"""

from __future__ import annotations

import time
from typing import Callable, Mapping, Protocol

from lifecycle_msgs.msg import State
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.timer import Timer

from altmarl_ros.errors import AltmarlError
from altmarl_ros.nodes.common.guarded import GuardedNode
from altmarl_ros.nodes.common.lifecycle import ManagedNode
from altmarl_ros.nodes.robot.body import Body
from altmarl_ros.protocol.agent import RobotAgent
from altmarl_ros.protocol.operated import Control, Operated, check_operator
from altmarl_ros.srv import OperateRobot

_Request = OperateRobot.Request
_LOOK = 0.05  # s between two looks whether a robot that leaves the fleet is at rest
_LONGEST_BRAKING = 5.0  # s after which it leaves all the same, and brakes as it does so


class OperableRobot(Protocol):
    """A robot of this process that an operator can tell something."""

    @property
    def operator_control(self) -> OperatorControl:
        """What an operator makes of it."""
        ...


class OperatorControl:
    """Carries out what operators say to one robot, and remembers it over the transitions of its node.

    Attributes:
        operated: what the robot does for an operator; None: it acts by its policy.
    """

    def __init__(self, node: ManagedNode, say: Callable[[], None]) -> None:
        """`say` publishes a hello of the node's robot."""
        self._node, self._say = node, say
        self.operated: Operated | None = None
        self._agent: RobotAgent | None = None
        self._body: Body | None = None
        self._leaving: Timer | None = None  # looks whether the robot is at rest
        self._told_at = 0.0

    def configure(self, agent: RobotAgent, body: Body) -> None:
        """Note what the node has made."""
        self._agent, self._body = agent, body
        agent.operate(self.operated)

    def activate(self) -> None:
        """Go on: a robot that was sent is held, since its goal is gone, and one that was removed is in the fleet again."""
        if self.operated is None or self._body is None:
            return
        if self.operated.control is Control.REMOVED:
            self._set(None)
        else:
            self._set(Operated(Control.HELD, self.operated.operator))
            self._body.hold()

    def deactivate(self) -> None:
        """Note that the robot leaves the fleet; what the operator said stays."""
        self._end_leaving()

    def operate(self, request: OperateRobot.Request) -> str:
        """Do what an operator asks for; returns what the robot does now, in words.

        Raises:
            AltmarlError: with the reason why that is impossible; nothing has changed then.
        """
        operator, command = check_operator(request.operator_name), request.command
        if command == _Request.RETURN:
            return self._return()
        if self._node.state_id != State.PRIMARY_STATE_ACTIVE:
            raise AltmarlError(self._why_inactive())
        if command == _Request.SEND:
            return self.send(request.zone, operator)
        if command == _Request.RELEASE:
            return self._release()
        if command == _Request.HOLD:
            return self._stop(Operated(Control.HELD, operator))
        if command == _Request.REMOVE:
            return self._remove(operator)
        raise AltmarlError(f"there is no command {command}")

    def send(self, zone: str, operator: str) -> str:
        """Send the robot to a zone; see `operate`."""
        if self._node.state_id != State.PRIMARY_STATE_ACTIVE:
            raise AltmarlError(self._why_inactive())
        body = self._needed_body()
        name = body.send(zone)
        self._change(Operated(Control.SENT, operator))
        standing = body.standing
        return f"drives to {name}" + (f"; stands at present: {standing}" if standing else "")

    def _stop(self, operated: Operated) -> str:
        self._needed_body().hold()
        self._change(operated)
        return str(operated)

    def _release(self) -> str:
        if self.operated is None:
            return "acts by its policy, as before"
        self._needed_body().release()
        self._change(None)
        return "acts by its policy from the next tick on"

    def _remove(self, operator: str) -> str:
        self._stop(Operated(Control.REMOVED, operator))
        self._told_at = time.monotonic()
        clock = Clock(clock_type=ClockType.STEADY_TIME)  # a simulated clock that stands must not keep it
        self._leaving = self._node.create_timer(_LOOK, self._leave_at_rest, clock=clock)
        return "stops, and leaves the fleet"

    def _return(self) -> str:
        removed = self.operated is not None and self.operated.control is Control.REMOVED
        if self._node.state_id == State.PRIMARY_STATE_ACTIVE:
            return self._release() if removed else "is in the fleet, as before"
        if not removed:
            raise AltmarlError(self._why_inactive())
        if self._node.trigger_activate() is not TransitionCallbackReturn.SUCCESS:
            raise AltmarlError("it cannot be activated; its log says why")
        return "joins the fleet"

    def _leave_at_rest(self) -> None:
        late = time.monotonic() - self._told_at > _LONGEST_BRAKING
        if self._body is not None and not self._body.at_rest and not late:
            return
        self._end_leaving()
        self._node.trigger_deactivate()

    def _end_leaving(self) -> None:
        if self._leaving is not None:
            self._node.destroy_timer(self._leaving)
            self._leaving = None

    def _change(self, operated: Operated | None) -> None:
        self._end_leaving()
        self._set(operated)
        self._say()

    def _set(self, operated: Operated | None) -> None:
        self.operated = operated
        if self._agent is not None:
            self._agent.operate(operated)

    def _needed_body(self) -> Body:
        assert self._body is not None, "active, and not configured"
        return self._body

    def _why_inactive(self) -> str:
        if self.operated is not None and self.operated.control is Control.REMOVED:
            return f"it was {self.operated}: return it to the fleet first"
        return "its node is not active, and no operator removed it: activate it by its life cycle"


def offer_operation(node: GuardedNode, robots: Callable[[], Mapping[int, OperableRobot]]) -> None:
    """Offer `~/operate` (OperateRobot) on a node of the process; `robots` returns its robots by id."""

    def answer(request: OperateRobot.Request, response: OperateRobot.Response) -> OperateRobot.Response:
        robot = robots().get(request.robot_id)
        response.known = robot is not None
        if robot is None:
            response.message = f"robot {request.robot_id} is not in this process"
            return response
        try:
            response.message = robot.operator_control.operate(request)
            response.success = True
        except AltmarlError as error:
            response.message = f"refused: {error}"
        node.get_logger().warning(f"robot {request.robot_id}, told by {request.operator_name[:80]!r}: {response.message}")
        return response

    node.create_service(OperateRobot, "~/operate", answer)
