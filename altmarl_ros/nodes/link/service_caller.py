"""Carries out operators' calls on the machine that has the services, and answers them over the link."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import Any, Callable, Mapping

from rclpy.serialization import deserialize_message, serialize_message
from std_srvs.srv import Trigger

from altmarl_ros.links.calls import Question
from altmarl_ros.links.services import OfferedNode
from altmarl_ros.nodes.common.guarded import GuardedNode
from altmarl_ros.nodes.link.service_types import SERVICE_TYPES
from altmarl_ros.protocol.operated import LONGEST_NAME
from altmarl_ros.srv import OperateRobot

OwnService = Callable[[str, Callable[[Trigger.Response], None]], None]
"""A service of the link itself: takes the node in whose name it is asked, and what takes the response, from any thread."""

_MOST_WAITING = 32
_MATCHING = 0.2  # s in which the service discovers a new client too
_MOST_CLIENTS = 1000


@dataclass(eq=False)
class _Waiting:
    question: Question
    client: Any
    request: Any
    until: float  # s of time.monotonic
    future: Any = None


class ServiceCaller:
    """Calls services of this ROS domain for operators; a work queue hands it their questions in the node's thread."""

    def __init__(
        self, node: GuardedNode, offered: Callable[[], Mapping[str, OfferedNode]], own: Mapping[str, OwnService]
    ) -> None:
        """Prepare to call.

        Args:
            node: holds the clients.
            offered: returns the nodes that operators may call, by their full names.
            own: services of the link itself, by the last part of their names.
        """
        self._node, self._offered, self._own = node, offered, own
        self._clients: dict[str, tuple[Any, float]] = {}  # and when it was made [s]
        self._waiting: list[_Waiting] = []

    def take(self, question: Question) -> None:
        """Carry out a call, or refuse it with the reason."""
        name = f"{question.node}/{question.row.name}"
        offered = self._offered().get(question.node)
        if offered is None or question.row not in offered.rows:
            question.refuse(f"{name} is not offered to operators here")
            return
        if len(self._waiting) >= _MOST_WAITING:
            question.refuse(f"{_MOST_WAITING} calls wait here already")
            return
        if question.row.changes:
            self._node.get_logger().info(f"{question.operator} calls {name} over the link")
        if question.row.name in self._own:
            self._own[question.row.name](question.node, lambda response: question.reply(bytes(serialize_message(response))))
            return
        try:
            request = deserialize_message(question.request, SERVICE_TYPES[question.row.type].Request)
        except Exception as error:  # whatever the middleware raises for what is no request
            question.refuse(f"{name}: the request is none: {type(error).__name__}")
            return
        if isinstance(request, OperateRobot.Request):  # the certificate says who asks
            request.operator_name = f"{question.operator.partition('.')[2]}/{request.operator_name}"[:LONGEST_NAME]
        client = self._client(name, SERVICE_TYPES[question.row.type])
        if client is None:
            question.refuse(f"{_MOST_CLIENTS} services were called here already")
            return
        self._waiting.append(_Waiting(question, client, request, time.monotonic() + question.row.timeout))

    def run(self) -> None:
        """Send what can be sent by now, and give up what has waited too long; called often, in the node's thread."""
        now = time.monotonic()
        for each in list(self._waiting):
            name = f"{each.question.node}/{each.question.row.name}"
            if each.future is None and now >= self._clients[name][1] + _MATCHING and each.client.service_is_ready():
                each.future = each.client.call_async(each.request)
                each.future.add_done_callback(partial(self._answer, each))
            if now > each.until and each in self._waiting:
                self._waiting.remove(each)
                if each.future is not None:
                    each.client.remove_pending_request(each.future)
                each.question.refuse(f"{name} does not answer within {each.question.row.timeout:g} s")

    def _answer(self, waiting: _Waiting, future: Any) -> None:
        if waiting not in self._waiting:
            return
        self._waiting.remove(waiting)
        if future.exception() is not None or future.result() is None:
            waiting.question.refuse(f"{waiting.question.node}/{waiting.question.row.name} failed")
            return
        waiting.question.reply(bytes(serialize_message(future.result())))

    def _client(self, name: str, service_type: Any) -> Any:
        if name not in self._clients:
            if len(self._clients) >= _MOST_CLIENTS:
                return None
            self._clients[name] = self._node.create_client(service_type, name), time.monotonic()
        return self._clients[name][0]
