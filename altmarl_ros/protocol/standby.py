"""Which of several coordinators decides: one does, the others stand by and take over when it falls silent.

Every coordinator hears the ticks of all. The rules, in the order in which they settle a conflict:

    lease      the one that decides is heard at least once per `lease`. The coordinator of rank r takes over when it has
               heard nothing for a lease and r times `stagger`, so that it hears the first tick of those before it.
    session    whoever takes over has a session newer than any it has heard, and equal to its rank modulo `RANKS`, so
               that no two ever have the same. Robots follow the newest session only (fleet/agent.py).
    step down  one that decides and hears a newer session stands by from then on.
    plant      nobody decides while the global plant's state is not known, and a standby that does not know it lets the
               lease of the other begin anew.
    doubt      one that could not act for a lease (stopped, starved) does not know whether it still decides: it stands
               by and listens before it takes over again.

So two may decide for a while on both sides of a cut network, but each robot acts for one of them at a time, in the
order of sessions, and once per tick.
"""

from __future__ import annotations

from dataclasses import dataclass

from altmarl_ros.errors import AltmarlError
from altmarl_ros.protocol.messages import Tick, is_newer, new_session

RANKS = 4


@dataclass(frozen=True)
class Handover:
    """What is known of another coordinator's last tick.

    Attributes:
        global_state: s_g(t); None: nothing is known, not even that.
        global_action: a_g(t); None: the decision was not heard.
        estimated_in: s_g of the last decision that was heard, at t or before; None: there is no estimate.
        estimate: its estimated share of robots per local state [S_l].
        sampling_error: largest standard deviation of a share.
    """

    global_state: int | None = None
    global_action: int | None = None
    estimated_in: int | None = None
    estimate: tuple[float, ...] = ()
    sampling_error: float = 0.0


class Succession:
    """One coordinator's part. Times `now` are monotonic seconds.

    Attributes:
        session: our session while we decide, None while we stand by.
        newest: the newest tick heard from another, None before any.
    """

    def __init__(
        self,
        rank: int,
        lease: float,
        stagger: float,
        now: float,
        patience: float | None = None,
        last_session: int | None = None,
    ) -> None:
        """`patience` is how long to wait for the first tick, default: as for any; `last_session` one to outdo."""
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
        """Wait for so long from now on."""
        wait = lease + self.rank * stagger
        self._due += wait - self._wait
        self.lease, self._wait = lease, wait

    def due(self, now: float) -> bool:
        """Whether it is on us to take over."""
        return self.session is None and now >= self._due

    def postpone(self, now: float) -> None:
        """Nobody could decide until now: their lease begins anew."""
        self._due = max(self._due, now + self._wait)

    def take_over(self, unix_time: float) -> int:
        """Decide from now on, in the session returned."""
        session = new_session(unix_time, self._last_session)
        self.session = self._last_session = (session + (self.rank - session) % RANKS) % 2**32
        self._acted, self._last_tick = None, -1
        return self.session

    def may_begin(self, tick: int, now: float) -> bool:
        """Whether we may broadcast this tick; one that was away for a lease stands by instead."""
        if self.session is None:
            return False
        if self._acted is not None and now - self._acted > self.lease:
            self._stand_by(now)
            return False
        self._acted, self._last_tick = now, tick
        return True

    def hear(self, tick: Tick, now: float) -> bool:
        """Take any coordinator's tick, our own included; whether it makes us step down."""
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
