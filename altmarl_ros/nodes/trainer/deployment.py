"""Puts one policy in force: gives the coordinator its file, and waits until a tick names it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rclpy.node import Node

from altmarl_ros.nodes.common.remote_parameters import RemoteParameters
from altmarl_ros.records import Configuration

_PATIENCE, _PERIOD = 10, 0.5  # of a coordinator whose configuration is not known


@dataclass(frozen=True)
class Order:
    """A policy that is to come into force.

    Attributes:
        policy_id: id of the policy.
        path: file of the policy.
        previous: id of the policy in force before; None: unknown.
        rollback: whether the policy was in force before and is returned to.
    """

    policy_id: int
    path: Path
    previous: int | None
    rollback: bool


class Deployment:
    """Sets the coordinator's parameter `policy.file` once its services are discovered, and waits; `poll` it now and then.

    Attributes:
        order: the policy.
    """

    def __init__(self, node: Node, coordinator: RemoteParameters, order: Order, seconds: float) -> None:
        """`node` has the executor that runs the request; `seconds` is how long it may take until the policy is in force."""
        self.order = order
        self._node, self._coordinator = node, coordinator
        self._end = time.monotonic() + seconds
        self._seconds = seconds
        self._task: Any = None
        self._taken = False

    def poll(self, in_force: int | None) -> str | None:
        """Go on; the reason if it failed, None otherwise. `in_force` is the id of the policy of the last tick."""
        if self._task is None and self._coordinator.ready and self._node.executor is not None:
            self._task = self._node.executor.create_task(self._coordinator.change, {"policy.file": str(self.order.path)})
        if self._task is not None and self._task.done() and not self._taken:
            if self._task.exception() is not None:
                return f"{self._coordinator.target}: {self._task.exception()}"
            answer = self._task.result()
            if not answer.successful:
                return f"{self._coordinator.target} refused it: {answer.reason}"
            self._taken = True
        if time.monotonic() < self._end:
            return None
        if self._task is None:
            return f"the parameter services of {self._coordinator.target} were not there within {self._seconds:g} s"
        if not self._taken:
            return f"{self._coordinator.target} did not answer within {self._seconds:g} s"
        present = "no tick was heard" if in_force is None else f"policy {in_force:08x} still is"
        return f"policy {self.order.policy_id:08x} was not in force within {self._seconds:g} s, {present}"


def longest_announcement(configuration: Configuration | None) -> float:
    """How long the coordinator may wait for robots that do not confirm a policy [s]; None: its configuration is not known."""
    told = {} if configuration is None else configuration.parameters
    return float(told.get("policy.patience", _PATIENCE)) * float(told.get("tick.period", _PERIOD))
