"""The robot's side of a tick: follow the newest session, report when polled, act exactly once."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from altmarl_ros.policies import LocalPolicy
from altmarl_ros.protocol.messages import Report, Tick, is_newer

_GOLDEN = 0.6180339887498949


def join_delay(robot_id: int, window: float) -> float:
    """Delay of a robot's hello, in [0, window) [s].

    Multiples of the golden ratio modulo 1 (Weyl's sequence): any run of successive ids is spread evenly
    over the window, without a random number and whatever the size of the fleet.
    """
    return window * (robot_id * _GOLDEN % 1.0)


POLICIES_KEPT = 4
"""A tick may name one of the latest few."""

_SESSIONS_KEPT = 8


class Heard(Enum):
    """What a tick message was to the robot."""

    NEW = "new"
    NEW_SESSION = "new session"
    REPEATED = "repeated"
    OLD = "old"


@dataclass(frozen=True)
class Answer:
    """What the robot does about a tick: its report if polled, and its action."""

    tick: Tick
    report: Report | None
    local_action: int


@dataclass(frozen=True)
class HeldPolicy:
    """A policy and the tag of its game."""

    policy: LocalPolicy
    game_tag: int


class RobotAgent:
    """Decides for one robot. It acts only by the policy that the tick names, and once per tick.

    A tick that cannot be answered yet, for want of the policy or of the local state, stays open until
    the next one replaces it. A tick that is repeated to poll further robots is never acted on again: it
    makes the robot report, once, the state from which it acted. A session is followed until a newer one
    speaks, or until it was silent for `silence` seconds, so that a coordinator whose clock went
    backwards is not ignored for ever.
    """

    def __init__(self, robot_id: int, rng: np.random.Generator, silence: float = 2.0) -> None:
        self.robot_id = robot_id
        self._rng = rng
        self.silence = silence
        self._temperature = 0.0
        self._policies: OrderedDict[int, HeldPolicy] = OrderedDict()  # to act by
        self._announced: dict[int, LocalPolicy] = {}
        self._last: tuple[int, int] | None = None  # session, tick
        self._followed: OrderedDict[int, int] = OrderedDict()  # latest sessions and the last tick heard of each
        self._last_time = -np.inf
        self._open: Tick | None = None
        self._unasked: Report | None = None  # of the last tick, while nobody has asked for it
        self._owed: Report | None = None  # once somebody has
        self.heard = 0  # ticks
        self.missed = 0  # of these, left without an action
        self.without_policy = 0  # of these, for want of the policy

    @property
    def temperature(self) -> float:
        """Of the local action [reward units], for policies that came with action values; 0: as announced."""
        return self._temperature

    @temperature.setter
    def temperature(self, temperature: float) -> None:
        self._temperature = temperature
        for policy_id, held in self._policies.items():
            self._policies[policy_id] = replace(held, policy=self._announced[policy_id].softened(temperature))

    @property
    def open_tick(self) -> Tick | None:
        """The tick that waits for an answer."""
        return self._open

    @property
    def lacks_policy(self) -> bool:
        """Whether a tick waits for a policy that this robot does not hold."""
        return self._open is not None and self._open.policy_id not in self._policies

    def silent(self, now: float) -> bool:
        """Whether the coordinator has not been heard for `silence` seconds (monotonic time `now`) or ever."""
        return now - self._last_time > self.silence

    def learn(self, policy_id: int, policy: LocalPolicy, game_tag: int) -> None:
        """Hold a policy, for the game with that tag; the few latest are kept, since a tick may still name the one before."""
        self._announced[policy_id] = policy
        self._policies[policy_id] = HeldPolicy(policy.softened(self._temperature), game_tag)
        self._policies.move_to_end(policy_id)
        while len(self._policies) > POLICIES_KEPT:
            oldest, _ = self._policies.popitem(last=False)
            del self._announced[oldest]

    def hear(self, tick: Tick, now: float) -> Heard:
        """Take a tick message at monotonic time `now` [s]."""
        heard = self._classify(tick, now)
        if heard is Heard.OLD:
            return heard
        if heard is Heard.REPEATED:
            self._hear_again(tick)
            return heard
        self._last_time = now
        self.heard += 1
        self.without_policy += self.lacks_policy
        self.missed += self._open is not None
        self._open = tick
        self._unasked = self._owed = None
        self._last = (tick.session, tick.tick)
        self._followed[tick.session] = tick.tick
        self._followed.move_to_end(tick.session)
        while len(self._followed) > _SESSIONS_KEPT:
            self._followed.popitem(last=False)
        return heard

    def answer(self, local_state: int) -> Answer | None:
        """Answer the open tick from local state s_l; None while there is no tick or no policy for it."""
        ready = self._ready()
        if ready is None:
            return None
        tick, held = ready
        if not 0 <= local_state < held.policy.probabilities.shape[0]:
            return None
        self._open = None
        report = Report(tick.session, tick.tick, self.robot_id, local_state, held.game_tag)
        polled = self.robot_id in tick.polled
        self._unasked = None if polled else report
        return Answer(tick, report if polled else None, held.policy.draw(local_state, tick.global_state, self._rng))

    def late_report(self) -> Report | None:
        """The report that a repeated tick asked for after this robot had acted; only once."""
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
        """The open tick and the policy that it names, for others to act by; None while there is none."""
        ready = self._ready()
        if ready is not None:
            self._open = None
        return ready

    def _ready(self) -> tuple[Tick, HeldPolicy] | None:
        tick = self._open
        held = self._policies.get(tick.policy_id) if tick else None
        if tick is None or held is None or not 0 <= tick.global_state < held.policy.probabilities.shape[1]:
            return None
        return tick, held

    def _classify(self, tick: Tick, now: float) -> Heard:
        if self._last is None:
            return Heard.NEW_SESSION
        session, last_tick = self._last
        if tick.session == session:
            if tick.tick == last_tick:
                return Heard.REPEATED
            return Heard.NEW if tick.tick > last_tick else Heard.OLD
        if tick.tick <= self._followed.get(tick.session, -1):
            return Heard.OLD  # a late copy, from a session to which we return or which returns to us
        return Heard.NEW_SESSION if is_newer(tick.session, session) or self.silent(now) else Heard.OLD
