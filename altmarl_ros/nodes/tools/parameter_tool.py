"""Lists nodes and reads and sets their parameters, as `ros2 param` does, with every wait bounded in time."""

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
_STEP = 0.05  # s of spinning at a time
_SETTLED = 1.0  # s without a new node, after which all are taken to be known
_MATCHING = 0.1  # s in which the other node discovers us too
_RETRY = 1.5  # s after which a question without an answer is asked again for the first time

T = TypeVar("T")


class ParameterTool:
    """A node that uses the parameter services of other nodes; the caller initialises rclpy."""

    def __init__(self, timeout: float) -> None:
        """`timeout`: longest time of every call [s]."""
        self._timeout = timeout
        self._node = Node("altmarl_tune", start_parameter_services=False, enable_rosout=False)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._remotes: dict[str, RemoteParameters] = {}

    def nodes(self) -> list[str]:
        """Return the fully qualified names of the nodes with parameters, once no more of them turn up."""
        end, found, since = time.monotonic() + self._timeout, self._visible(), time.monotonic()
        while time.monotonic() < min(end, since + _SETTLED) or (not found and time.monotonic() < end):
            self._executor.spin_once(timeout_sec=_STEP)
            now = self._visible()
            if now != found:
                found, since = now, time.monotonic()
        return found

    def read(self, target: str) -> tuple[RemoteParameter, ...]:
        """Read all parameters of a node, sorted by name.

        Raises:
            AltmarlError: there is no such node (the error names those that there are), or it does not answer.
        """
        # A node whose service we have discovered may not have discovered us yet, and then its answer is lost. A question
        # that changes nothing can be asked again.
        remote, end, wait = self._remote(target), time.monotonic() + self._timeout, _RETRY
        while True:
            answer = self._ask(min(wait, max(0.0, end - time.monotonic())), remote.read)
            if answer is not None:
                return answer
            wait *= 2.0  # over a thin link one answer takes seconds
            if time.monotonic() >= end:
                raise AltmarlError(f"{target} did not answer within {self._timeout:g} s")

    def change(self, target: str, values: Mapping[str, Value]) -> Answer:
        """Set parameters of a node, all or none of them; raises as `read` does."""
        answer = self._ask(self._timeout, self._remote(target).change, values)
        if answer is None:
            raise AltmarlError(f"{target} did not answer within {self._timeout:g} s; whether it took the values is not known")
        return answer

    def close(self) -> None:
        """Destroy the node and all its clients."""
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

    def _ask(self, timeout: float, question: Callable[..., Coroutine[Any, Any, T]], *arguments: Any) -> T | None:
        """Return the answer to a question; None if none came within `timeout` [s]."""
        task = self._executor.create_task(question, *arguments)
        self._wait(task.done, timeout)
        if not task.done():
            task.cancel()
            return None
        return task.result()

    def _wait(self, done: Callable[[], bool], timeout: float) -> None:
        end = time.monotonic() + timeout
        while not done() and time.monotonic() < end and rclpy.ok():
            self._executor.spin_once(timeout_sec=_STEP)

    def _visible(self) -> list[str]:
        # Node by node, since the names of all services include those that some client waits for in vain.
        found = set()
        for name, namespace in self._node.get_node_names_and_namespaces():
            with suppress(NodeNameNonExistentError):  # gone meanwhile
                services = self._node.get_service_names_and_types_by_node(name, namespace)
                found |= {service.removesuffix(_SERVICE) for service, _ in services if service.endswith(_SERVICE)}
        return sorted(found)


def _where() -> str:
    """Name the ROS domain that was searched, since a missing node may be in another one."""
    from rclpy.utilities import get_default_context

    return f" (ROS domain {get_default_context().get_domain_id()})"
