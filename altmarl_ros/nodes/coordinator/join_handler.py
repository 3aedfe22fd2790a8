"""Handles the join and leave messages of robots; checks them, since anyone can send them."""

from __future__ import annotations

import time
from functools import partial
from typing import Any, Callable, Mapping

from altmarl_ros.errors import AltmarlError
from altmarl_ros.msg import RobotHello
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.common.conversions import operated_from_message
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.nodes.coordinator.parameters import allowed_ids
from altmarl_ros.protocol.admission import Admission, HelloBudget
from altmarl_ros.protocol.coordinator import Coordinator
from altmarl_ros.protocol.operated import Control, Operated

_ALARM = 5.0  # s between two errors about ids that are used twice
_THROTTLE = 1.0  # s between two warnings about what others send


class JoinHandler:
    """Keeps the coordinator's roster by the messages on `<prefix>/hello`.

    Attributes:
        refused: number of messages that were refused.
        policy_requests: number of messages of robots that lacked the policy which a tick named, or its action values.
    """

    def __init__(
        self, endpoints: Endpoints, values: Mapping[str, Any], core: Coordinator, request_policy: Callable[[bool], None]
    ) -> None:
        """Listen to robots.

        `request_policy` is called when a robot lacks a policy, with True if it lacks the action values alone; `values` are
        the coordinator's parameters.

        Raises:
            AltmarlError: `roster.allow` is no list of ids.
        """
        self._node, self._roster, self._request_policy = endpoints.node, core.roster, request_policy
        types = core.game.types
        names = () if types is None else types.names
        self._admission = Admission(core.game.content_hash, int(values["roster.capacity"]), names)
        self._allowed = allowed_ids(values)
        self._budget = HelloBudget(max(self._admission.capacity, RobotHello.MAX_COUNT), time.monotonic())
        self.refused = self.policy_requests = 0
        endpoints.subscription(RobotHello, f"{values['fleet_prefix']}/hello", self._on_hello, qos.latched_from_many_qos())

    def _on_hello(self, message: RobotHello) -> None:
        roster = self._roster
        ids = range(message.robot_id, message.robot_id + max(1, message.count))
        who = f"robot {ids[0]}" if len(ids) == 1 else f"robots {ids[0]}-{ids[-1]}"
        if len(ids) > RobotHello.MAX_COUNT or ids[-1] >= 2**32:
            self._refuse(who, f"at most {RobotHello.MAX_COUNT} ids below 2^32 join at once")
            return
        now = time.monotonic()
        if not self._budget.spend(len(ids), now):
            self._refuse(who, "too many robots were named at once; it is heard when it says so again")
            return
        try:
            operated = operated_from_message(message.control, message.operator_name)
        except AltmarlError as error:
            self._refuse(who, str(error))
            return
        if message.event == RobotHello.LEAVE:
            removed = operated if operated is not None and operated.control is Control.REMOVED else None
            if sum(roster.leave(robot_id, message.secret, now, removed) for robot_id in ids):
                by = f", {removed}" if removed is not None else ""
                self._node.get_logger().info(f"{who} left{by}, {len(roster)} on the roster")
            return
        new = sum(robot_id not in roster for robot_id in ids)
        if new:
            roster.make_room(self._admission.capacity, new, message.mark, message.name)
        known = all(robot_id in roster for robot_id in ids)
        reason = self._admission.refusal(
            message.name, message.game_hash, known, len(roster) + len(ids) - 1, robot_type=message.robot_type
        )
        if reason:
            self._refuse(who, reason)
            return
        allowed = [robot_id for robot_id in ids if self._allowed is None or robot_id in self._allowed]
        if len(allowed) < len(ids):
            self._refuse(who, f"{len(ids) - len(allowed)} of {len(ids)} not among those allowed, {str(self._allowed)[:80]}")
        kind = self._admission.type_number(message.robot_type)
        self._say_change(ids[0], operated)
        state = None if message.local_state == RobotHello.UNKNOWN or len(ids) > 1 else int(message.local_state)
        join = partial(roster.join, robot_type=kind, operated=operated, local_state=state)
        if sum(join(robot_id, message.name, message.mark, now) for robot_id in allowed):
            self._node.get_logger().debug(f"{who} joined, {len(roster)} on the roster")
        self._warn_of_doubled_ids(now)
        if message.event in (RobotHello.NEED_POLICY, RobotHello.NEED_VALUES) and allowed:
            self.policy_requests += 1
            self._request_policy(message.event == RobotHello.NEED_VALUES)

    def _say_change(self, robot_id: int, operated: Operated | None) -> None:
        before = self._roster.operated.find(robot_id)
        if before != operated:
            self._node.get_logger().info(f"robot {robot_id} is {operated or 'given back, and acts by its policy'}")

    def _warn_of_doubled_ids(self, now: float) -> None:
        for doubled in self._roster.claims.doubled(now)[:1]:
            self._node.get_logger().error(
                f"robot id {doubled.robot_id} is used by two robots: {' and '.join(doubled.names)}",
                throttle_duration_sec=_ALARM,
            )

    def _refuse(self, who: str, reason: str) -> None:
        self.refused += 1
        self._node.get_logger().warning(f"{who} refused: {reason}", throttle_duration_sec=_THROTTLE)
