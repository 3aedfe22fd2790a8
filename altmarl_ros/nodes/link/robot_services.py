"""What a robot's link does for operators: tells which nodes there are, repeats the last hello, and carries out calls."""

from __future__ import annotations

from typing import Mapping, Sequence

from altmarl_ros.links.calls import Question
from altmarl_ros.links.field_end import FieldEnd
from altmarl_ros.links.services import CHECK, NETCHECK, OfferedNode
from altmarl_ros.nodes.common.guarded import GuardedNode
from altmarl_ros.nodes.link.nodes_teller import LOOK, NodesTeller
from altmarl_ros.nodes.link.offered_nodes import robot_nodes
from altmarl_ros.nodes.link.own_services import OneAtATime, check_robot
from altmarl_ros.nodes.link.service_caller import ServiceCaller
from altmarl_ros.nodes.link.topics import real_time


class RobotServices:
    """Serves operators on a robot's machine; all methods are called in the node's thread."""

    def __init__(self, node: GuardedNode, ends: Sequence[FieldEnd], netcheck: OneAtATime) -> None:
        """`ends`: of the link; `netcheck`: measures them."""
        self._ends = ends
        self._tellers = [NodesTeller(lambda: robot_nodes(node)) for _ in ends]
        self._caller = ServiceCaller(node, self._nodes, {CHECK: OneAtATime(check_robot), NETCHECK: netcheck})
        self._hello = b""
        node.create_timer(LOOK, self._tell, clock=real_time())

    def take(self, question: Question) -> None:
        """Carry out a call of an operator."""
        self._caller.take(question)

    def run(self) -> None:
        """Go on with calls that wait; called often."""
        self._caller.run()

    def note_hello(self, message: bytes) -> None:
        """Remember the robot's last hello, and tell it to operators who listen."""
        self._hello = message
        for end in self._ends:
            end.publish("robot_hello", message)

    def _nodes(self) -> Mapping[str, OfferedNode]:
        return {name: found for teller in self._tellers for name, found in teller.nodes.items()}

    def _tell(self) -> None:
        for end, teller in zip(self._ends, self._tellers, strict=True):
            packed = teller.look(end.wanted("robot_nodes"))
            if packed is not None:
                end.publish("robot_nodes", packed)
                if self._hello:
                    end.publish("robot_hello", self._hello)
