"""What `ros2 param` does, bounded in time: the nodes of the graph and their parameters, for an operator's tools."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any, Callable, Coroutine, Mapping, TypeVar

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node, NodeNameNonExistentError

from altmarl_ros.errors import AltmarlError
from altmarl_ros.nodes.remote_parameters import Answer, RemoteParameter, RemoteParameters, Value

_SERVICE = "/set_parameters_atomically"
_STEP = 0.05  # s
_SETTLED = 0.6  # s without a new node

T = TypeVar("T")


class ParameterTool:
    """An operator's node; every wait ends after `timeout` [s]. rclpy is initialised by the caller."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._node = Node("altmarl_tune", start_parameter_services=False, enable_rosout=False)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)

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
        return self._ask(target, RemoteParameters.read)

    def change(self, target: str, values: Mapping[str, Value]) -> Answer:
        """Set parameters of a node, all or none; raises as `read`."""
        return self._ask(target, RemoteParameters.change, values)

    def close(self) -> None:
        """Leave the graph."""
        self._executor.shutdown(timeout_sec=1.0)
        self._node.destroy_node()

    def _ask(self, target: str, question: Callable[..., Coroutine[Any, Any, T]], *arguments: Any) -> T:
        remote = RemoteParameters(self._node, target)
        try:
            self._wait(lambda: remote.ready)
            if not remote.ready:
                there = ", ".join(self._visible()) or "none"
                raise AltmarlError(
                    f"no node {target} with parameters within {self._timeout:g} s; nodes that are there: {there}{_where()}"
                )
            task = self._executor.create_task(question, remote, *arguments)
            self._wait(task.done)
            if not task.done():
                task.cancel()
                raise AltmarlError(f"{target} did not answer within {self._timeout:g} s")
            answer = task.result()
            assert answer is not None, "a task that is done without a result has raised"
            return answer
        finally:
            remote.destroy()

    def _wait(self, done: Callable[[], bool]) -> None:
        end = time.monotonic() + self._timeout
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
