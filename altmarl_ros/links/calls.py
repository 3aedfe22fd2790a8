"""How an operator's call of a service crosses a link: a query with the service's name beside the request.

The key `<base>/call/<machine>/<operator>` says who asks whom, and the operator's certificate allows its own keys alone. The
machine's link calls the service in its own ROS network and answers with the serialised response.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Callable

import zenoh

from altmarl_ros.links.border import Border
from altmarl_ros.links.quality import quality
from altmarl_ros.links.services import BY_SERVICE, ServiceRow, is_node_name
from altmarl_ros.links.table import BY_NAME

COORDINATOR = "coordinator"
"""Name of the coordinator's machine in the keys of calls; a robot's is its id."""

MOST_REPLY_BYTES = 1 << 20
"""Largest response, serialised."""

_CALL = BY_NAME["call"]
_MOST_NAME = 300  # of a service
_REFUSED_BYTES = 300


@dataclass(frozen=True)
class Question:
    """An operator's call that waits for its answer.

    Attributes:
        operator: segment of the key that names who asks.
        node: full name of the node that has the service.
        row: of the service.
        request: serialised.
        reply: sends the serialised response; may be called from any thread, once.
        refuse: sends the reason why there is none; likewise.
    """

    operator: str
    node: str
    row: ServiceRow
    request: bytes
    reply: Callable[[bytes], None]
    refuse: Callable[[str], None]


OnCall = Callable[[Question], None]
"""Takes a call, from any thread."""

OnAnswer = Callable[["bytes | None", str], None]
"""Takes the serialised response, or None and the reason why there is none, from any thread."""


class CallServer:
    """Takes the calls of operators to one machine, within the bounds of the table."""

    def __init__(self, base: str, machine: str, border: Border, on_call: OnCall) -> None:
        """`base`: what all keys begin with; `machine`: a robot's id, or COORDINATOR."""
        self._key, self._border, self._on_call = f"{base}/{_CALL.name}/{machine}", border, on_call

    def declare(self, session: zenoh.Session) -> None:
        """Take calls from a session."""
        session.declare_queryable(f"{self._key}/*", self._take)

    def _take(self, query: zenoh.Query) -> None:
        operator = str(query.key_expr).rpartition("/")[2]
        service = query.attachment.to_bytes().decode(errors="replace")[:_MOST_NAME] if query.attachment is not None else ""
        request = query.payload.to_bytes() if query.payload is not None else b""
        node, _, name = service.rpartition("/")
        row = BY_SERVICE.get(name)

        def reply(response: bytes) -> None:
            if len(response) > MOST_REPLY_BYTES:
                refuse(f"{service}: its response has {len(response)} bytes, at most {MOST_REPLY_BYTES} may cross")
                return
            with query:
                query.reply(query.key_expr, response, express=True)
            self._border.sent(_CALL.name, len(response))

        def refuse(reason: str) -> None:
            self._border.refuse(operator, reason)
            with query:
                query.reply_err(reason.encode()[:_REFUSED_BYTES])

        if not self._border.admit(_CALL, operator, len(request) + len(service), time.monotonic()):
            with query:
                query.reply_err(b"it is too large, or one of too many")
        elif row is None or not is_node_name(node):
            refuse(f"call of {service!r}, which is no service of a link")
        else:
            self._on_call(Question(operator, node, row, request, reply, refuse))


def call(
    session: zenoh.Session, keys: tuple[str, str, str], service: str, request: bytes, *, timeout: float, on_answer: OnAnswer
) -> None:
    """Call a service on another machine; `on_answer` is called once, also if there is no answer within `timeout` [s].

    Args:
        session: a zenoh session.
        keys: what all keys begin with, the machine, and the operator's own segment.
        service: full name.
        request: serialised.
        timeout: [s].
        on_answer: takes the response.
    """
    base, machine, own = keys
    answers: list[tuple[bytes | None, str]] = []

    def take(reply: zenoh.Reply) -> None:
        if reply.ok is not None:
            answers.append((bytes(reply.ok.payload.to_bytes()), ""))
        elif reply.err is not None:
            answers.append((None, reply.err.payload.to_bytes().decode(errors="replace")[:_REFUSED_BYTES]))

    def done() -> None:
        on_answer(*(answers[0] if answers else (None, f"no answer of machine {machine} within {timeout:g} s")))

    try:
        session.get(
            f"{base}/{_CALL.name}/{machine}/{own}",
            zenoh.handlers.Callback(take, done),
            payload=request,
            attachment=service.encode(),
            timeout=timeout,
            **quality(_CALL),
        )
    except zenoh.ZError as error:
        on_answer(None, str(error).partition(" at /")[0])
