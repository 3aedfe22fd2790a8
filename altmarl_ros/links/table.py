"""What crosses a link: one table of all topics, with who sends them to whom, how, and how much at most. Nothing else crosses.

A *stream* is sent as it comes. A *state* is what a latched topic holds: whoever joins or comes back fetches it, by its hash.
A *request* is repeated until its receiver has confirmed it. A *call* is asked once and answered; which services are called is
in `links.services`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from typing_extensions import Literal

from altmarl_ros.links.identity import Identity, Role

Carriage = Literal["stream", "state", "request", "call"]
"""How a topic is carried; see the module."""

BEACON = "beacon"
"""Name of the coordinator's sign of life in keys."""

STATE = "state"
"""Name of the list of states in keys."""

BLOB = "blob"
"""Name of the contents of states in keys, which their hashes follow."""


@dataclass(frozen=True)
class Flow:
    """One row of the table.

    Attributes:
        name: in keys, and of the topic below the fleet's prefix unless a link says otherwise.
        senders: roles that send it.
        hearers: roles that get it.
        carriage: how it is carried.
        most_bytes: largest message, serialised.
        rate: most messages per second of one sender, on average.
        burst: most messages of one sender at once.
        droppable: whether a message is dropped rather than waits for a full link.
        urgent: whether it is sent before others and at once.
        simulated: whether it crosses in simulations alone.
        addressed: whether a coordinator sends it to one robot, whose id its key ends with.
    """

    name: str
    senders: tuple[Role, ...]
    hearers: tuple[Role, ...]
    carriage: Carriage
    most_bytes: int
    rate: float
    burst: int
    droppable: bool = False
    urgent: bool = False
    simulated: bool = False
    addressed: bool = False

    def key(self, base: str, holder: str = "") -> str:
        """Return the key, which tells who sends where several may: below `base`, and ending with the holder's segment."""
        keyed = self.addressed or "coordinator" not in self.senders
        return f"{base}/{self.name}/{holder}" if keyed or holder else f"{base}/{self.name}"


_KIB = 1024

TABLE: tuple[Flow, ...] = (
    Flow("tick", ("coordinator",), ("robot", "operator"), "stream", 64 * _KIB, 500, 500, droppable=True, urgent=True),
    Flow("poll", ("coordinator",), ("robot",), "stream", 64 * _KIB, 500, 500, droppable=True, urgent=True, addressed=True),
    Flow("policy", ("coordinator",), ("robot", "operator"), "state", 16384 * _KIB, 10, 20),
    Flow("configuration", ("coordinator",), ("robot", "operator"), "state", 256 * _KIB, 10, 20),
    Flow("emergency_stop", ("coordinator",), ("robot", "operator"), "state", 64, 50, 50, urgent=True),
    Flow("report", ("robot",), ("coordinator", "operator"), "stream", 64, 250, 100, droppable=True, urgent=True),
    Flow("hello", ("robot",), ("coordinator",), "request", 4 * _KIB, 5, 20),
    Flow("press", ("robot", "operator"), ("coordinator",), "request", 64, 10, 20, urgent=True),
    Flow("second_word", ("robot", "operator"), ("coordinator",), "request", _KIB, 5, 10),
    Flow("status", ("coordinator",), ("operator",), "stream", 1024 * _KIB, 500, 500),
    Flow("diagnostics", ("robot",), ("operator",), "stream", 64 * _KIB, 20, 40, droppable=True),
    Flow("health", ("coordinator",), ("operator",), "stream", 64 * _KIB, 20, 40, droppable=True),
    Flow("drive", ("robot",), ("operator",), "stream", 16 * _KIB, 50, 100, droppable=True),
    Flow("robot_hello", ("robot",), ("operator",), "stream", 4 * _KIB, 5, 20, droppable=True),
    Flow("robot_nodes", ("robot",), ("operator",), "stream", 16 * _KIB, 2, 10, droppable=True),
    Flow("coordinator_nodes", ("coordinator",), ("operator",), "stream", 16 * _KIB, 2, 10, droppable=True),
    Flow("progress", ("coordinator",), ("operator",), "stream", 16 * _KIB, 20, 40),
    Flow("call", ("operator",), ("robot", "coordinator"), "call", 64 * _KIB, 20, 60),
    Flow("echo", ("robot", "operator"), ("coordinator",), "call", 256, 50, 100, urgent=True),
    Flow("lane", ("robot",), ("coordinator",), "call", 16, 2, 10),
    Flow("truth", ("coordinator",), ("operator",), "stream", 1024 * _KIB, 500, 500, droppable=True, simulated=True),
    Flow("floor", ("coordinator",), ("operator",), "stream", 1024 * _KIB, 100, 200, droppable=True, simulated=True),
    Flow("command", ("robot",), ("coordinator",), "stream", 4 * _KIB, 500, 500, simulated=True),
    Flow("body", ("coordinator",), ("robot",), "stream", 4 * _KIB, 500, 500, simulated=True, addressed=True),
)
"""All topics that cross. `poll` is a tick that was repeated, for a robot that it asks.

`press` and `second_word` bring stops and what releases them to the coordinator's link, which judges them and tells everybody by
its own `emergency_stop`; `diagnostics` are a robot's findings, `health` the coordinator's; `robot_nodes` and
`coordinator_nodes` tell operators which services they may call, and `robot_hello` repeats a robot's last hello to them; `echo`
comes back, and so measures the link; `lane` asks for keys, with which ticks, polls and reports cross by datagram; `command`
and `body` lead to the simulated world, which runs beside the coordinator.
"""

BY_NAME = {flow.name: flow for flow in TABLE}
"""The rows by name."""


_POLICY_OF_TYPE = re.compile(r"policy/type_\d{1,3}")


def state_flow(name: str) -> Flow | None:
    """Return the row of a state: `policy`, `policy/type_0` and so on in a fleet with types of robots; None: there is none."""
    flow = BY_NAME.get("policy" if _POLICY_OF_TYPE.fullmatch(name) else name)
    return flow if flow is not None and flow.carriage == "state" else None


def segment(identity: Identity) -> str:
    """Return what keys name a holder by: a robot's id, or `operator.<name>`."""
    return identity.id if identity.role == "robot" else f"{identity.role}.{identity.id}"


def base_of(fleet_prefix: str) -> str:
    """Return what all keys of a fleet begin with, such as `altmarl/fleet` for the prefix `/fleet`."""
    return f"altmarl/{fleet_prefix.strip('/')}"


def flows(sender: Role | None = None, hearer: Role | None = None, *, simulated: bool = True) -> tuple[Flow, ...]:
    """Return the rows of a sender and of a hearer; None: any. Without `simulated` those of simulations are left out."""
    return tuple(
        flow
        for flow in TABLE
        if (sender is None or sender in flow.senders)
        and (hearer is None or hearer in flow.hearers)
        and (simulated or not flow.simulated)
    )
