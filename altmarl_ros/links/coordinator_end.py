"""The coordinator's end of a link: listens, tells ticks and states, and takes what robots and operators say."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Callable, Sequence

import zenoh

from altmarl_ros.errors import AltmarlError
from altmarl_ros.links.access import listening
from altmarl_ros.links.beacon import Beacon, hash_of, pack_states
from altmarl_ros.links.border import Border
from altmarl_ros.links.calls import COORDINATOR, CallServer, OnCall
from altmarl_ros.links.coordinator_lanes import CoordinatorLanes
from altmarl_ros.links.endpoints import free_port, split_endpoint
from altmarl_ros.links.identity import Identity, read_common_name
from altmarl_ros.links.keys import Credentials
from altmarl_ros.links.paced_answers import PacedAnswers
from altmarl_ros.links.quality import is_wanted, quality
from altmarl_ros.links.register import Entry, load_register, stamp_of, utc_now
from altmarl_ros.links.sealed_datagrams import BY_DATAGRAM, Content
from altmarl_ros.links.state_fetcher import patience
from altmarl_ros.links.store import digest_of
from altmarl_ros.links.table import BEACON, BLOB, BY_NAME, STATE, Flow, flows, state_flow
from altmarl_ros.links.tls_front import TlsFront

_INNER_HOST = "127.0.0.1"
_AGAIN = (0.4, 0.7)  # of the time between ticks, after which one is sent again to those who have not said that they heard it
_LONGEST_TICK = 1.0  # s, which counts as the time between ticks where it is longer

OnMessage = Callable[[Flow, str, bytes, bytes], bool]
"""Takes the flow, the holder's segment of the key, message and attachment, from any thread; returns whether it was taken."""


@dataclass(frozen=True)
class Connection:
    """A connection that is open now.

    Attributes:
        who: its certificate's holder.
        address: from where.
        since: when it was first seen [s of time.monotonic].
    """

    who: Identity
    address: str
    since: float


class CoordinatorEnd:
    """Listens for robots and operators, and lets through what the table and the register allow.

    The register is looked at by `refresh`: a change closes all connections and opens the port again under the new rules, since
    zenoh cannot change them while it runs.

    Attributes:
        border: bounds and counts of what crosses.
        credentials: of this end.
    """

    def __init__(
        self,
        base: str,
        credentials: Credentials,
        endpoints: Sequence[str],
        on_message: OnMessage,
        *,
        on_call: OnCall | None = None,
        simulated: bool = False,
        guarded: bool = False,
        datagrams: bool = False,
        policy_rate: float = 0.0,
    ) -> None:
        """Prepare an end; `open` listens.

        Args:
            base: what all keys begin with.
            credentials: of this end; the register is beside them.
            endpoints: where to listen.
            on_message: takes what arrives.
            on_call: takes what operators ask of this machine; None: they may ask nothing.
            simulated: whether topics of simulations cross.
            guarded: whether a TlsFront listens in zenoh's place.
            datagrams: whether robots get ticks and send reports by datagram, at the UDP ports of the same numbers.
            policy_rate: bytes per second in which policies and other states are handed out; 0: each at once.
        """
        self.border, self.credentials = Border(), credentials
        self._guarded = guarded
        self._front: TlsFront | None = None
        self._datagrams = datagrams
        self._lanes: CoordinatorLanes | None = None
        self._answers = PacedAnswers(policy_rate)
        self._calls = CallServer(base, COORDINATOR, self.border, on_call) if on_call is not None else None
        self._base, self._endpoints, self._on_message = base, tuple(endpoints), on_message
        self._flows = flows(hearer="coordinator", simulated=simulated)
        self._lock = threading.RLock()
        self._instance = secrets.token_bytes(8)
        self._alive = False
        self._states: dict[str, tuple[int, tuple[bytes, ...]]] = {}
        self._packed = pack_states({})
        self._told = 0.0  # when something that carries a beacon was sent [s]
        self._ticked = 0.0  # when the last tick was sent [s]
        self._session: zenoh.Session | None = None
        self._publishers: dict[str, zenoh.Publisher] = {}  # by key
        self._stamp: tuple[int, int] | None = None
        self._valid: tuple[Entry, ...] = ()
        self._seen: dict[str, float] = {}  # when a connection was first seen, by address

    def open(self) -> None:
        """Listen under the register as it is now.

        Raises:
            AltmarlError: the register cannot be read, or the port cannot be opened.
        """
        with self._lock:
            self._stamp = stamp_of(self.credentials.authority.parent)
            register, now = load_register(self.credentials.authority.parent), utc_now()
            endpoints = self._begin_front() if self._guarded else self._endpoints
            if self._datagrams and self._lanes is None:
                self._lanes = CoordinatorLanes([split_endpoint(endpoint) for endpoint in self._endpoints], self._take_datagram)
            config = listening(self._base, self.credentials, endpoints, register, now)
            try:
                session = zenoh.open(config)
            except zenoh.ZError as error:
                where = ", ".join(self._endpoints)
                raise AltmarlError(f"link cannot listen at {where}: {str(error).partition(' at /')[0]}") from None
            self._valid, self._session = register.valid(now), session
            for flow in self._flows:
                if flow.carriage == "stream":
                    session.declare_subscriber(flow.key(self._base, "*"), self._taker(flow))
                elif flow.carriage == "request":
                    session.declare_queryable(flow.key(self._base, "*"), self._answerer(flow))
            session.declare_queryable(f"{self._base}/{STATE}", self._tell_states)
            session.declare_queryable(f"{self._base}/{BLOB}/*", self._tell_content)
            session.declare_queryable(BY_NAME["echo"].key(self._base, "*"), self._echo)
            session.declare_queryable(BY_NAME["lane"].key(self._base, "*"), self._grant)
            if self._calls is not None:
                self._calls.declare(session)

    def close(self) -> None:
        """Close all connections and the port."""
        self._answers.close()
        self._close_session()
        front, self._front = self._front, None
        lanes, self._lanes = self._lanes, None
        for each in (front, lanes):
            if each is not None:
                each.close()

    def _close_session(self) -> None:
        with self._lock:
            session, self._session = self._session, None
            self._publishers.clear()
            if self._front is not None:
                self._front.target = None
            if self._lanes is not None:
                self._lanes.clear()
        if session is not None:
            session.close()  # type: ignore[no-untyped-call]

    def _begin_front(self) -> tuple[str, ...]:
        """Let the front listen at the endpoints; returns where zenoh is to listen instead."""
        if self._front is None:
            self._front = TlsFront([split_endpoint(endpoint) for endpoint in self._endpoints])
        self._front.target = (_INNER_HOST, free_port(_INNER_HOST))
        return (f"{_INNER_HOST}:{self._front.target[1]}",)

    @property
    def turned_away(self) -> dict[str, int]:
        """Number of connections that the front hung up on, by reason."""
        return dict(self._front.refused) if self._front is not None else {}

    def refresh(self) -> bool:
        """Look whether the register has changed or a certificate has ended, and if so open again; returns whether it did.

        Raises:
            AltmarlError: see `open`; the connections are closed then, and the next call tries again.
        """
        now = utc_now()
        ended = any(not entry.valid(now) for entry in self._valid)
        if self._session is not None and stamp_of(self.credentials.authority.parent) == self._stamp and not ended:
            self._prove()
            return False
        self._close_session()
        self.open()
        return True

    def publish(self, name: str, message: bytes, *, holder: str = "", attachment: bytes | None = None) -> None:
        """Send a message of a stream to all who hear it, or to one robot; ticks carry a beacon."""
        flow = BY_NAME[name]
        with self._lock:
            again: tuple[float, ...] = ()
            if name == "tick":
                attachment, self._told = self._beacon(), time.monotonic()
                interval, self._ticked = min(self._told - self._ticked, _LONGEST_TICK), self._told
                again = tuple(share * interval for share in _AGAIN)
            self._put(flow.key(self._base, holder), flow, Content(name, message, attachment or b""), holder, again)

    def wanted(self, name: str) -> bool:
        """Whether somebody listens to a stream of this end."""
        with self._lock:
            publisher = self._publisher(BY_NAME[name].key(self._base), BY_NAME[name])
            return publisher is not None and is_wanted(publisher)

    def set_state(self, name: str, messages: Sequence[bytes]) -> None:
        """Let a state hold these messages from now on, and tell everybody by a beacon.

        A message that is larger than may cross is left out, and counted as refused.

        Raises:
            ValueError: no state has this name.
        """
        flow = state_flow(name)
        if flow is None:
            raise ValueError(f"{name!r} is no state")
        most = flow.most_bytes
        for message in messages:
            if len(message) > most:
                self.border.refuse("coordinator", f"{name} of {len(message)} bytes, at most {most} may cross")
        fitting = tuple(message for message in messages if len(message) <= most)
        with self._lock:
            number, _ = self._states.get(name, (0, ()))
            self._states[name] = (number + 1, fitting)
            self._packed = pack_states(self._states)
            self._send_beacon(_AGAIN)

    def set_alive(self, alive: bool) -> None:
        """Say whether the coordinator is alive; a change is told at once."""
        with self._lock:
            if alive != self._alive:
                self._alive = alive
                self._send_beacon(_AGAIN)

    def send_beacon_if_due(self, interval: float) -> None:
        """Send a sign of life if none was sent within `interval` [s]."""
        with self._lock:
            if time.monotonic() - self._told >= interval:
                self._send_beacon()

    def _prove(self) -> None:
        """Tell the front which connections have shown a certificate."""
        if self._front is not None and self._session is not None:
            self._front.prove([_port(link) for link in self._session.info.links() if link.auth_identifier])

    def connections(self) -> list[Connection]:
        """Return who is connected now."""
        with self._lock:
            session, now = self._session, time.monotonic()
            links = session.info.links() if session is not None else []
            found: dict[str, Connection] = {}
            for link in links:
                address = (self._front.peer(_port(link)) if self._front is not None else None) or str(link.dst)
                try:
                    who = read_common_name(link.auth_identifier or "")
                except AltmarlError:
                    continue
                found[address] = Connection(who, address, self._seen.get(address, now))
            self._seen = {address: connection.since for address, connection in found.items()}
            return list(found.values())

    def expiring(self, days: float) -> list[Entry]:
        """Return the valid certificates that end within so many days."""
        return [entry for entry in self._valid if entry.expires - utc_now() < timedelta(days=days)]

    def _beacon(self) -> bytes:
        return Beacon(self._instance, self._alive, hash_of(self._packed)).to_bytes()

    def _send_beacon(self, again: tuple[float, ...] = ()) -> None:
        self._told = time.monotonic()
        self._put(f"{self._base}/{BEACON}", BY_NAME["tick"], Content(BEACON, self._beacon()), again=again)

    def _put(self, key: str, flow: Flow, content: Content, holder: str = "", again: tuple[float, ...] = ()) -> None:
        """Send something over the connections of those who subscribe to it, and by the lanes of the others."""
        publisher, sent = self._publisher(key, flow), 0
        if publisher is not None and is_wanted(publisher):
            publisher.put(content.message, attachment=content.attachment or None)
            sent = 1
        if self._lanes is not None and content.name in BY_DATAGRAM:
            sent += self._lanes.send(content, holder=holder, again=again)
        if sent:
            self.border.sent(content.name, len(content.message) + len(content.attachment))

    def _publisher(self, key: str, flow: Flow) -> zenoh.Publisher | None:
        if self._session is not None and key not in self._publishers:
            self._publishers[key] = self._session.declare_publisher(key, **quality(flow))
        return self._publishers.get(key)

    def _taker(self, flow: Flow) -> Callable[[zenoh.Sample], None]:
        def take(sample: zenoh.Sample) -> None:
            attachment = sample.attachment.to_bytes() if sample.attachment is not None else b""
            self._take(flow, str(sample.key_expr), sample.payload.to_bytes(), attachment)

        return take

    def _answerer(self, flow: Flow) -> Callable[[zenoh.Query], None]:
        def answer(query: zenoh.Query) -> None:
            content = query.payload.to_bytes() if query.payload is not None else b""
            taken = self._take(flow, str(query.key_expr), content, b"")
            query.reply(query.key_expr, b"\x01" if taken else b"\x00", express=True)

        return answer

    def _take(self, flow: Flow, key: str, message: bytes, attachment: bytes) -> bool:
        holder = key.rpartition("/")[2]
        if not self.border.admit(flow, holder, len(message) + len(attachment), time.monotonic()):
            return False
        return self._on_message(flow, holder, message, attachment)

    def _take_datagram(self, holder: str, content: Content) -> None:
        flow = BY_NAME.get(content.name)
        if flow in self._flows and content.name in BY_DATAGRAM:
            self._take(flow, flow.key(self._base, holder), content.message, content.attachment)

    def _grant(self, query: zenoh.Query) -> None:
        """Begin a lane of datagrams for the robot that asks, whose certificate its key is allowed to alone."""
        flow, holder = BY_NAME["lane"], str(query.key_expr).rpartition("/")[2]
        if self.border.admit(flow, holder, 0, time.monotonic()):
            grant = self._lanes.grant(holder) if self._lanes is not None else b""
            query.reply(query.key_expr, grant, express=True)
            self.border.sent(flow.name, len(grant))

    def _echo(self, query: zenoh.Query) -> None:
        flow, content = BY_NAME["echo"], query.payload.to_bytes() if query.payload is not None else b""
        if self.border.admit(flow, str(query.key_expr).rpartition("/")[2], len(content), time.monotonic()):
            query.reply(query.key_expr, content, express=True)
            self.border.sent(flow.name, len(content))

    def _tell_states(self, query: zenoh.Query) -> None:
        query.reply(query.key_expr, self._packed, express=True)
        self.border.sent(STATE, len(self._packed))

    def _tell_content(self, query: zenoh.Query) -> None:
        wanted = str(query.key_expr).rpartition("/")[2]
        with self._lock:
            contents = [content for _, messages in self._states.values() for content in messages]
        found = next((content for content in contents if digest_of(content) == wanted), None)
        if found is not None:
            self._answers.give(lambda: self._hand_out(query, found), len(found), patience(len(found)))

    def _hand_out(self, query: zenoh.Query, content: bytes) -> None:
        with contextlib.suppress(zenoh.ZError):  # the session has been closed since
            query.reply(query.key_expr, content)
            query.drop()  # type: ignore[no-untyped-call]  # its asker waits for the end of the answers
            self.border.sent(BLOB, len(content))


def _port(link: zenoh.Link) -> int:
    """Return the port of the other side of a connection."""
    port = str(link.dst).rpartition(":")[2].partition("?")[0]
    return int(port) if port.isdecimal() else 0
