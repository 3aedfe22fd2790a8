"""Who decides, under random delays, losses, copies, cuts, stops and crashes."""

import itertools

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from altmarl_ros.errors import AltmarlError
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.protocol.agent import RobotAgent
from altmarl_ros.protocol.allegiance import Heard
from altmarl_ros.protocol.coordinator import Coordinator
from altmarl_ros.protocol.held_policies import HeldPolicy
from altmarl_ros.protocol.messages import Tick, is_newer
from altmarl_ros.protocol.plant import VirtualPlant
from altmarl_ros.protocol.settings import CoordinatorSettings
from altmarl_ros.protocol.standby import PROBATION, RANKS, Handover, Succession

PERIOD, LEASE, STAGGER = 1.0, 3.0, 0.5
EPOCH = 1_800_000_000.0  # Unix time of `now` = 0 on a right clock
POLICY = LocalPolicy(np.ones((1, 1, 1)))


def tick(session, number=0, mark=0, secret=0):
    return Tick(session, number, 1, 0, None, (), mark=mark, secret=secret)


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
            ours, pledge = self.succession.session, self.succession.pledge
            if self.succession.hear(self.inbox.pop(0), now):
                return tick(ours, max(0, self.next_tick - 1), pledge.mark, pledge.secret)
        if self.succession.due(now):
            self.succession.take_over(EPOCH + now + self.clock_error)
            self.next_tick = 0
        if not self.succession.may_begin(self.next_tick, now):
            return None
        self.next_tick += 1
        return tick(self.succession.session, self.next_tick - 1, self.succession.pledge.mark)


class Coordinators(RuleBasedStateMachine):
    """Three coordinators and two robots on a network that may do anything to a message, and somebody who shouts."""

    robots = 2
    shouts = False

    @initialize(errors=st.tuples(*[st.floats(-50.0, 50.0)] * 3))
    def begin(self, errors):
        self.now = 0.0
        self.errors = errors
        self.nodes = [Node(rank, errors[rank], 0.0, rank > 0) for rank in range(3)]
        self.agents = []
        for robot in range(self.robots):
            self.agents.append(RobotAgent(robot, np.random.default_rng(0), LEASE))
            self.agents[-1].policies.hold(HeldPolicy(1, POLICY, 0))
        self.flying = []  # message, receiver: node 0..2 or robot 3..4
        self.cut = set()  # pairs of node and receiver
        self.acted = [[] for _ in range(self.robots)]  # (session, tick) in order
        self.heard_at = [None] * self.robots  # when each followed a tick last
        self.given_up = [set() for _ in range(self.robots)]  # sessions whose end each heard of
        self.owner = {}  # session: node that ticked in it
        self.copies = itertools.count()

    def step(self, seconds):
        self.now += seconds
        for i, node in enumerate(self.nodes):
            message = node.run(self.now)
            if message is None:
                continue
            if not self.shouts:
                assert self.owner.setdefault(message.session, i) == i, "two coordinators share a session"
            self.flying += [(message, to) for to in range(3 + self.robots) if (i, to) not in self.cut]

    def deliver(self, place):
        message, to = self.flying.pop(place)
        if to < 3:
            self.nodes[to].inbox.append(message)
        else:
            self.deliver_to_robot(message, to - 3)

    def deliver_to_robot(self, message, robot):
        before = self.acted[robot][-1][0] if self.acted[robot] else None
        heard = self.agents[robot].hear(message, self.now)
        if message.secret and message.session == before:
            self.given_up[robot].add(before)
        if heard not in (Heard.NEW, Heard.NEW_SESSION):
            return
        if before not in (None, message.session) and before not in self.given_up[robot]:
            assert self.now - self.heard_at[robot] > LEASE, "a robot left a coordinator that was not silent"
        answer = self.agents[robot].answer(0)
        self.acted[robot].append((answer.tick.session, answer.tick.tick))
        self.heard_at[robot] = self.now

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

    @precondition(lambda self: self.shouts)
    @rule(
        session=st.integers(0, 2**32 - 1), numbers=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=5), data=st.data()
    )
    def shout(self, session, numbers, data):
        if self.owner and data.draw(st.booleans()):
            session = data.draw(st.sampled_from(sorted(self.owner)))
        message = [tick(session, number, mark=data.draw(st.integers(0, 2**64 - 1))) for number in numbers]
        self.flying += [(each, to) for each in message for to in range(3 + self.robots)]

    @rule()
    def heal(self):
        """All is well again: within two leases one decides, and every robot follows it."""
        self.cut.clear()
        for node in self.nodes:
            node.stopped = False
        for _ in range(int((4 * (LEASE + 2 * STAGGER) + 10 * LEASE) / 0.25)):
            while self.flying:
                self.deliver(0)
            self.step(0.25)
        while self.flying:
            self.deliver(0)
        deciding = [node for node in self.nodes if node.succession.session is not None]
        assert len(deciding) == 1
        for agent in self.agents:
            assert agent.allegiance.session == deciding[0].succession.session
            assert agent.allegiance.heard_within(1.5 * PERIOD, self.now)

    @invariant()
    def no_robot_acts_twice_on_a_tick(self):
        for acted in getattr(self, "acted", ()):
            assert len(set(acted)) == len(acted)

    @invariant()
    def every_robot_acts_in_the_order_of_the_ticks_of_a_session(self):
        for acted in getattr(self, "acted", ()):
            for (session, number), (later, later_number) in itertools.pairwise(acted):
                assert later != session or later_number > number


class WithShouters(Coordinators):
    """Somebody ticks in sessions of any number, those of the coordinators included."""

    shouts = True


TestCoordinators = Coordinators.TestCase
TestCoordinators.settings = settings(
    max_examples=settings.default.max_examples * 4 // 5, stateful_step_count=40, deadline=None, derandomize=True
)
TestWithShouters = WithShouters.TestCase
TestWithShouters.settings = TestCoordinators.settings
TestWithShouters.pytestmark = pytest.mark.slow


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


def shout(listener, session, count, start=10.0, **options):
    """Whether a coordinator gave way to a rival that ticked so often, once a period, while it ticked itself."""
    gave_way = []
    for number in range(count):
        listener.may_begin(number, start + number)
        gave_way.append(listener.hear(tick(session, number, **options), start + number + 0.5))
    return any(gave_way)


def test_of_two_that_go_on_deciding_the_one_with_the_older_session_stands_by_after_a_lease():
    old, new = deciding(0), deciding(1, 10.0)
    assert not shout(new, old.session, 20)
    assert new.session is not None
    assert not shout(old, new.session, int(LEASE))
    assert shout(old, new.session, 5, start=13.0)
    assert old.session is None
    assert not old.may_begin(5, 18.0)


@pytest.mark.parametrize("session", [0, 1, 2**31, 2**32 - 1])
def test_one_packet_replaces_nobody(session):
    for succession in (deciding(0), deciding(0, alone=True)):
        assert succession.may_begin(0, 0.0)
        assert not succession.hear(tick(session, 2**32 - 1), 0.1)
        assert succession.may_begin(1, 1.0)


def test_a_rival_that_fewer_robots_answer_replaces_nobody():
    ours = deciding(0)
    newer = (ours.session + 8) % 2**32
    for number in range(30):
        assert ours.may_begin(number, float(number))
        ours.heard_report(ours.session, 5, number + 0.1)
        assert not ours.hear(tick(newer, number), number + 0.5)
    for number in range(30, 60):  # the robots have gone over to the other
        ours.may_begin(number, float(number))
        ours.heard_report(newer, 5, number + 0.1)
        if ours.hear(tick(newer, number), number + 0.5):
            break
    assert ours.session is None
    assert number < 30 + 2 * LEASE


def test_its_own_ticks_are_no_rival():
    succession = deciding()
    for number in range(30):
        assert succession.may_begin(number, float(number))
        assert not succession.hear(tick(succession.session, number, succession.pledge.mark), float(number))
    assert succession.session is not None
    assert succession.rivals.newest(29.0) is None


def test_who_repeats_the_session_with_numbers_of_its_own_replaces_nobody():
    succession = deciding()
    for number in range(50):
        succession.may_begin(number, float(number))
        succession.heard_report(succession.session, 3, number + 0.1)
        assert not succession.hear(tick(succession.session, 2**31 + number), number + 0.5)
    assert succession.session is not None


def test_a_standby_is_not_kept_away_by_one_that_shouts_while_the_other_decides():
    standby = Succession(1, LEASE, STAGGER, 0.0)
    for number in range(5):
        standby.hear(tick(160, number), float(number))
        standby.hear(tick(2**31, number), number + 0.1)
    assert standby.newest.session == 160
    assert standby.due(4.0 + LEASE + STAGGER)
    assert is_newer(2**31, standby.take_over(EPOCH)), "a shouted number is nothing to be newer than"


def test_a_standby_takes_over_at_once_when_the_other_gives_its_session_up():
    first, standby = deciding(0), Succession(1, LEASE, STAGGER, 0.0)
    for number in range(3):
        standby.hear(tick(first.session, number, first.pledge.mark), float(number))
    standby.hear(tick(first.session, 2, first.pledge.mark, secret=12345), 2.1)
    assert not standby.due(2.1 + STAGGER)
    standby.hear(tick(first.session, 2, first.pledge.mark, first.pledge.secret), 2.1)
    assert standby.due(2.1 + STAGGER)


@pytest.mark.parametrize("its_first", [5, 1000])
def test_who_comes_second_without_a_part_in_a_succession_ends_and_the_first_does_not(its_first):
    first, second = deciding(0, alone=True), deciding(0, 100.0, alone=True)
    assert shout(second, first.session, 3, start=100.0) or shout(second, first.session, 10, start=100.0)
    first.may_begin(its_first, 0.0)
    for number in range(50):
        first.may_begin(its_first + number, 100.0 + number)
        assert not first.hear(tick(second.session, number), 100.5 + number)


def test_who_comes_second_ends_although_its_clock_is_behind():
    first, second = deciding(0, 1000.0, alone=True), deciding(0, alone=True)
    assert is_newer(first.session, second.session)
    second.may_begin(0, 0.0)
    second.may_begin(1, 1.0)
    assert [second.hear(tick(first.session, 500 + n), 0.5 * n) for n in range(3)] == [False, False, True]


def test_of_two_that_begin_at_the_same_moment_the_one_with_the_newer_session_ends():
    elder, younger = deciding(0, alone=True), deciding(0, 1.0, alone=True)
    outcome = {}
    for number in range(4):
        for one, other in ((elder, younger), (younger, elder)):
            if one.session is not None and one.may_begin(number, float(number)):
                said = tick(one.session, number, one.pledge.mark)
                outcome[id(other)] = outcome.get(id(other), False) or other.hear(said, number + 0.1)
    assert not outcome[id(elder)]
    assert outcome[id(younger)]
    assert elder.session is not None


def test_two_that_took_the_same_session_notice_each_other():
    one, other = deciding(0, alone=True), deciding(0, alone=True)
    assert one.session == other.session
    gave_way = set()
    for number in range(4):
        one.may_begin(number, float(number))
        other.may_begin(number, float(number))
        for ours, theirs in ((one, other), (other, one)):
            if ours.session is not None and ours.hear(
                tick(theirs.session or one.session, number, theirs.pledge.mark), number + 0.1
            ):
                gave_way.add(id(ours))
    assert len(gave_way) == 1


def test_without_a_part_in_a_succession_nobody_is_replaced_later():
    first = deciding(0, alone=True)
    first.may_begin(0, 0.0)
    assert not shout(first, (first.session + 1) % 2**32, 100, start=PROBATION + 5.0)
    assert first.rivals.newest(PROBATION + 104.9).session == (first.session + 1) % 2**32


def test_one_whose_numbers_are_forged_begins_another_session_once_no_robot_answers():
    succession = deciding(0, alone=True)
    mark = succession.pledge.mark
    for number in range(20):
        succession.may_begin(number, float(number))
        succession.heard_report(succession.session, 3, number + 0.1)
        assert not succession.is_drowned(number + 0.2)
        succession.hear(tick(succession.session, 10_000 + number, mark), number + 0.3)
    assert not succession.is_drowned(20.0)
    assert succession.is_drowned(19.3 + PROBATION + 0.1)
    before = succession.session
    assert is_newer(succession.take_over(EPOCH), before)
    assert not succession.is_drowned(40.0)


def test_one_that_was_stopped_for_a_lease_listens_first():
    succession = deciding()
    assert succession.may_begin(0, 0.0)
    assert succession.may_begin(1, LEASE)
    before = succession.session
    assert not succession.may_begin(2, 2 * LEASE + 0.1)
    assert not succession.due(3 * LEASE)
    assert succession.due(3 * LEASE + 0.1)
    assert is_newer(succession.take_over(EPOCH), before)


def test_of_two_with_the_same_rank_one_gives_way():
    one, other = deciding(1), deciding(1)
    session = one.session
    assert session == other.session
    yielded = [shout(mine, session, 5, mark=theirs) for mine, theirs in ((one, other.pledge.mark), (other, one.pledge.mark))]
    assert sorted(yielded) == [False, True]


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
