"""The end of a link at a robot or an operator: dials out to one endpoint, and comes back by itself whatever happens to it."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass
from typing import Any, Callable, Iterable

import zenoh

from altmarl_ros.errors import AltmarlError
from altmarl_ros.links.border import Border
from altmarl_ros.links.calls import CallServer, OnAnswer, OnCall, call
from altmarl_ros.links.confirmed_requests import ConfirmedRequests
from altmarl_ros.links.coordinator_presence import CoordinatorPresence
from altmarl_ros.links.dialer import Dialer
from altmarl_ros.links.endpoints import split_endpoint
from altmarl_ros.links.field_lane import FieldLane
from altmarl_ros.links.keys import Credentials
from altmarl_ros.links.quality import is_wanted, quality
from altmarl_ros.links.sealed_datagrams import BY_DATAGRAM, Content
from altmarl_ros.links.state_fetcher import ASK_TIMEOUT, StateFetcher
from altmarl_ros.links.store import Store
from altmarl_ros.links.table import BEACON, BY_NAME, Flow, flows, segment

_REDIAL, _REDIAL_LEASES = 3.0, 3.0  # s and leases of silence after which the end dials anew, whichever is shorter
_GRACE = 5.0  # s after it has connected in which it does not
_CLOSING = 2.5  # s
_BUSY_WAIT, _IDLE_WAIT = 0.05, 0.5  # s


@dataclass(frozen=True)
class FieldCallbacks:
    """What an end calls, from any thread.

    Attributes:
        on_message: takes flow, holder's segment of the key ("" for the coordinator's), message and attachment.
        on_state: takes the name of a state and its messages, oldest first, whenever it has changed.
        on_heard: is called when the coordinator begins or ceases to be heard.
        on_call: takes what operators ask of this machine, a robot's; None: they may ask nothing.
    """

    on_message: Callable[[Flow, str, bytes, bytes], None]
    on_state: Callable[[str, tuple[bytes, ...]], None]
    on_heard: Callable[[bool], None]
    on_call: OnCall | None = None


class FieldEnd:
    """One connection to a coordinator's end.

    Attributes:
        endpoint: where it dials.
        border: bounds and counts of what crosses.
    """

    def __init__(
        self,
        base: str,
        credentials: Credentials,
        endpoint: str,
        callbacks: FieldCallbacks,
        *,
        store: Store,
        lease: float,
        simulated: bool = False,
    ) -> None:
        """Prepare an end; `start` dials.

        Args:
            base: what all keys begin with.
            credentials: of this end.
            endpoint: where to dial.
            callbacks: what is called.
            store: of contents that were fetched before; several ends may share it.
            lease: silence after which the coordinator counts as gone [s].
            simulated: whether topics of simulations cross.

        Raises:
            AltmarlError: the endpoint is none.
        """
        self._dialer = Dialer(credentials, endpoint)
        self.endpoint, self.border = self._dialer.endpoint, Border()
        self._base, self._callbacks = base, callbacks
        self._lease, self._presence = lease, CoordinatorPresence(lease, callbacks.on_heard)
        self._own, self._role = segment(credentials.identity), credentials.identity.role
        self._heard_flows = [flow for flow in flows(hearer=self._role, simulated=simulated) if flow.carriage == "stream"]
        self._said_flows = [flow for flow in flows(sender=self._role, simulated=simulated) if flow.carriage == "stream"]
        # Declared, since a session alone sends to its router whatever somebody wants or not (observed in zenoh 1.10).
        self._publishers: dict[str, zenoh.Publisher] = {}
        served = callbacks.on_call if self._role == "robot" else None
        self._calls = CallServer(base, self._own, self.border, served) if served is not None else None
        self._condition = threading.Condition()
        self._stopping = False
        self._states = StateFetcher(base, self.border, store, self._ask, callbacks.on_state)
        self._requests = ConfirmedRequests()
        self._lane: FieldLane | None = None
        if self._role == "robot" and self.endpoint.startswith("tls/"):
            self._lane = FieldLane(split_endpoint(self.endpoint), lease, self._ask_lane, self._take_datagram)
        self._thread = threading.Thread(target=self._run, name=f"link {self.endpoint}", daemon=True)

    @property
    def refusal(self) -> str:
        """Why there is no connection; empty: there is one."""
        return self._dialer.refusal

    @property
    def heard(self) -> bool:
        """Whether the coordinator is heard."""
        return self._presence.heard

    @property
    def heard_since(self) -> float | None:
        """Since when the coordinator has been heard without a break [s of time.monotonic]; None: it is not."""
        return self._presence.heard_since

    @property
    def by_datagram(self) -> bool:
        """Whether ticks come and reports go by datagram."""
        return self._lane is not None and self._lane.carries

    @property
    def linked(self) -> bool:
        """Whether the coordinator's end is heard, though the coordinator may not be alive."""
        return self._presence.linked

    def start(self) -> None:
        """Dial, now and whenever the connection is lost."""
        self._thread.start()

    @property
    def offered(self) -> tuple[str, ...]:
        """Names of the states that are fetched only if somebody wants them: the policies of types of robots."""
        return self._states.offered

    def want(self, names: Iterable[str]) -> None:
        """Fetch these of the states on offer too, and from now on their changes."""
        with self._condition:
            if self._states.want(frozenset(names)):
                self._condition.notify()

    def close(self) -> None:
        """Hang up."""
        with self._condition:
            self._stopping = True
            self._condition.notify()
        self._thread.join(_CLOSING)
        self._hang_up()

    def publish(self, name: str, message: bytes, attachment: bytes | None = None) -> None:
        """Send a message of a stream; while there is no connection, or nobody who wants it, it is dropped."""
        if self._lane is not None and name in BY_DATAGRAM and self._lane.send(name, message):
            self.border.sent(name, len(message))
            return
        publisher = self._listened(name)
        if publisher is not None:
            publisher.put(message, attachment=attachment)
            self.border.sent(name, len(message) + len(attachment or b""))

    def _listened(self, name: str) -> zenoh.Publisher | None:
        publisher = self._publishers.get(name)
        return publisher if publisher is not None and self.linked and is_wanted(publisher) else None

    def wanted(self, name: str) -> bool:
        """Whether somebody at the other end listens to a stream of this end."""
        return self._listened(name) is not None

    def call(self, machine: str, service: str, request: bytes, timeout: float, on_answer: OnAnswer) -> None:
        """Call a service on a robot's or the coordinator's machine, with an operator's certificate; see `calls.call`."""
        session = self._dialer.session
        if session is None or not self.linked:
            on_answer(None, f"the link is not connected: {self.refusal}")
            return
        call(session, (self._base, machine, self._own), service, request, timeout=timeout, on_answer=on_answer)

    def echo(self, size: int, timeout: float) -> float | None:
        """Send so many bytes to the coordinator's end and back; returns how long it took [s], None: longer than `timeout`."""
        flow, began = BY_NAME["echo"], time.monotonic()
        content = bytes(random.getrandbits(8) for _ in range(size))
        answer = self._ask(flow.key(self._base, self._own), timeout, content, flow) if self.linked else None
        return time.monotonic() - began if answer == content else None

    def request(self, name: str, message: bytes) -> None:
        """Say something until the coordinator's end has confirmed it, and again to each that starts; newer words replace it."""
        self._requests.say(name, message)
        with self._condition:
            self._condition.notify()

    def drain(self, timeout: float) -> bool:
        """Wait at most `timeout` [s] until all requests are confirmed; returns whether they are."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if not self.linked or not self._unconfirmed():
                break
            time.sleep(0.01)
        return not self._unconfirmed()

    def _run(self) -> None:
        while not self._stopping:
            if self._dialer.session is None:
                if not self._dialer.dial(self._begin):
                    self._pause(self._dialer.back_off())
                continue
            if self._watch() or not self._dialer.still_trusts():
                self._presence.end()
                self._hang_up()
                continue
            if self._lane is not None and self.linked:
                self._lane.tend()
            beacon = self._presence.beacon
            work = self.linked and beacon is not None and (self._states.sync(beacon) | self._ask_all())
            self._pause(_BUSY_WAIT if work else self._look)

    def _begin(self, session: zenoh.Session) -> None:
        self._presence.begin()
        self._subscribe(session, by_datagram=False)
        if self._lane is not None:
            self._lane.begin(lambda: self._subscribe(session, by_datagram=True))
        else:
            self._subscribe(session, by_datagram=True)
        for flow in self._said_flows:
            self._publishers[flow.name] = session.declare_publisher(flow.key(self._base, self._own), **quality(flow))
        if self._calls is not None:
            self._calls.declare(session)

    def _subscribe(self, session: zenoh.Session, *, by_datagram: bool) -> list[zenoh.Subscriber[Any]]:
        """Subscribe over a connection to what may come by datagram too, or to the rest."""
        made = [
            session.declare_subscriber(self._heard_key(flow), self._taker(flow))
            for flow in self._heard_flows
            if (flow.name in BY_DATAGRAM) == by_datagram
        ]
        if by_datagram:
            take = lambda sample: self._note_beacon(sample.payload.to_bytes())  # noqa: E731
            made.append(session.declare_subscriber(f"{self._base}/{BEACON}", take))
        return made

    def _heard_key(self, flow: Flow) -> str:
        return flow.key(self._base, self._own if flow.addressed else "" if "coordinator" in flow.senders else "*")

    def _hang_up(self) -> None:
        self._publishers = {}
        if self._lane is not None:
            self._lane.end()
        self._dialer.hang_up(_BUSY_WAIT if not self._stopping else _CLOSING)

    def _pause(self, seconds: float) -> None:
        with self._condition:
            if not self._stopping:
                self._condition.wait(seconds)

    def _taker(self, flow: Flow) -> Callable[[zenoh.Sample], None]:
        def take(sample: zenoh.Sample) -> None:
            attachment = sample.attachment.to_bytes() if sample.attachment is not None else b""
            holder = "" if "coordinator" in flow.senders else str(sample.key_expr).rpartition("/")[2]
            self._take(flow, holder, sample.payload.to_bytes(), attachment)

        return take

    def _take_datagram(self, content: Content) -> None:
        flow = BY_NAME.get(content.name)
        if content.name == BEACON:
            self._note_beacon(content.message)
        elif flow in self._heard_flows:
            self._take(flow, "", content.message, content.attachment)

    def _take(self, flow: Flow, holder: str, message: bytes, attachment: bytes) -> None:
        if not self._presence.connected:  # the connection is being closed, and its other end may be trusted no more
            return
        if not self.border.admit(flow, holder or "coordinator", len(message) + len(attachment), time.monotonic()):
            return
        if flow.name == "tick":
            self._note_beacon(attachment)
        self._callbacks.on_message(flow, holder, message, attachment)

    def _note_beacon(self, content: bytes) -> None:
        if self._presence.note(content):
            with self._condition:
                self._condition.notify()

    @property
    def _look(self) -> float:
        """Time between two looks at whether the coordinator's end is heard [s]."""
        return min(self._lease / 8, _IDLE_WAIT)

    def _watch(self) -> bool:
        """Tell if the coordinator's end has fallen silent; returns whether the silence is so long that one must dial anew."""
        if self._lane is not None:
            self._lane.choose()
        self._presence.check()
        silence = max(self._lease, min(_REDIAL, _REDIAL_LEASES * self._lease))
        return self._presence.silence > silence and time.monotonic() - self._dialer.connected_at > _GRACE

    def _unconfirmed(self) -> dict[str, tuple[int, bytes]]:
        beacon = self._presence.beacon
        return self._requests.unconfirmed(beacon.instance if beacon is not None else b"")

    def _ask_all(self) -> bool:
        """Say what is not confirmed yet; returns whether something is still not."""
        for name, (number, message) in self._unconfirmed().items():
            beacon, flow = self._presence.beacon, BY_NAME[name]
            answer = self._ask(flow.key(self._base, self._own), ASK_TIMEOUT, message, flow)
            if answer is not None and beacon is not None:
                self._requests.confirm(name, beacon.instance, number)
                self.border.sent(name, len(message))
                if answer != b"\x01":
                    self.border.refuse(self._own, f"{name} was refused by the coordinator's link")
        return bool(self._unconfirmed())

    def _ask_lane(self) -> bytes | None:
        flow = BY_NAME["lane"]
        return self._ask(flow.key(self._base, self._own), ASK_TIMEOUT, None, flow)

    def _ask(self, key: str, timeout: float, content: bytes | None = None, flow: Flow | None = None) -> bytes | None:
        flow = flow or BY_NAME["policy"]
        return self._dialer.ask(key, content, flow, timeout=timeout, look=self._look, given_up=self._gives_up)

    def _gives_up(self) -> bool:
        return self._watch() or self._stopping  # the coordinator's silence is told meanwhile too


def make_ends(
    base: str,
    credentials: Credentials,
    endpoints: list[str],
    make_callbacks: Callable[[int], FieldCallbacks],
    *,
    store: Store,
    lease: float,
    simulated: bool = False,
) -> list[FieldEnd]:
    """Prepare an end for each endpoint, such as a coordinator's and its standby's; see FieldEnd.

    Raises:
        AltmarlError: there is no endpoint, or one is none.
    """
    if not endpoints:
        raise AltmarlError("a robot's or an operator's link needs an endpoint to connect to")
    return [
        FieldEnd(base, credentials, endpoint, make_callbacks(i), store=store, lease=lease, simulated=simulated)
        for i, endpoint in enumerate(endpoints)
    ]
