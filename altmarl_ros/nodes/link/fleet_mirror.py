"""Lets an operator's unchanged tools find the nodes of a fleet that is at the other end of links.

For each node that coordinators' and robots' links tell of there is a node of the same name in the operator's ROS domain, with
the same services; their calls cross to the machine that has them.
"""

from __future__ import annotations

import time
from typing import Any, Callable, Sequence

from rclpy.serialization import deserialize_message, serialize_message

from altmarl_ros.errors import AltmarlError
from altmarl_ros.links.border import Border
from altmarl_ros.links.calls import COORDINATOR
from altmarl_ros.links.field_end import FieldEnd
from altmarl_ros.links.services import OfferedNode, ServiceRow, read_nodes
from altmarl_ros.nodes.common.guarded import GuardedNode
from altmarl_ros.nodes.common.late_responses import LateResponse, Send, allow_late_responses
from altmarl_ros.nodes.link.nodes_teller import PERIOD
from altmarl_ros.nodes.link.service_types import SERVICE_TYPES, refusal
from altmarl_ros.nodes.link.topics import THROTTLE
from altmarl_ros.nodes.link.work_queue import WorkQueue

_KEPT = 3.5 * PERIOD  # s after which machines that tell of nothing are forgotten
_LATE = 1.0  # s by which an answer may come later than the other machine gives a call up
_MOST_NODES = 1000

Place = tuple[int, str]
"""Number of an end, and a machine at its other side: a robot's id, or COORDINATOR."""


class FleetMirror:
    """Keeps a node for each node of the fleet; all methods are called in the node's thread, except `hear`.

    A robot cannot take a coordinator's name, nor that of another robot that was there before it.

    Attributes:
        on_change: is called when nodes have come, and before others are destroyed.
    """

    def __init__(self, node: GuardedNode, ends: Sequence[FieldEnd], border: Border, work: WorkQueue) -> None:
        """Begin with no node.

        Args:
            node: of the link, whose executor gets the nodes.
            ends: of the link.
            border: counts what is refused.
            work: hands work to the node's thread.
        """
        self._node, self._ends, self._border, self._work = node, ends, border, work
        self.on_change: Callable[[], None] = lambda: None
        self._told: dict[Place, tuple[float, dict[str, OfferedNode]]] = {}
        self._nodes: dict[str, tuple[OfferedNode, GuardedNode]] = {}

    def hear(self, i: int, holder: str, packed: bytes) -> None:
        """Take what a machine tells of its nodes; from any thread. `holder` is empty for the coordinator's."""
        try:
            nodes = read_nodes(packed)
        except ValueError as error:
            self._border.refuse(holder or COORDINATOR, f"list of nodes {error}")
            return
        self._work.put(lambda: self._take((i, holder or COORDINATOR), nodes))

    def coordinators(self, i: int) -> list[GuardedNode]:
        """Return the nodes that stand for the coordinators at the other side of an end."""
        _, nodes = self._told.get((i, COORDINATOR), (0.0, {}))
        return [self._nodes[name][1] for name, found in nodes.items() if found.ticks and name in self._nodes]

    def forget(self) -> None:
        """Forget machines that have told nothing for long."""
        before = time.monotonic() - _KEPT
        if any(when < before for when, _ in self._told.values()):
            self._told = {place: told for place, told in self._told.items() if told[0] >= before}
            self._update()

    def close(self) -> None:
        """Destroy all nodes."""
        self._told = {}
        self._update()

    def _take(self, place: Place, nodes: dict[str, OfferedNode]) -> None:
        _, before = self._told.get(place, (0.0, None))
        self._told[place] = (time.monotonic(), nodes)
        if before != nodes:
            self._update()

    def _update(self) -> None:
        wanted: dict[str, OfferedNode] = {}
        owner: dict[str, str] = {}
        # Coordinators first, then robots in the order in which they came.
        for (_, machine), (_, nodes) in sorted(self._told.items(), key=lambda item: item[0][1] != COORDINATOR):
            for name, found in nodes.items():
                if owner.setdefault(name, machine) != machine:
                    self._border.refuse(machine, f"node {name}, a name that {owner[name]} has")
                elif name in wanted or len(wanted) < _MOST_NODES:
                    wanted.setdefault(name, found)
        self._nodes, before = {}, self._nodes
        for name, found in wanted.items():
            there = before.get(name)
            if there is not None and there[0] == found:
                self._nodes[name] = before.pop(name)
            elif name != self._node.get_fully_qualified_name():
                self._nodes[name] = found, self._make(name, found)
        self.on_change()
        for _, node in before.values():
            self._executor.remove_node(node)
            node.destroy_node()

    @property
    def _executor(self) -> Any:
        executor = self._node.executor
        if executor is None:
            raise AltmarlError("the link's node is not spun")
        return executor

    def _make(self, full: str, found: OfferedNode) -> GuardedNode:
        namespace, _, name = full.rpartition("/")
        node = GuardedNode(
            name,
            namespace=namespace or "/",
            use_global_arguments=False,
            start_parameter_services=False,
            enable_rosout=False,
        )
        for row in found.rows:
            self._offer(node, full, row)
        self._executor.add_node(node)
        return node

    def _offer(self, node: GuardedNode, full: str, row: ServiceRow) -> None:
        service_type = SERVICE_TYPES[row.type]

        def answer(request: Any, _response: Any) -> LateResponse:
            return LateResponse(lambda send: self._call(full, row, request, send))

        allow_late_responses(node.create_service(service_type, f"{full}/{row.name}", answer))

    def _call(self, full: str, row: ServiceRow, request: Any, send: Send) -> None:
        service_type, service = SERVICE_TYPES[row.type], f"{full}/{row.name}"

        def tell(response: bytes | None, reason: str) -> None:
            if response is not None:
                send(deserialize_message(response, service_type.Response))
                return
            self._node.get_logger().warning(f"{service}: {reason}", throttle_duration_sec=THROTTLE)
            refused = refusal(service_type, request, reason)
            if refused is not None:
                send(refused)

        place = self._place(full)
        if place is None:
            tell(None, "it is gone")
            return
        self._ends[place[0]].call(
            place[1],
            service,
            bytes(serialize_message(request)),
            row.timeout + _LATE,
            lambda response, reason: self._work.put(lambda: tell(response, reason)),
        )

    def _place(self, name: str) -> Place | None:
        """Return where a node is: at the coordinator rather than a robot, and where it was told of last."""
        places = [(place, when) for place, (when, nodes) in self._told.items() if name in nodes]
        rank = lambda each: (each[0][1] == COORDINATOR, self._ends[each[0][0]].heard, each[1])  # noqa: E731
        return max(places, key=rank)[0] if places else None
