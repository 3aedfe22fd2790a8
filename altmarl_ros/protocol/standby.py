"""Which of several coordinators decides: one of them does, the others stand by and take over when it falls silent.

Every coordinator hears the ticks of all. These are the rules, in the order in which they settle a conflict:

    lease      The coordinator that decides is heard at least once per `lease`. The one of rank r takes over when it has heard
               nothing of it for a lease and r times `stagger`, so that it hears the first tick of those before it. Others that
               tick meanwhile are not listened to (`allegiance.py`).
    session    A coordinator that takes over begins a session newer than any it has followed, and equal to its rank modulo
               `RANKS`, so that no two ever have the same.
    rival      A coordinator that decides and hears another one tick for a lease stands by if more robots answer the other, or
               as many and the other's session is newer. It says so in its last message, so that its robots need not wait.
    plant      No coordinator decides while the global plant's state is not known, and a standby that does not know it lets
               the lease of the other begin anew.
    doubt      A coordinator that could not act for a lease (stopped, starved) does not know whether it still decides: it
               stands by and listens before it takes over again.
    alone      A coordinator without a part in a succession decides at once. In its first `PROBATION` seconds it ends if it
               hears that another one ticks already; of two that began to tick at the same moment the one with the newer
               session ends. Later it never ends for another one's sake.

So two may decide for a while on both sides of a cut network, but each robot acts for one of them at a time, and once per tick.
"""

from __future__ import annotations

from dataclasses import dataclass

from altmarl_ros.errors import AltmarlError
from altmarl_ros.protocol.allegiance import Allegiance, Heard
from altmarl_ros.protocol.messages import Tick, is_newer, new_session
from altmarl_ros.protocol.pledge import Pledge
from altmarl_ros.protocol.rivals import Rival, Rivals

RANKS = 4
"""Number of coordinators that a succession can have."""

PROBATION = 5.0
"""Time after its first tick for which a coordinator gives way to one that was there before [s]."""

_STEADY_PERIODS = 4  # of another coordinator, within which it is known to be steady
_AT_ONCE = 2  # ticks that two coordinators which began at the same moment may be apart


@dataclass(frozen=True)
class Handover:
    """What is known of another coordinator's last tick.

    Attributes:
        global_state: s_g(t); None: nothing is known, not even that.
        global_action: a_g(t); None: the decision was not heard.
        estimated_in: s_g of the last decision that was heard, at t or before; None: there is no estimate.
        estimate: its estimated share of robots per local state [S_l].
        sampling_error: largest standard deviation of an estimated share.
        belief: its probability of each hidden state [D]; empty: none.
    """

    global_state: int | None = None
    global_action: int | None = None
    estimated_in: int | None = None
    estimate: tuple[float, ...] = ()
    sampling_error: float = 0.0
    belief: tuple[float, ...] = ()


class Succession:
    """One coordinator's part in the succession. Times `now` are monotonic seconds.

    Attributes:
        rank: place in the order of succession, 0 takes over first.
        lease: silence after which the coordinator that decides counts as gone [s].
        session: our session while this coordinator decides, None while it stands by.
        newest: the newest tick heard from the coordinator that decides, None before any.
        pledge: of our last session.
        rivals: other coordinators that were heard while this one decides.
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
        alone: bool = False,
    ) -> None:
        """Stand by at first.

        Args:
            rank: place in the order of succession, in 0..RANKS - 1.
            lease: silence after which the coordinator that decides counts as gone [s].
            stagger: additional wait per rank [s].
            now: present time.
            patience: how long to wait for the first tick [s]; None: as for any other.
            last_session: a session that ours must be newer than; None: none is known.
            alone: whether it has no part in a succession: it decides at once, and never takes over.

        Raises:
            AltmarlError: the rank is out of range.
        """
        if not 0 <= rank < RANKS:
            raise AltmarlError(f"rank of a coordinator is {rank}, must be in 0..{RANKS - 1}")
        self.rank, self.lease, self._stagger, self._alone = rank, lease, stagger, alone
        self.session: int | None = None
        self.newest: Tick | None = None
        self.pledge = Pledge.draw()
        self._probation = PROBATION
        self.rivals = self._new_rivals()
        self._known = Allegiance(lease)
        self._wait = lease + rank * stagger
        self._due = now + (self._wait if patience is None else patience)
        self._last_session = last_session
        self._last_tick = -1
        self._acted: float | None = None
        self._first_tick_at: float | None = None
        self._forged_at: float | None = None  # when somebody else ticked ahead in our session, since then unanswered

    def wait(self, lease: float, stagger: float) -> None:
        """Change lease and stagger [s] from now on."""
        wait = lease + self.rank * stagger
        self._due += wait - self._wait
        self.lease, self._wait, self._stagger = lease, wait, stagger
        self._known.lease = lease
        self.rivals.window = self._window

    def expect(self, period: float) -> None:
        """Note that another coordinator says of itself that it ticks every `period` [s], so that it is waited for."""
        self._probation = max(self._probation, _STEADY_PERIODS * period)
        self.rivals.window = self._window

    def due(self, now: float) -> bool:
        """Whether this coordinator is to take over now."""
        return not self._alone and self.session is None and now >= self._due

    def postpone(self, now: float) -> None:
        """Let the lease of the other coordinator begin anew, since none could decide until now."""
        self._due = max(self._due, now + self._wait)

    def take_over(self, unix_time: float) -> int:
        """Decide from now on, in the session that is returned; `unix_time` [s] makes it newer than those of earlier starts."""
        session = new_session(unix_time, self._last_session)
        self.session = self._last_session = (session + (self.rank - session) % RANKS) % 2**32
        self.pledge = Pledge.draw()
        self.rivals = self._new_rivals()
        self._acted, self._last_tick, self._first_tick_at, self._forged_at = None, -1, None, None
        return self.session

    def may_begin(self, tick: int, now: float) -> bool:
        """Whether this coordinator may broadcast this tick; one that was away for a lease stands by instead."""
        if self.session is None:
            return False
        if not self._alone and self._acted is not None and now - self._acted > self.lease:
            self._stand_by(now)
            return False
        self._acted, self._last_tick = now, tick
        if self._first_tick_at is None:
            self._first_tick_at = now
        return True

    def is_drowned(self, now: float) -> bool:
        """Whether somebody else ticked ahead in our session, and no robot has answered us for a lease since then.

        A new session is then the way back to the robots, which take ours for one that lags behind.
        """
        forged = self.session is not None and self._forged_at is not None and now - self._forged_at > self.lease
        return forged and self.session is not None and self.rivals.followers(self.session, now) == 0

    def heard_report(self, session: int, robot_id: int, now: float) -> None:
        """Note that a robot of the roster answered in a session, ours or another one."""
        if self.session is not None:
            self.rivals.heard_report(session, robot_id, now)
            if session == self.session:
                self._forged_at = None

    def hear(self, tick: Tick, now: float) -> bool:
        """Receive any coordinator's tick, our own included; whether it makes this one give way."""
        if self.session is None:
            self._follow(tick, now)
            return False
        if tick.secret:
            return False
        if tick.session == self.session:
            if tick.tick > self._last_tick and self._forged_at is None:
                self._forged_at = now
            if tick.mark == self.pledge.mark or abs(tick.tick - self._last_tick) > _AT_ONCE:
                return False  # our own, or of somebody who only repeats our session's number
        rival = self.rivals.hear(tick, now)
        if not (self._gives_way_at_start(rival, now) if self._alone else self._gives_way(rival, now)):
            return False
        self._stand_by(now)
        self._follow(tick, now)
        return True

    def _follow(self, tick: Tick, now: float) -> None:
        heard = self._known.hear(tick, now)
        if heard in (Heard.NEW, Heard.NEW_SESSION):
            self.newest, self._last_session = tick, tick.session
            self._due = now + self._wait
        elif tick.secret and self.newest is not None and self._known.is_over(now):
            self._due = min(self._due, now + self.rank * self._stagger)

    def _gives_way(self, rival: Rival, now: float) -> bool:
        if self.session is None or not rival.is_steady or now - rival.since < self.lease:
            return False
        if rival.session == self.session:  # the same rank was given to two
            return rival.mark < self.pledge.mark
        ours, theirs = (self.rivals.followers(session, now) for session in (self.session, rival.session))
        return theirs > ours or (theirs == ours and is_newer(rival.session, self.session))

    def _gives_way_at_start(self, rival: Rival, now: float) -> bool:
        assert self.session is not None, "only one that decides has rivals"
        began = self._first_tick_at if self._first_tick_at is not None else now
        if not rival.is_steady or now - began > self._probation:
            return False
        if abs(rival.tick - self._last_tick) > _AT_ONCE:
            return rival.tick > self._last_tick
        if rival.session == self.session:
            return rival.mark < self.pledge.mark
        return is_newer(self.session, rival.session)

    @property
    def _window(self) -> float:
        return max(self.lease, self._probation) if self._alone else self.lease

    def _new_rivals(self) -> Rivals:
        return Rivals(self._window)

    def _stand_by(self, now: float) -> None:
        self.session = None
        self._known = Allegiance(self.lease)
        self._due = now + self._wait
