"""What `ros2 param` does, bounded in time: the nodes of the graph and their parameters, for an operator's tools."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any, Callable, Coroutine, Mapping, TypeVar

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node, NodeNameNonExistentError

from altmarl_ros.errors import AltmarlError
from altmarl_ros.nodes.common.remote_parameters import Answer, RemoteParameter, RemoteParameters, Value

_SERVICE = "/set_parameters_atomically"
_STEP = 0.05  # s
_SETTLED = 1.0  # s without a new node
_MATCHING = 0.1  # s; for the other side of discovery
_PATIENCE = 1.5  # s; for an answer, before it is asked for again

T = TypeVar("T")


class ParameterTool:
    """An operator's node; every wait ends after `timeout` [s]. rclpy is initialised by the caller."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._node = Node("altmarl_tune", start_parameter_services=False, enable_rosout=False)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._remotes: dict[str, RemoteParameters] = {}

    def nodes(self) -> list[str]:
        """Fully qualified names of the nodes that have parameters, once no more of them turn up."""
        end, found, since = time.monotonic() + self._timeout, self._visible(), time.monotonic()
        while time.monotonic() < min(end, since + _SETTLED) or (not found and time.monotonic() < end):
            self._executor.spin_once(timeout_sec=_STEP)
            now = self._visible()
            if now != found:
                found, since = now, time.monotonic()
        return found

    def read(self, target: str) -> tuple[RemoteParameter, ...]:
        """All parameters of a node, by name.

        Raises:
            AltmarlError: the node is not there, naming those that are, or it does not answer.
        """
        # A node whose service is seen may not see us yet, and its answer is lost then: a question that changes nothing is
        # asked again.
        remote, end = self._remote(target), time.monotonic() + self._timeout
        while True:
            answer = self._ask(min(_PATIENCE, max(0.0, end - time.monotonic())), remote.read)
            if answer is not None:
                return answer
            if time.monotonic() >= end:
                raise AltmarlError(f"{target} did not answer within {self._timeout:g} s")

    def change(self, target: str, values: Mapping[str, Value]) -> Answer:
        """Set parameters of a node, all or none; raises as `read`."""
        answer = self._ask(self._timeout, self._remote(target).change, values)
        if answer is None:
            raise AltmarlError(f"{target} did not answer within {self._timeout:g} s; whether it took the values is not known")
        return answer

    def close(self) -> None:
        """Leave the graph."""
        for remote in self._remotes.values():
            remote.destroy()
        self._executor.shutdown(timeout_sec=1.0)
        self._node.destroy_node()

    def _remote(self, target: str) -> RemoteParameters:
        if target not in self._remotes:
            remote = self._remotes[target] = RemoteParameters(self._node, target)
            self._wait(lambda: remote.ready, self._timeout)
            if not remote.ready:
                remote.destroy()
                del self._remotes[target]
                there = ", ".join(self._visible()) or "none"
                raise AltmarlError(
                    f"no node {target} with parameters within {self._timeout:g} s; nodes that are there: {there}{_where()}"
                )
            self._wait(lambda: False, _MATCHING)
        return self._remotes[target]

    def _ask(self, patience: float, question: Callable[..., Coroutine[Any, Any, T]], *arguments: Any) -> T | None:
        """The answer; None if none came."""
        task = self._executor.create_task(question, *arguments)
        self._wait(task.done, patience)
        if not task.done():
            task.cancel()
            return None
        return task.result()

    def _wait(self, done: Callable[[], bool], patience: float) -> None:
        end = time.monotonic() + patience
        while not done() and time.monotonic() < end and rclpy.ok():
            self._executor.spin_once(timeout_sec=_STEP)

    def _visible(self) -> list[str]:
        # Node by node: among the names of all services are those that someone waits for in vain.
        found = set()
        for name, namespace in self._node.get_node_names_and_namespaces():
            with suppress(NodeNameNonExistentError):  # gone meanwhile
                services = self._node.get_service_names_and_types_by_node(name, namespace)
                found |= {service.removesuffix(_SERVICE) for service, _ in services if service.endswith(_SERVICE)}
        return sorted(found)


def _where() -> str:
    """The domain that was looked in, where none was found for being in another one."""
    from rclpy.utilities import get_default_context

    return f" (ROS domain {get_default_context().get_domain_id()})"
