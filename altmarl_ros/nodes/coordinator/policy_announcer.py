"""Which policies the robots are told of, and when the coordinator goes over to a new one."""

from __future__ import annotations

import time

from rclpy.duration import Duration

from altmarl_ros.msg import LocalPolicy
from altmarl_ros.nodes.common import conversions, qos
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.protocol.coordinator import Coordinator
from altmarl_ros.protocol.held_policies import policy_topic

_ACKNOWLEDGED = Duration(nanoseconds=1)
_REPEAT = 1.0  # s; robots that ask for the policy within this time get it together


class PolicyAnnouncer:
    """Publishes the policy in force and the next one, and switches to the next one once the robots have it.

    Attributes:
        path: file of the policy in force.
        topics: on which policies are published, one for each type of robots.
    """

    def __init__(self, endpoints: Endpoints, prefix: str, core: Coordinator, path: str) -> None:
        """`path` is the file of the core's policy; nothing is published before `publish`."""
        self._node, self._core = endpoints.node, core
        self.path = self._next_path = path
        types = core.game.types
        self.topics = [policy_topic(prefix, t) for t in ([None] if types is None else range(len(types)))]
        self._publishers = [endpoints.publisher(LocalPolicy, topic, qos.policy_qos()) for topic in self.topics]
        self._announced_at = 0  # ticks
        self._published, self._requested = time.monotonic(), False
        self._with_values = False  # large ones, once a robot has asked for them

    def publish(self) -> None:
        """Publish both policies, latched and the one in force first, so that a robot that starts now can act by either."""
        for bundle in (self._core.bundle, self._core.next_bundle):
            if bundle is not None:
                game, policy_id = self._core.game, bundle.policy_id
                messages = conversions.policies_to_messages(bundle.pi_l, policy_id, game, self._with_values)
                for publisher, message in zip(self._publishers, messages, strict=True):
                    publisher.publish(message)
        self._published, self._requested = time.monotonic(), False

    def request(self, values: bool) -> None:
        """Publish again before one of the next ticks, since a robot lacks a policy; from now on with all action values."""
        self._requested = True
        self._with_values = self._with_values or values

    def announce(self, path: str, ticks: int, at_once: bool) -> None:
        """Publish the next policy, which the core has been given.

        Args:
            path: file of the policy.
            ticks: number of ticks begun so far.
            at_once: switch now, since nobody acts by the ticks of this coordinator and so there is nobody to wait for.
        """
        self._announced_at, self._next_path = ticks, path
        if at_once and self._core.next_bundle is not None:
            self._switch()
        self.publish()

    def switch_if_due(self, ticks: int) -> bool:
        """Before a tick begins, after so many: whether the next policy is in force from it on.

        It is once every robot has confirmed it, or has had `policy.patience` ticks to do so.
        """
        waited = ticks - self._announced_at
        if self._core.next_bundle is None or waited <= 0:
            return False
        confirmed = all(publisher.wait_for_all_acked(_ACKNOWLEDGED) for publisher in self._publishers)
        if waited < self._core.settings.patience and not confirmed:
            return False
        self._switch()
        self._node.get_logger().info(f"policy {self._core.bundle.policy_id:08x} from this tick on")
        return True

    def repeat_if_requested(self) -> None:
        """Publish again if a robot asked for it, at most once a second."""
        if self._requested and time.monotonic() - self._published >= _REPEAT:
            self.publish()

    def restart(self) -> None:
        """Count the ticks from 0 again."""
        self._announced_at = 0

    def _switch(self) -> None:
        self._core.switch()
        self.path = self._next_path
