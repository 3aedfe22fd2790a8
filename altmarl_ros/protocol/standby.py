"""Which of several coordinators decides: one of them does, the others stand by and take over when it falls silent.

Every coordinator hears the ticks of all. These are the rules, in the order in which they settle a conflict:

    lease      The coordinator that decides is heard at least once per `lease`. The one of rank r takes over when it has heard
               nothing for a lease and r times `stagger`, so that it hears the first tick of those before it.
    session    A coordinator that takes over begins a session newer than any it has heard, and equal to its rank modulo
               `RANKS`, so that no two ever have the same. Robots follow the newest session only (protocol/agent.py).
    step down  A coordinator that decides and hears a newer session stands by from then on.
    plant      No coordinator decides while the global plant's state is not known, and a standby that does not know it lets
               the lease of the other begin anew.
    doubt      A coordinator that could not act for a lease (stopped, starved) does not know whether it still decides: it
               stands by and listens before it takes over again.

So two may decide for a while on both sides of a cut network, but each robot acts for one of them at a time, in the order of
sessions, and once per tick.
"""

from __future__ import annotations

from dataclasses import dataclass

from altmarl_ros.errors import AltmarlError
from altmarl_ros.protocol.messages import Tick, is_newer, new_session

RANKS = 4
"""Number of coordinators that a succession can have."""


@dataclass(frozen=True)
class Handover:
    """What is known of another coordinator's last tick.

    Attributes:
        global_state: s_g(t); None: nothing is known, not even that.
        global_action: a_g(t); None: the decision was not heard.
        estimated_in: s_g of the last decision that was heard, at t or before; None: there is no estimate.
        estimate: its estimated share of robots per local state [S_l].
        sampling_error: largest standard deviation of an estimated share.
    """

    global_state: int | None = None
    global_action: int | None = None
    estimated_in: int | None = None
    estimate: tuple[float, ...] = ()
    sampling_error: float = 0.0


class Succession:
    """One coordinator's part in the succession. Times `now` are monotonic seconds.

    Attributes:
        rank: place in the order of succession, 0 takes over first.
        lease: silence after which the coordinator that decides counts as gone [s].
        session: our session while this coordinator decides, None while it stands by.
        newest: the newest tick heard from another coordinator, None before any.
    """

    def __init__(
        self,
        rank: int,
        lease: float,
        stagger: float,
        now: float,
        *,
        patience: float | None = None,
        last_session: int | None = None,
    ) -> None:
        """Stand by at first.

        Args:
            rank: place in the order of succession, in 0..RANKS - 1.
            lease: silence after which the coordinator that decides counts as gone [s].
            stagger: additional wait per rank [s].
            now: present time.
            patience: how long to wait for the first tick [s]; None: as for any other.
            last_session: a session that ours must be newer than; None: none is known.

        Raises:
            AltmarlError: the rank is out of range.
        """
        if not 0 <= rank < RANKS:
            raise AltmarlError(f"rank of a coordinator is {rank}, must be in 0..{RANKS - 1}")
        self.rank, self.lease = rank, lease
        self.session: int | None = None
        self.newest: Tick | None = None
        self._wait = lease + rank * stagger
        self._due = now + (self._wait if patience is None else patience)
        self._last_session = last_session
        self._last_tick = -1
        self._acted: float | None = None

    def wait(self, lease: float, stagger: float) -> None:
        """Change lease and stagger [s] from now on."""
        wait = lease + self.rank * stagger
        self._due += wait - self._wait
        self.lease, self._wait = lease, wait

    def due(self, now: float) -> bool:
        """Whether this coordinator is to take over now."""
        return self.session is None and now >= self._due

    def postpone(self, now: float) -> None:
        """Let the lease of the other coordinator begin anew, since none could decide until now."""
        self._due = max(self._due, now + self._wait)

    def take_over(self, unix_time: float) -> int:
        """Decide from now on, in the session that is returned; `unix_time` [s] makes it newer than those of earlier starts."""
        session = new_session(unix_time, self._last_session)
        self.session = self._last_session = (session + (self.rank - session) % RANKS) % 2**32
        self._acted, self._last_tick = None, -1
        return self.session

    def may_begin(self, tick: int, now: float) -> bool:
        """Whether this coordinator may broadcast this tick; one that was away for a lease stands by instead."""
        if self.session is None:
            return False
        if self._acted is not None and now - self._acted > self.lease:
            self._stand_by(now)
            return False
        self._acted, self._last_tick = now, tick
        return True

    def hear(self, tick: Tick, now: float) -> bool:
        """Receive any coordinator's tick, our own included; whether it makes this one step down."""
        decided = self.session is not None
        if decided and tick.session == self.session:
            if tick.tick <= self._last_tick:
                return False  # our own
            # Two were given the same rank and took the same session: the one behind gives way.
        elif self._last_session is not None and is_newer(self._last_session, tick.session):
            return False  # from one that was replaced, and will hear so
        elif self.newest is not None and tick.session == self.newest.session and tick.tick <= self.newest.tick:
            return False
        self.newest = tick
        self._last_session = tick.session
        self._stand_by(now)
        return decided

    def _stand_by(self, now: float) -> None:
        self.session = None
        self._due = now + self._wait
