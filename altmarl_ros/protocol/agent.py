"""The robot's side of a tick: follow one coordinator, report when polled, act exactly once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from altmarl_ros.policies import LocalPolicy
from altmarl_ros.protocol.allegiance import Allegiance, Heard
from altmarl_ros.protocol.held_policies import HeldPolicies, HeldPolicy
from altmarl_ros.protocol.membership import Membership
from altmarl_ros.protocol.messages import Report, Tick
from altmarl_ros.protocol.operated import Operated
from altmarl_ros.protocol.pledge import NO_MARK
from altmarl_ros.protocol.roster_page import Counted, RosterPage
from altmarl_ros.random_streams import spread


def join_delay(robot_id: int, window: float) -> float:
    """Return after how long a robot says hello, in [0, window) [s]; any run of successive ids is spread evenly over it."""
    return window * spread(robot_id)


@dataclass(frozen=True)
class Answer:
    """What a robot does about a tick.

    Attributes:
        tick: the tick that is answered.
        report: to publish, or None if the robot is not polled.
        local_action: a_l, to be acted at once.
        policy: from which the action was drawn.
    """

    tick: Tick
    report: Report | None
    local_action: int
    policy: LocalPolicy


@dataclass(frozen=True)
class Reaction:
    """What a tick message makes a robot do.

    Attributes:
        heard: what the message is to the robot.
        rejoins: whether the robot has to say hello again, since the session is new, its coordinator was silent, or the
            coordinator does not count it.
        answer: what it does about the tick, or None if it cannot answer now or has answered before.
        late_report: the report for which a repeated tick asked after the robot had acted, or None.
    """

    heard: Heard
    rejoins: bool
    answer: Answer | None
    late_report: Report | None


class RobotAgent:
    """Decides for one robot: acts once per tick, and only by the policy that the tick names.

    A tick that cannot be answered yet, for want of the policy or of the local state, stays open until
    the next one replaces it. A tick that is repeated to poll further robots is never acted on again: it
    makes the robot report, once, the state from which it acted. Which session is followed is a matter of
    `allegiance.py`. A robot in an operator's hand neither acts nor reports; one that is polled all the same says
    hello again, since its coordinator does not know.

    Attributes:
        allegiance: the coordinator that is followed.
        membership: the robot's place on the coordinator's roster.
        mark: of the pledge in the robot's hellos.
        silence: time without a tick after which the coordinator counts as silent [s].
        temperature: of the local action [reward units], for policies that have action values; 0: as announced.
        policies: the policies to act by, which robots of one process share.
        operated: what an operator has the robot do instead of acting; None: it acts by its policy.
        heard: number of ticks followed.
        missed: of these, left without an action.
        without_policy: of these, for want of the policy.
    """

    def __init__(
        self,
        robot_id: int,
        rng: np.random.Generator,
        silence: float = 2.0,
        policies: HeldPolicies | None = None,
        *,
        lease: float | None = None,
        mark: int = NO_MARK,
    ) -> None:
        """`lease` is that of `allegiance` [s]; None: `silence`."""
        self.robot_id = robot_id
        self.mark = mark
        self.allegiance = Allegiance(silence if lease is None else lease)
        self.membership = Membership()
        self._rng = rng
        self.silence = silence
        self.temperature = 0.0
        self.policies = HeldPolicies() if policies is None else policies
        self.operated: Operated | None = None
        self._open: Tick | None = None
        self._last: Tick | None = None  # that was followed
        self._unasked: Report | None = None  # of the last tick, while nobody has asked for it
        self._owed: Report | None = None  # once somebody has
        self.heard = self.missed = self.without_policy = 0

    @property
    def lacks_policy(self) -> bool:
        """Whether a tick waits for a policy that this robot does not hold."""
        return self._open is not None and self.policies.find(self._open) is None

    @property
    def lacks_values(self) -> bool:
        """Whether this robot needs action values for its temperature, which its policy has but came without."""
        held = None if self._last is None else self.policies.find(self._last)
        return self.temperature > 0.0 and held is not None and held.left_out > 0

    def operate(self, operated: Operated | None) -> None:
        """Do what an operator says, or act by the policy again from the next tick on (None)."""
        self.operated = operated
        self._open = self._unasked = self._owed = None

    def silent(self, now: float) -> bool:
        """Whether no tick was followed in the last `silence` seconds before monotonic time `now` [s]."""
        return not self.allegiance.heard_within(self.silence, now)

    def tick_age(self, now: float) -> float:
        """Return the time since the last tick that was followed, at monotonic time `now` [s]; infinite: none was."""
        return self.allegiance.tick_age(now)

    def react(self, tick: Tick, now: float, local_state: int | None) -> Reaction:
        """Take a tick message at monotonic time `now` [s] in local state s_l (None: not known), and answer it if possible."""
        was_silent = self.silent(now)
        heard = self.hear(tick, now)
        new = heard in (Heard.NEW, Heard.NEW_SESSION)
        uncounted = new and tick.roster is not None and self.membership.must_repeat(tick.roster, self._find, now)
        if new and self.operated is not None and self.robot_id in tick.polled:
            uncounted |= self.membership.may_repeat(now)
        rejoins = heard is Heard.NEW_SESSION or (heard is Heard.NEW and was_silent) or uncounted
        answer = self.answer(local_state) if new else None
        return Reaction(heard, rejoins, answer, self.late_report() if heard is Heard.REPEATED else None)

    def hear(self, tick: Tick, now: float) -> Heard:
        """Take a tick message at monotonic time `now` [s], to be answered later."""
        heard = self.allegiance.hear(tick, now)
        if heard is Heard.REPEATED:
            self._hear_again(tick)
        if heard not in (Heard.NEW, Heard.NEW_SESSION):
            return heard
        self.heard += 1
        self.without_policy += self.lacks_policy
        self.missed += self._open is not None
        self._open = self._last = tick
        if self.operated is not None:
            self._open = None
        self._unasked = self._owed = None
        return heard

    def answer(self, local_state: int | None) -> Answer | None:
        """Answer the open tick from local state s_l; None while there is no tick, no state or no policy for it."""
        ready = self._ready()
        if ready is None or local_state is None:
            return None
        tick, held = ready
        if not 0 <= local_state < held.policy.probabilities.shape[0]:
            return None
        self._open = None
        report = Report(tick.session, tick.tick, self.robot_id, local_state, held.game_tag)
        polled = self.robot_id in tick.polled
        self._unasked = None if polled else report
        policy = held.policy.softened(self.temperature)
        action = policy.draw(local_state, tick.global_state, self._rng)
        return Answer(tick, report if polled else None, action, policy)

    def late_report(self) -> Report | None:
        """Return the report that a repeated tick asked for after this robot had acted; only once."""
        report, self._owed = self._owed, None
        return report

    def _hear_again(self, tick: Tick) -> None:
        if self.robot_id not in tick.polled:
            return
        if self._open is None:
            self._owed, self._unasked = self._unasked, None
        elif self.robot_id not in self._open.polled:
            self._open = replace(self._open, polled=(*self._open.polled, self.robot_id))

    def take(self) -> tuple[Tick, HeldPolicy] | None:
        """Take the open tick and the policy that it names, to act by it elsewhere; None while there is none."""
        ready = self._ready()
        if ready is not None:
            self._open = None
        return ready

    def _ready(self) -> tuple[Tick, HeldPolicy] | None:
        tick = self._open
        held = self.policies.find(tick) if tick else None
        if tick is None or held is None or not 0 <= tick.global_state < held.policy.probabilities.shape[1]:
            return None
        return tick, held

    def _find(self, page: RosterPage) -> Counted:
        return page.find(self.robot_id, self.mark)
