"""Which policies the robots are told of, and when the coordinator goes over to a new one."""

from __future__ import annotations

import time

from rclpy.duration import Duration
from rclpy.node import Node

from altmarl_ros.msg import LocalPolicy
from altmarl_ros.nodes.common import conversions, qos
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.policies import PolicyBundle
from altmarl_ros.protocol.coordinator import Coordinator

_ACKNOWLEDGED = Duration(nanoseconds=1)
_REPEAT = 1.0  # s; robots that ask for the policy get it together


class PolicyAnnouncer:
    """Tells the policy in force and the next one. `path` is the file of the one in force."""

    def __init__(self, node: Node, make: Endpoints, prefix: str, core: Coordinator, game_hash: str, path: str) -> None:
        self._node, self._core, self._game_hash = node, core, game_hash
        self.path = self._next_path = path
        self._publisher = make.publisher(LocalPolicy, f"{prefix}/policy", qos.policy_qos())
        self._announced_at = 0  # tick count
        self._said, self._wanted = time.monotonic(), False

    def say(self) -> None:
        """Tell both: latched, the one in force first, so that a robot that comes now can act before and after the switch."""
        for bundle in (self._core.bundle, self._core.next_bundle):
            if bundle is not None:
                message = conversions.policy_to_message(bundle.pi_l, bundle.policy_id, self._game_hash)
                self._publisher.publish(message)
        self._said, self._wanted = time.monotonic(), False

    def want(self) -> None:
        """A robot lacks a policy; it is told again soon."""
        self._wanted = True

    def announce(self, bundle: PolicyBundle, path: str, ticks: int, at_once: bool) -> None:
        """Tell of a new policy after so many ticks; `at_once`: nobody acts by ours, so there is nobody to wait for."""
        self._core.announce(bundle)
        self._announced_at, self._next_path = ticks, path
        if at_once and self._core.next_bundle is not None:
            self._switch()
        self.say()

    def renew(self, ticks: int, patience: int) -> bool:
        """Before a tick begins, after so many: whether another policy is in force from it on."""
        due = self._core.next_bundle is not None and ticks > self._announced_at
        switched = due and (ticks - self._announced_at >= patience or self._publisher.wait_for_all_acked(_ACKNOWLEDGED))
        if switched:
            self._switch()
            self._node.get_logger().info(f"policy {self._core.bundle.policy_id:08x} from this tick on")
        if self._wanted and time.monotonic() - self._said >= _REPEAT:
            self.say()
        return switched

    def restart(self) -> None:
        """The ticks are counted from 0 again."""
        self._announced_at = 0

    def _switch(self) -> None:
        self._core.switch()
        self.path = self._next_path
