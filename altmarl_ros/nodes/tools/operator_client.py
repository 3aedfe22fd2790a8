"""Tells a robot what an operator wants, by the service of its process."""

from __future__ import annotations

from typing import Any, Collection, Mapping, Sequence

from rclpy.node import Node

from altmarl_ros.msg import RobotHello
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.common.guarded import GuardedNode
from altmarl_ros.srv import OperateRobot

COMMANDS: Mapping[str, int] = {
    "send": OperateRobot.Request.SEND,
    "hold": OperateRobot.Request.HOLD,
    "release": OperateRobot.Request.RELEASE,
    "remove": OperateRobot.Request.REMOVE,
    "return": OperateRobot.Request.RETURN,
}
"""Number of each command by the word for it."""

_SERVICE, _TYPE = "operate", "altmarl_ros/srv/OperateRobot"


def candidates(services: Collection[str], name: str | None, names: Collection[str]) -> list[str]:
    """Return the services that may be that of a robot's process: its own node's, or else all that are no robot's own.

    Args:
        services: full names of all such services.
        name: full name of the robot's node; None: not known.
        names: full names of all robots' nodes.
    """
    own = f"{name}/{_SERVICE}"
    if name is not None and own in services:
        return [own]
    return sorted(set(services) - {f"{other}/{_SERVICE}" for other in names})


class OperatorClient:
    """Calls the services of all robots' processes, on a node of its caller."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._clients: dict[str, Any] = {}

    def ready(self, name: str | None, names: Collection[str]) -> list[Any]:
        """Return the clients of the services that may be that of a robot's process (see `candidates`) and can be called."""
        services = [service for service, types in self._node.get_service_names_and_types() if _TYPE in types]
        for service in candidates(services, name, names):
            if service not in self._clients:
                self._clients[service] = self._node.create_client(OperateRobot, service)
        found = [self._clients[service] for service in candidates(services, name, names)]
        return [client for client in found if client.service_is_ready()]

    async def ask(self, clients: Sequence[Any], request: OperateRobot.Request) -> OperateRobot.Response | None:
        """Ask one process after the other; returns the answer of the one that has the robot, None where none has it."""
        for client in clients:
            response = await client.call_async(request)
            if response.known:
                return response
        return None


class OperatorNode(GuardedNode):
    """The node of `altmarl robot`.

    Subscription: <fleet_prefix>/hello. Service calls: the `operate` service of the robot's process.

    Attributes:
        names: full names of the robots' nodes by id, as far as they said hello, and None for those of a crowd.
        client: calls the services.
    """

    def __init__(self, fleet_prefix: str) -> None:
        super().__init__("altmarl_operator", start_parameter_services=False, enable_rosout=False)
        self.names: dict[int, str | None] = {}
        self.client = OperatorClient(self)
        self.create_subscription(RobotHello, f"{fleet_prefix}/hello", self._on_hello, qos.latched_from_many_qos())

    def ready(self, robot_id: int) -> list[Any]:
        """Return the clients of services that may be that of the robot's process; see `OperatorClient.ready`."""
        return self.client.ready(self.names.get(robot_id), [name for name in self.names.values() if name])

    def _on_hello(self, message: RobotHello) -> None:
        for robot_id in range(message.robot_id, message.robot_id + min(message.count, RobotHello.MAX_COUNT)):
            self.names[robot_id] = message.name if message.count == 1 else None
