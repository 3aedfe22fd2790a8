"""Who decides, under random delays, losses, copies, cuts, stops and crashes."""

import itertools

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from altmarl_ros.errors import AltmarlError
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.protocol.agent import Heard, RobotAgent
from altmarl_ros.protocol.coordinator import Coordinator
from altmarl_ros.protocol.held_policies import HeldPolicy
from altmarl_ros.protocol.messages import Tick, is_newer
from altmarl_ros.protocol.plant import VirtualPlant
from altmarl_ros.protocol.settings import CoordinatorSettings
from altmarl_ros.protocol.standby import RANKS, Handover, Succession

PERIOD, LEASE, STAGGER = 1.0, 3.0, 0.5
EPOCH = 1_800_000_000.0  # Unix time of `now` = 0 on a right clock
POLICY = LocalPolicy(np.ones((1, 1, 1)))


def tick(session, number=0):
    return Tick(session, number, 1, 0, None, ())


class Node:
    """A coordinator as its shell runs it: ticks once per period, checks the lease, hears."""

    def __init__(self, rank, clock_error, now, standby):
        self.succession = Succession(rank, LEASE, STAGGER, now, patience=None if standby else 0.0)
        self.clock_error = clock_error
        self.next_tick = 0
        self.due = now
        self.stopped = False
        self.inbox = []

    def run(self, now):
        """What it broadcasts now, if anything."""
        if self.stopped or now < self.due:
            return None
        self.due = now + PERIOD
        while self.inbox:
            self.succession.hear(self.inbox.pop(0), now)
        if self.succession.due(now):
            self.succession.take_over(EPOCH + now + self.clock_error)
            self.next_tick = 0
        if not self.succession.may_begin(self.next_tick, now):
            return None
        self.next_tick += 1
        return tick(self.succession.session, self.next_tick - 1)


class Coordinators(RuleBasedStateMachine):
    """Three coordinators and two robots on a network that may do anything to a message but forge it."""

    robots = 2
    silence = np.inf

    @initialize(errors=st.tuples(*[st.floats(-50.0, 50.0)] * 3))
    def begin(self, errors):
        self.now = 0.0
        self.errors = errors
        self.nodes = [Node(rank, errors[rank], 0.0, rank > 0) for rank in range(3)]
        self.agents = []
        for robot in range(self.robots):
            self.agents.append(RobotAgent(robot, np.random.default_rng(0), self.silence))
            self.agents[-1].policies.hold(HeldPolicy(1, POLICY, 0))
        self.flying = []  # message, receiver: node 0..2 or robot 3..4
        self.cut = set()  # pairs of node and receiver
        self.acted = [[] for _ in range(self.robots)]  # (session, tick) in order
        self.owner = {}  # session: node that ticked in it
        self.copies = itertools.count()

    def step(self, seconds):
        self.now += seconds
        for i, node in enumerate(self.nodes):
            message = node.run(self.now)
            if message is None:
                continue
            assert self.owner.setdefault(message.session, i) == i, "two coordinators share a session"
            self.flying += [(message, to) for to in range(3 + self.robots) if (i, to) not in self.cut]

    def deliver(self, place):
        message, to = self.flying.pop(place)
        if to < 3:
            self.nodes[to].inbox.append(message)
        elif self.agents[to - 3].hear(message, self.now) in (Heard.NEW, Heard.NEW_SESSION):
            answer = self.agents[to - 3].answer(0)
            self.acted[to - 3].append((answer.tick.session, answer.tick.tick))

    @rule(seconds=st.floats(0.05, 2.0))
    def wait(self, seconds):
        self.step(seconds)

    @precondition(lambda self: self.flying)
    @rule(data=st.data(), count=st.integers(1, 6))
    def arrive(self, data, count):
        for _ in range(min(count, len(self.flying))):
            self.deliver(data.draw(st.integers(0, len(self.flying) - 1)))

    @precondition(lambda self: self.flying)
    @rule(data=st.data())
    def lose(self, data):
        self.flying.pop(data.draw(st.integers(0, len(self.flying) - 1)))

    @precondition(lambda self: self.flying)
    @rule(data=st.data())
    def copy(self, data):
        self.flying.append(self.flying[data.draw(st.integers(0, len(self.flying) - 1))])

    @rule(node=st.integers(0, 2), to=st.integers(0, 4))
    def cut_or_mend(self, node, to):
        if node != to:
            self.cut ^= {(node, to)}

    @rule(node=st.integers(0, 2))
    def stop_or_continue(self, node):
        self.nodes[node].stopped ^= True

    @rule(node=st.integers(0, 2))
    def crash_and_start(self, node):
        # A start comes at least RANKS tenths of a second after the last: processes are no faster.
        self.now += 0.1 * RANKS
        self.nodes[node] = Node(node, self.errors[node], self.now, standby=True)

    @rule()
    def heal(self):
        """All is well again: within two leases one decides, and every robot follows it."""
        self.cut.clear()
        for node in self.nodes:
            node.stopped = False
        for _ in range(int(4 * (LEASE + 2 * STAGGER) / 0.25)):
            while self.flying:
                self.deliver(0)
            self.step(0.25)
        while self.flying:
            self.deliver(0)
        deciding = [node for node in self.nodes if node.succession.session is not None]
        assert len(deciding) == 1
        for agent in self.agents:
            assert agent.hear(tick(deciding[0].succession.session, deciding[0].next_tick + 1000), self.now) is Heard.NEW
            assert agent.answer(0) is not None
            deciding[0].next_tick += 1001

    @invariant()
    def no_robot_acts_twice_on_a_tick(self):
        for acted in getattr(self, "acted", ()):
            assert len(set(acted)) == len(acted)

    @invariant()
    def every_robot_acts_in_the_order_of_sessions(self):
        if self.silence < np.inf:
            return
        for acted in getattr(self, "acted", ()):
            for (session, number), (later, later_number) in itertools.pairwise(acted):
                assert is_newer(later, session) or (later == session and later_number > number)


class WithImpatientRobots(Coordinators):
    """Robots that go back to an older session when theirs is silent, still never act twice on a tick."""

    silence = 2.0


TestCoordinators = Coordinators.TestCase
TestCoordinators.settings = settings(max_examples=40, stateful_step_count=40, deadline=None, derandomize=True)
TestWithImpatientRobots = WithImpatientRobots.TestCase
TestWithImpatientRobots.settings = TestCoordinators.settings


def deciding(rank=0, now=0.0, **options):
    succession = Succession(rank, LEASE, STAGGER, now, **options)
    succession.take_over(EPOCH + now)
    return succession


def test_takes_over_after_a_lease_of_silence_and_not_before():
    standby = Succession(1, LEASE, STAGGER, 0.0)
    for number in range(5):
        standby.hear(tick(160, number), float(number))
    assert not standby.due(4.0 + LEASE + STAGGER - 0.01)
    assert standby.due(4.0 + LEASE + STAGGER)
    assert is_newer(standby.take_over(EPOCH), 160)
    assert not standby.due(100.0)


def test_a_lease_begins_anew_when_nobody_could_decide():
    succession = Succession(1, LEASE, STAGGER, 0.0)
    succession.hear(tick(100), 0.0)
    for now in np.arange(0.0, 20.0, 0.25):
        succession.postpone(now)
        assert not succession.due(now)
    assert not succession.due(now + LEASE + STAGGER - 0.01)
    assert succession.due(now + LEASE + STAGGER)


def test_postponing_never_hastens():
    succession = Succession(1, LEASE, STAGGER, 0.0, patience=50.0)
    succession.postpone(1.0)
    assert not succession.due(49.9)
    assert succession.due(50.0)


def test_a_repeated_tick_is_no_sign_of_life():
    standby = Succession(1, LEASE, STAGGER, 0.0)
    for now in (0.0, 2.0, 3.4):
        standby.hear(tick(160, 7), now)
    assert standby.due(LEASE + STAGGER)


def test_the_new_session_is_newer_even_if_the_clock_is_behind():
    standby = Succession(1, LEASE, STAGGER, 0.0)
    standby.hear(tick(4_000_000_000), 0.0)
    assert is_newer(standby.take_over(EPOCH - 1e8), 4_000_000_000)


def test_lower_ranks_go_first_and_higher_ones_hear_them():
    first, second = Succession(1, LEASE, STAGGER, 0.0), Succession(2, LEASE, STAGGER, 0.0)
    now = LEASE + STAGGER
    assert first.due(now)
    assert not second.due(now)
    second.hear(tick(first.take_over(EPOCH)), now + 0.1)
    assert not second.due(LEASE + 2 * STAGGER)


def test_sessions_of_different_ranks_taken_at_the_same_time_differ():
    sessions = {deciding(rank).session for rank in range(RANKS)}
    assert len(sessions) == RANKS


def test_a_newer_session_makes_the_old_one_stand_by_and_an_older_one_does_not():
    old, new = deciding(0), deciding(1, 10.0)
    assert not new.hear(tick(old.session), 11.0)
    assert new.session is not None
    assert old.hear(tick(new.session), 11.0)
    assert old.session is None
    assert not old.may_begin(5, 11.0)


def test_its_own_ticks_are_no_rival():
    succession = deciding()
    for number in range(3):
        assert succession.may_begin(number, float(number))
        assert not succession.hear(tick(succession.session, number), float(number))
    assert succession.session is not None


def test_one_that_was_stopped_for_a_lease_listens_first():
    succession = deciding()
    assert succession.may_begin(0, 0.0)
    assert succession.may_begin(1, LEASE)
    before = succession.session
    assert not succession.may_begin(2, 2 * LEASE + 0.1)
    assert not succession.due(3 * LEASE)
    assert succession.due(3 * LEASE + 0.1)
    assert is_newer(succession.take_over(EPOCH), before)


def test_of_two_with_the_same_rank_the_one_behind_gives_way():
    ahead, behind = deciding(1), deciding(1)
    assert ahead.session == behind.session
    ahead.may_begin(0, 0.0)
    assert behind.hear(tick(ahead.session, 0), 0.1)
    assert behind.session is None


@pytest.mark.parametrize("rank", [-1, RANKS])
def test_a_rank_outside_the_order_is_refused(rank):
    with pytest.raises(AltmarlError, match=f"rank of a coordinator is {rank}"):
        Succession(rank, LEASE, STAGGER, 0.0)


ESTIMATE = (0.1, 0.2, 0.3, 0.4, 0.0)


@pytest.fixture
def successor(warehouse, small_bundle):
    plant = VirtualPlant(warehouse, np.random.default_rng(1), 0)
    return Coordinator(warehouse, small_bundle, CoordinatorSettings(k=3), np.random.default_rng(0), plant=plant)


def test_goes_on_from_the_decision_that_was_heard(warehouse, successor):
    coordinator = successor
    states = []
    for _ in range(300):
        coordinator.take_over(9, Handover(2, 4, 2, ESTIMATE, 0.05))
        first = coordinator.begin()
        states.append(first.global_state)
        assert (first.session, first.tick, first.global_action) == (9, 0, 4)
    expected = warehouse.P_g[2, 4]
    shares = np.bincount(states, minlength=5) / len(states)
    assert (np.abs(shares - expected) <= 4.5 * np.sqrt(expected * (1 - expected) / len(states)) + 1e-12).all()
    np.testing.assert_allclose(coordinator.estimate, ESTIMATE)
    assert coordinator.sampling_error == pytest.approx(0.05)


def test_repeats_the_global_state_whose_decision_was_not_heard(successor):
    coordinator = successor
    coordinator.take_over(9, Handover(3, None, 2, ESTIMATE, 0.05))
    assert (coordinator.begin().global_state, coordinator.next_tick) == (3, 0)
    np.testing.assert_allclose(coordinator.estimate, ESTIMATE)


@pytest.mark.parametrize(
    "known",
    [
        Handover(),
        Handover(99, 4, 99, ESTIMATE, 0.05),
        Handover(0, 99, 2, (0.5, 0.5), 0.05),
        Handover(0, None, 2, (np.nan, 1.0, 0.0, 0.0, 0.0), 0.05),
        Handover(0, None, 2, (0.9, 0.9, 0.0, 0.0, 0.0), 0.05),
        Handover(0, None, 2, (-1.0, 2.0, 0.0, 0.0, 0.0), 0.05),
        Handover(0, None, 2, ESTIMATE, np.inf),
    ],
)
def test_what_cannot_be_a_state_or_an_estimate_is_not_taken_over(successor, known):
    coordinator = successor
    before = coordinator.estimate.copy()
    coordinator.take_over(9, known)
    assert coordinator.begin().global_state == 0
    np.testing.assert_array_equal(coordinator.estimate, before)
