"""Opens the connection of a link's end to its coordinator's, asks over it, and closes it."""

from __future__ import annotations

import contextlib
import math
import random
import threading
import time
from typing import Callable

import zenoh

from altmarl_ros.links.access import connecting
from altmarl_ros.links.coordinator_trust import CoordinatorTrust
from altmarl_ros.links.endpoints import check_reachable, read_endpoint
from altmarl_ros.links.keys import Credentials
from altmarl_ros.links.quality import quality
from altmarl_ros.links.table import Flow

_FIRST_WAIT, _LONGEST_WAIT = 0.25, 1.5  # s between two attempts to connect, give or take a half
# Where somebody answers the knock and yet no connection comes about. Each attempt in vain, and each knock, holds zenoh's
# listener up by 0.1 s (observed in zenoh 1.10), so that thirty ends that went on dialing would keep each other out.
_LONGEST_BUSY_WAIT = 15.0
_KNOCK_TIMEOUT = 1.5  # s


class Dialer:
    """At most one connection to one endpoint, whose other end is trusted.

    Attributes:
        endpoint: where it dials.
        session: the connection; None: there is none.
        connected_at: when it was opened [s of time.monotonic].
        refusal: why there is none; empty: there is one.
    """

    def __init__(self, credentials: Credentials, endpoint: str) -> None:
        """Prepare to dial.

        Raises:
            AltmarlError: the endpoint is none.
        """
        self.endpoint = read_endpoint(endpoint)
        self.session: zenoh.Session | None = None
        self.connected_at = -math.inf
        self.refusal = "not connected yet"
        self._config = connecting(credentials, endpoint)
        self._trust = CoordinatorTrust(credentials.authority.parent)
        self._wait = _FIRST_WAIT
        self._answered = False  # whether somebody answered at the last attempt

    def dial(self, begin: Callable[[zenoh.Session], None]) -> bool:
        """Try to connect, and do `begin` with the connection before others may use it; returns whether there is one."""
        self._answered = False
        try:
            check_reachable(self.endpoint, _KNOCK_TIMEOUT)
            self._answered = True
            session = zenoh.open(self._config)
        except (OSError, zenoh.ZError) as error:
            self.refusal = f"cannot connect: {str(error).partition(' at /')[0]}"
            return False
        objection = self._trust.objection(session)
        if objection:
            self.refusal = objection
            session.close()  # type: ignore[no-untyped-call]
            return False
        begin(session)
        self.session, self.refusal, self.connected_at = session, "", time.monotonic()
        self._wait = _FIRST_WAIT
        return True

    def back_off(self) -> float:
        """Return how long to wait before the next attempt [s], longer each time: a fleet does not come back at once."""
        wait = self._wait * random.uniform(0.5, 1.5)
        self._wait = min(2.0 * self._wait, _LONGEST_BUSY_WAIT) if self._answered else min(1.5 * self._wait, _LONGEST_WAIT)
        return wait

    def still_trusts(self) -> bool:
        """Whether the register beside the keys, which may have changed, still lists who is at the other end; else `refusal`."""
        objection = self._trust.objection(self.session) if self.session is not None else ""
        self.refusal = objection or self.refusal
        return not objection

    def ask(
        self,
        key: str,
        content: bytes | None,
        flow: Flow,
        *,
        timeout: float,
        look: float,
        given_up: Callable[[], bool],
    ) -> bytes | None:
        """Ask the other end and wait for its answer; None: there is none.

        Args:
            key: what is asked.
            content: what is sent with it.
            flow: whose quality of service it has.
            timeout: when the connection gives up [s].
            look: time between two looks at whether somebody else does [s].
            given_up: whether somebody does.
        """
        session = self.session
        if session is None:
            return None
        answers: list[bytes] = []
        done = threading.Event()

        def take(reply: zenoh.Reply) -> None:
            if reply.ok is not None:
                answers.append(bytes(reply.ok.payload.to_bytes()))

        try:
            session.get(key, zenoh.handlers.Callback(take, done.set), payload=content, timeout=timeout, **quality(flow))
        except zenoh.ZError as error:
            self.refusal = str(error).partition(" at /")[0]
            return None
        while not done.wait(look):
            if given_up():
                return None
        return answers[0] if answers else None

    def hang_up(self, patience: float) -> None:
        """Close the connection, and wait at most `patience` [s] for it: a cut one makes a long wait of it."""
        session, self.session = self.session, None
        if session is not None:
            closing = threading.Thread(target=_close, args=(session,), daemon=True)
            closing.start()
            closing.join(patience)


def _close(session: zenoh.Session) -> None:
    with contextlib.suppress(zenoh.ZError):  # nobody answers at the other end
        session.close()  # type: ignore[no-untyped-call]
