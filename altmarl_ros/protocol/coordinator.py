"""The coordinator's side of a tick: poll robots, receive reports, decide, move on.

renew()     when a tick is due: takes over the settings that were given since the last one
begin()     draws the robots to poll and says what to broadcast
receive()   judges one report, and decides at k answers
backfill()  before the deadline: polls other robots in place of those that are silent
decide()    at the deadline: a_g by the observation model, by which the global plant moves s_g

change() gives other settings, which hold from the next tick that is due, and announces another policy, which holds from the
tick before which switch() is called. An open tick goes on by the settings and the policy with which it began.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.errors import AltmarlError
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.observation import check_model
from altmarl_ros.observation.model import kept_robots
from altmarl_ros.policies import PolicyBundle
from altmarl_ros.policies.lookahead import check_values
from altmarl_ros.protocol.budget import BandwidthBudget
from altmarl_ros.protocol.decision import Decision, DecisionMaker, compile_models
from altmarl_ros.protocol.evidence import EvidenceInbox
from altmarl_ros.protocol.held_policies import fleet_digest
from altmarl_ros.protocol.messages import Report, Tick, Verdict, game_tag
from altmarl_ros.protocol.plant import Plant, VirtualPlant
from altmarl_ros.protocol.pledge import NO_MARK
from altmarl_ros.protocol.roster import Roster
from altmarl_ros.protocol.settings import CoordinatorSettings
from altmarl_ros.protocol.standby import Handover

_TICKS_REMEMBERED = 8  # how late a report may be and still tell that its robot lives


class Coordinator:
    """State of the coordinator between ticks.

    Attributes:
        game: the game that the fleet plays.
        session: number of the session.
        mark: of the pledge that its ticks carry (`pledge.py`).
        roster: the robots that joined, and who is polled next.
        budget: how many reports the bandwidth limit allows.
        verdicts: number of reports of the session by verdict.
        inbox: what others tell of the hidden state; None: nobody may.
    """

    def __init__(
        self,
        game: TabularGame,
        bundle: PolicyBundle,
        settings: CoordinatorSettings,
        rng: np.random.Generator,
        *,
        session: int = 0,
        plant: Plant | None = None,
    ) -> None:
        """`rng` draws the robots, and moves the virtual plant that there is unless another `plant` is given.

        Raises:
            AltmarlError: the policy is for another game, or lacks what the settings ask for.
        """
        check_bundle(bundle, game, settings.k, settings.decision.temperature)
        self.game, self.session, self.mark = game, session, NO_MARK
        self.roster = Roster(settings.max_misses, settings.probe_interval)
        self.budget = BandwidthBudget(settings.bandwidth_limit, settings.period, settings.answer_time)
        self.verdicts: Counter[Verdict] = Counter()
        self.inbox: EvidenceInbox | None = None
        self._rng = rng
        self._settings = settings
        self._given_settings: CoordinatorSettings | None = None  # since the last tick was due
        self._decision_maker = DecisionMaker(game, bundle, settings.decision)
        self._next_bundle: PolicyBundle | None = None
        self._r_pi, self._policy_digest = bundle.pi_l.joint_reward(game), fleet_digest(bundle.pi_l, game.types)
        self._game_tag = game_tag(game.content_hash)
        self._plant = plant if plant is not None else VirtualPlant(game, rng)
        self._last_action: int | None = None
        self._next_tick = 0
        self._open: Tick | None = None
        self._answers: dict[int, int] = {}
        self._returned: tuple[int, ...] = ()  # at the open tick
        self._evidence: tuple[float, ...] = ()  # at the open tick
        self._asked: deque[Tick] = deque(maxlen=_TICKS_REMEMBERED)  # of this session
        self._wanted = self._k_eff = 0  # answers, of the open tick
        compile_models(game, bundle)

    @property
    def settings(self) -> CoordinatorSettings:
        """The settings of the open tick; between two ticks those of the last, until renew() takes others over."""
        return self._settings

    @property
    def next_settings(self) -> CoordinatorSettings:
        """The settings that hold from the next tick on."""
        return self._given_settings or self._settings

    @property
    def most_reports(self) -> int | None:
        """The most reports per tick that the policy can use; None: any number."""
        return self.bundle.pi_g.most_reports

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
        return self._decision_maker.bundle

    @property
    def next_bundle(self) -> PolicyBundle | None:
        """The policies that are announced and not yet in force; None: there are none."""
        return self._next_bundle

    @property
    def estimate(self) -> NDArray[np.float64]:
        """Estimated share of robots per local state [S_l]."""
        return np.asarray(self._decision_maker.model.estimate[0])

    @property
    def sampling_error(self) -> float:
        """Largest standard deviation of an estimated share."""
        return float(self._decision_maker.model.error[0])

    @property
    def belief(self) -> NDArray[np.float64]:
        """Probability of each hidden state [D]; empty in a game without one."""
        return self._decision_maker.belief

    @property
    def complete(self) -> bool:
        """Whether as many robots have answered the open tick as were asked at first."""
        return self._open is not None and len(self._answers) >= self._wanted

    def check(self, *, settings: CoordinatorSettings | None = None, bundle: PolicyBundle | None = None) -> None:
        """Check that change() can take these settings and this policy; see there for what is refused."""
        settings = settings if settings is not None else self.next_settings
        check_model(settings.decision.model, self.game, settings.decision.turnover)
        in_force, temperature = self.bundle, settings.decision.temperature
        coming = next(policy for policy in (bundle, self._next_bundle, in_force) if policy is not None)
        check_bundle(coming, self.game, settings.k, temperature)
        if coming is not in_force:  # until the switch a tick polls no more robots than the policy in force can use
            check_bundle(in_force, self.game, 0, temperature)

    def change(self, *, settings: CoordinatorSettings | None = None, bundle: PolicyBundle | None = None) -> None:
        """Give settings that hold from the next tick that is due, and announce policies that switch() puts in force.

        Announcing the policies that are in force recalls an earlier announcement.

        Raises:
            AltmarlError: the policies, those given or those in use, are for another game or lack what the settings ask for.
        """
        self.check(settings=settings, bundle=bundle)
        if settings is not None:
            self._given_settings = settings
        if bundle is not None:
            if bundle.kind != self.bundle.kind:
                compile_models(self.game, bundle)
            self._next_bundle = None if bundle.policy_id == self.bundle.policy_id else bundle

    def renew(self) -> bool:
        """Take over the settings that were given since the last tick; whether there were any.

        This is the one place where settings take effect. Another seed begins another stream of draws.
        """
        assert self._open is None, "the open tick is not decided yet"
        settings, self._given_settings = self._given_settings, None
        if settings is None:
            return False
        before, self._settings = self._settings, settings
        self.budget.limit = settings.bandwidth_limit
        self.budget.keep_pace(settings.period, settings.answer_time)
        self.roster.max_misses, self.roster.probe_interval = settings.max_misses, settings.probe_interval
        seed = settings.decision.seed
        if seed != before.decision.seed:
            self._rng.bit_generator.state = np.random.default_rng([seed, self.session]).bit_generator.state
        self._decision_maker.follow(settings.decision)
        return True

    def switch(self) -> None:
        """Act by the announced policies from the next tick on; what is known of the robots stays."""
        assert self._next_bundle is not None, "no policy is announced"
        assert self._open is None, "the open tick is not decided yet"
        assert self._given_settings is None, "settings that the policy may need are not taken over yet"
        self._decision_maker.adopt(self._next_bundle)
        self._next_bundle = None
        self._r_pi, self._policy_digest = (
            self.bundle.pi_l.joint_reward(self.game),
            fleet_digest(self.bundle.pi_l, self.game.types),
        )

    def begin(self, now: float = 0.0) -> Tick | None:
        """Open the next tick at monotonic time `now` [s]; one that is still open must be decided first.

        Returns:
            What to broadcast; None, and no tick is open, while the plant's s_g is not known.
        """
        self.renew()
        global_state = self._plant.state
        if global_state is None:
            return None
        self.budget.begin(now)
        k, most = self._settings.k, self.most_reports
        self._k_eff = min(k if most is None else min(k, most), self.budget.room(now))
        polled = self.roster.draw(self._k_eff, self._rng, self._kept())
        self.budget.spend(len(polled), now)
        self._open = Tick(
            self.session,
            self._next_tick,
            self.bundle.policy_id,
            global_state,
            self._last_action,
            polled,
            mark=self.mark,
            policy_digest=self._policy_digest,
            roster=self.roster.claims.next_page(),
        )
        self._answers = {}
        told = self.roster.operated.take_returned().items()
        self._returned = tuple(self._state_of(robot_id, state) for robot_id, state in told if self._may_be(state))
        self._evidence = () if self.inbox is None else self.inbox.take()
        self._wanted = len(polled)
        return self._open

    def stand_by(self) -> None:
        """Leave the open tick undecided."""
        self._open = None
        self._answers = {}

    def resignation(self, secret: int) -> Tick:
        """Return the message that gives the session up; `secret` is that of the pledge."""
        state = self.global_state
        last = max(0, self._next_tick - 1)
        return Tick(self.session, last, self.bundle.policy_id, state or 0, None, (), mark=self.mark, secret=secret)

    def take_over(self, session: int, known: Handover, mark: int = NO_MARK) -> None:
        """Begin a session where another coordinator's ended, as far as that is known; `mark` is of the session's pledge."""
        self.stand_by()
        self._asked.clear()
        self.verdicts.clear()
        self.roster.operated.take_returned()  # the estimate begins without them
        self.session, self.mark, self._next_tick, self._last_action = session, mark, 0, None
        S_g, A_g = self.game.n_global_states, self.game.n_global_actions
        if known.global_state is not None and known.global_state < S_g:
            if known.global_action is not None and known.global_action < A_g:
                self._last_action = known.global_action
            self._plant.resume(known.global_state, self._last_action)
        self._decision_maker.resume(known)

    def backfill(self, now: float = 0.0) -> Tick | None:
        """Poll other robots in place of the silent ones; what to broadcast, None where there are no others.

        The broadcast names the silent ones too, for whom it may be the first that arrives.
        """
        tick = self._open
        assert tick is not None, "no tick is open"
        silent = tuple(robot_id for robot_id in tick.polled if robot_id not in self._answers)
        missing = min(self._wanted - len(self._answers), self.budget.room(now))
        in_place_of = None if self.game.types is None else silent
        others = self.roster.draw_others(missing, self._rng, tick.polled, in_place_of)
        if not others:
            return None
        self.budget.spend(len(others), now)
        self._open = replace(tick, polled=tick.polled + others)
        return replace(tick, polled=silent + others, roster=None)

    def hear(self, report: Report) -> Verdict:
        """Judge a report, which is data from outside, and remember it if it counts."""
        verdict = self._judge(report)
        if verdict is Verdict.ACCEPTED:
            self._answers[report.robot_id] = self._state_of(report.robot_id, report.local_state)
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
        states = self._answers.values()
        types, live = self.game.types, self.roster.live
        action = self._decision_maker.decide(
            tick.session,
            tick.tick,
            tick.global_state,
            states,
            live,
            by_type=None if types is None else self.roster.live_by_type(len(types)),
            returned=self._returned,
            evidence=self._evidence,
        )
        joint = self._decision_maker.joint
        decision = Decision(
            tick=tick,
            k=self._settings.k,
            k_eff=self._k_eff,
            asked=self._wanted,
            heard=len(self._answers),
            rung=int(self._decision_maker.model.rung[0]),
            action=action,
            estimate=self.estimate,
            sampling_error=self.sampling_error,
            belief=tuple(self.belief.tolist()),
            reward=float(self.game.r_g[tick.global_state, action] + joint @ self._r_pi[tick.global_state]),
            suspended=suspended,
            answers=dict(self._answers),
            returned=self._returned,
            evidence=self._evidence,
        )
        self._plant.act(action)
        self._last_action = action
        self._next_tick += 1
        self._asked.append(tick)
        return decision

    def _may_be(self, told: int) -> bool:
        return 0 <= told < self.game.n_places

    def _state_of(self, robot_id: int, told: int) -> int:
        # Robots with types tell where they are; which type they are is known from their hello.
        types = self.game.types
        return told if types is None else self.roster.type_of(robot_id) * types.n_places + told

    def _was_asked(self, report: Report) -> bool:
        # Only an answer to a poll is a sign of life: no other report may keep a robot in the draw.
        return any(report.tick == tick.tick and report.robot_id in tick.polled for tick in self._asked)

    def _kept(self) -> tuple[int, ...]:
        answered = list(self._answers)
        keep = min(kept_robots(self._settings.k, self._decision_maker.model.turnover), len(answered))
        places = self._rng.choice(len(answered), size=keep, replace=False) if keep else ()
        return tuple(answered[place] for place in places)

    def _judge(self, report: Report) -> Verdict:
        if report.session != self.session:
            return Verdict.FOREIGN
        if report.game_tag != self._game_tag:
            return Verdict.WRONG_GAME
        if report.robot_id not in self.roster:
            return Verdict.UNKNOWN
        if not self._may_be(report.local_state):
            return Verdict.OUT_OF_RANGE
        if self._open is None or report.tick != self._open.tick:
            return Verdict.LATE
        if report.robot_id not in self._open.polled:
            return Verdict.NOT_POLLED
        if report.robot_id in self._answers:
            return Verdict.DUPLICATE
        return Verdict.LATE if self.complete else Verdict.ACCEPTED  # a ladder may have no rung for more than were asked


def check_bundle(bundle: PolicyBundle, game: TabularGame, k: int, temperature: float = 0.0) -> None:
    """Check that a bundle is for this game's dynamics, can use k reports, and has values if the temperature needs them.

    Raises:
        AltmarlError: it is not, or has not, with the reason.
    """
    bundle.check_dynamics(game)
    most = bundle.pi_g.most_reports
    if k < 0 or (most is not None and k > most):
        known = "at least 0" if most is None else f"in 0..{most}, the rungs of the policy"
        raise AltmarlError(f"k is {k}, must be {known}")
    if temperature > 0.0:
        check_values(bundle)
