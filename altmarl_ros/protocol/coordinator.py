"""The coordinator's side of a tick: poll, hear, decide, move on.

begin()     draws the robots to poll and says what to broadcast
hear()      judges one report
backfill()  before the deadline: asks others in place of those that are silent
decide()    at k answers or at the deadline: a_g by the observation model, by which the global plant moves s_g

A new policy is announced first and acted by from the tick before which switch() is called; another rule of decisions,
follow(), holds from the next tick that begins.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, replace
from typing import Mapping

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.errors import AltmarlError
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.observation import MODEL_NAMES
from altmarl_ros.observation.model import kept_robots
from altmarl_ros.policies import PolicyBundle
from altmarl_ros.policies.lookahead import check_values
from altmarl_ros.protocol.budget import BandwidthBudget
from altmarl_ros.protocol.decision import Decider, Rule, compile_models
from altmarl_ros.protocol.messages import Report, Tick, Verdict, game_tag
from altmarl_ros.protocol.plant import Plant, VirtualPlant
from altmarl_ros.protocol.roster import Roster
from altmarl_ros.protocol.standby import Handover

_TICKS_REMEMBERED = 8  # how late a report may be and still tell that its robot lives


@dataclass(frozen=True, eq=False)
class Decision:
    """What one tick came to.

    Attributes:
        tick: the broadcast that was answered, with all robots that were polled.
        asked: number of robots polled by the first broadcast.
        k_eff: number that k and the bandwidth limit allowed.
        heard: number of accepted reports.
        rung: number of reports for which the deciding policy was learned.
        action: a_g(t).
        estimate: estimated share of robots per local state [S_l].
        sampling_error: largest standard deviation of an estimated share.
        reward: team reward of the tick under the estimate and pi_l.
        suspended: robots that left the draw because of this tick.
        answers: local state reported by each robot that was heard, in the order in which they came.
    """

    tick: Tick
    asked: int
    k_eff: int
    heard: int
    rung: int
    action: int
    estimate: NDArray[np.float64]
    sampling_error: float
    reward: float
    suspended: tuple[int, ...]
    answers: Mapping[int, int]

    @property
    def backfilled(self) -> int:
        """Number of robots asked in place of silent ones."""
        return len(self.tick.polled) - self.asked


class Coordinator:
    """State of the coordinator between ticks."""

    def __init__(
        self,
        game: TabularGame,
        bundle: PolicyBundle,
        rule: Rule,
        k: int,
        session: int,
        rng: np.random.Generator,
        roster: Roster | None = None,
        plant: Plant | None = None,
        budget: BandwidthBudget | None = None,
    ) -> None:
        check_bundle(bundle, game, k, rule.temperature)
        self._game, self._rng = game, rng
        self._decider = Decider(game, bundle, rule)
        self._rule = rule  # from the next tick on
        self._next: PolicyBundle | None = None
        self._r_pi = bundle.pi_l.reward(game)
        self._game_tag = game_tag(game.content_hash)
        self.k = k
        self.session = session
        self.roster = roster if roster is not None else Roster()
        self.budget = budget if budget is not None else BandwidthBudget(0.0, 1.0, 1.0)
        self.verdicts: Counter[Verdict] = Counter()
        self._plant = plant if plant is not None else VirtualPlant(game, rng)
        self._last_action: int | None = None
        self._next_tick = 0
        self._open: Tick | None = None
        self._answers: dict[int, int] = {}
        self._asked: deque[Tick] = deque(maxlen=_TICKS_REMEMBERED)  # of this session
        self._wanted = self._k_eff = 0  # answers, of the open tick
        compile_models(game, bundle, MODEL_NAMES)

    @property
    def K(self) -> int:
        """The most reports per tick that the policy can use."""
        return self.bundle.ladder.K

    @property
    def global_state(self) -> int | None:
        """The plant's s_g, in which a tick would begin; None while it is not known."""
        return self._plant.state

    @property
    def next_tick(self) -> int:
        """Number of the open tick, or of the next one."""
        return self._next_tick

    @property
    def bundle(self) -> PolicyBundle:
        """The policies of the open tick, or of the next one unless switch() comes before it."""
        return self._decider.bundle

    @property
    def next_bundle(self) -> PolicyBundle | None:
        """The policies that are announced and not yet acted by."""
        return self._next

    @property
    def rule(self) -> Rule:
        """What else decisions depend on, from the next tick on."""
        return self._rule

    @property
    def estimate(self) -> NDArray[np.float64]:
        """Estimated share of robots per local state [S_l]."""
        return np.asarray(self._decider.model.estimate[0])

    @property
    def sampling_error(self) -> float:
        """Largest standard deviation of an estimated share."""
        return float(self._decider.model.error[0])

    @property
    def complete(self) -> bool:
        """Whether as many robots have answered the open tick as were asked at first."""
        return self._open is not None and len(self._answers) >= self._wanted

    def announce(self, bundle: PolicyBundle) -> None:
        """Take policies that the next switch() puts in force; those in force recall an announcement."""
        check_bundle(bundle, self._game, self.k, self.rule.temperature)
        self._next = None if bundle.policy_id == self.bundle.policy_id else bundle

    def switch(self) -> None:
        """From the next tick on act by the announced policies; what is known of the robots stays."""
        assert self._next is not None, "no policy is announced"
        assert self._open is None, "the open tick is not decided yet"
        self._renew_rule()
        self._decider.adopt(self._next)
        self._next = None
        self._r_pi = self.bundle.pi_l.reward(self._game)

    def follow(self, rule: Rule) -> None:
        """From the next tick on decide by this rule; with another seed, draw by it."""
        check_bundle(self.bundle, self._game, 0, rule.temperature)
        self._rule = rule

    def begin(self, now: float = 0.0) -> Tick | None:
        """Open the next tick at monotonic time `now` [s]; one that is still open must be decided first.

        None, and nothing is changed, while the plant's s_g is not known.
        """
        assert self._open is None, "the open tick is not decided yet"
        global_state = self._plant.state
        if global_state is None:
            return None
        self._renew_rule()
        self.budget.begin(now)
        self._k_eff = min(self.k, self.budget.room(now))
        polled = self.roster.draw(self._k_eff, self._rng, self._kept())
        self.budget.spend(len(polled), now)
        self._open = Tick(self.session, self._next_tick, self.bundle.policy_id, global_state, self._last_action, polled)
        self._answers = {}
        self._wanted = len(polled)
        return self._open

    def stand_by(self) -> None:
        """Leave the open tick undecided."""
        self._open = None
        self._answers = {}

    def take_over(self, session: int, known: Handover) -> None:
        """Begin a session where another coordinator's ended, as far as that is known."""
        self.stand_by()
        self._asked.clear()
        self.verdicts.clear()
        self.session, self._next_tick, self._last_action = session, 0, None
        S_g, A_g = self._game.n_global_states, self._game.n_global_actions
        if known.global_state is not None and known.global_state < S_g:
            if known.global_action is not None and known.global_action < A_g:
                self._last_action = known.global_action
            self._plant.resume(known.global_state, self._last_action)
        self._decider.resume(known)

    def backfill(self, now: float = 0.0) -> Tick | None:
        """Poll other robots in place of the silent ones; what to broadcast, None where there are no others.

        It names the silent ones too, for whom it may be the first broadcast that arrives.
        """
        tick = self._open
        assert tick is not None, "no tick is open"
        silent = tuple(robot_id for robot_id in tick.polled if robot_id not in self._answers)
        missing = min(self._wanted - len(self._answers), self.budget.room(now))
        others = self.roster.draw_others(missing, self._rng, tick.polled)
        if not others:
            return None
        self.budget.spend(len(others), now)
        self._open = replace(tick, polled=tick.polled + others)
        return replace(tick, polled=silent + others)

    def hear(self, report: Report) -> Verdict:
        """Judge a report and remember it if it counts; reports are data from outside."""
        verdict = self._judge(report)
        if verdict is Verdict.ACCEPTED:
            self._answers[report.robot_id] = report.local_state
            self.roster.heard(report.robot_id)
        elif verdict is Verdict.LATE and self._was_asked(report):
            self.roster.heard(report.robot_id)
        self.verdicts[verdict] += 1
        return verdict

    def decide(self) -> Decision:
        """Close the open tick on the reports that came."""
        tick, self._open = self._open, None
        assert tick is not None, "no tick is open"
        suspended = tuple(robot for robot in tick.polled if robot not in self._answers and self.roster.missed(robot))
        action = self._decider.decide(tick.session, tick.tick, tick.global_state, self._answers.values(), self.roster.live)
        estimate = self.estimate
        reward = float(self._game.r_g[tick.global_state, action] + estimate @ self._r_pi[tick.global_state])
        decision = Decision(
            tick,
            self._wanted,
            self._k_eff,
            len(self._answers),
            int(self._decider.model.rung[0]),
            action,
            estimate,
            self.sampling_error,
            reward,
            suspended,
            dict(self._answers),
        )
        self._plant.act(action)
        self._last_action = action
        self._next_tick += 1
        self._asked.append(tick)
        return decision

    def _renew_rule(self) -> None:
        rule, before = self._rule, self._decider.rule
        if rule.seed != before.seed:
            self._rng.bit_generator.state = np.random.default_rng([rule.seed, self.session]).bit_generator.state
        if rule != before:
            self._decider.follow(rule)

    def _was_asked(self, report: Report) -> bool:
        # Only an answer to a poll is a sign of life: no other report may keep a robot in the draw.
        return any(report.tick == tick.tick and report.robot_id in tick.polled for tick in self._asked)

    def _kept(self) -> tuple[int, ...]:
        answered = list(self._answers)
        keep = min(kept_robots(self.k, self._decider.model.turnover), len(answered))
        places = self._rng.choice(len(answered), size=keep, replace=False) if keep else ()
        return tuple(answered[place] for place in places)

    def _judge(self, report: Report) -> Verdict:
        if report.session != self.session:
            return Verdict.FOREIGN
        if report.game_tag != self._game_tag:
            return Verdict.WRONG_GAME
        if report.robot_id not in self.roster:
            return Verdict.UNKNOWN
        if not 0 <= report.local_state < self._game.n_local_states:
            return Verdict.OUT_OF_RANGE
        if self._open is None or report.tick != self._open.tick:
            return Verdict.LATE
        if report.robot_id not in self._open.polled:
            return Verdict.NOT_POLLED
        if report.robot_id in self._answers:
            return Verdict.DUPLICATE
        return Verdict.LATE if self.complete else Verdict.ACCEPTED  # no rung is learned for more than were asked


def check_bundle(bundle: PolicyBundle, game: TabularGame, k: int, temperature: float = 0.0) -> None:
    """Raise AltmarlError unless the bundle is for this game's dynamics and has a rung for k reports, and values if need be."""
    bundle.check_dynamics(game)
    if temperature > 0.0:
        check_values(bundle)
    if not 0 <= k <= bundle.ladder.K:
        raise AltmarlError(f"k is {k}, must be in 0..{bundle.ladder.K}, the rungs of the policy")
