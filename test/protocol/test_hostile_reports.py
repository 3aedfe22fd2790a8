"""Reports are data from outside: whatever comes besides the answers that were asked for changes nothing."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from altmarl_ros.games import load_game
from altmarl_ros.observation import MODEL_NAMES
from altmarl_ros.protocol.coordinator import Coordinator
from altmarl_ros.protocol.messages import Report, Verdict, game_tag
from altmarl_ros.protocol.settings import CoordinatorSettings, DecisionSettings
from altmarl_ros.protocol.standby import Handover
from altmarl_ros.simulation.markov_world import MarkovWorld

SESSION, ROBOTS, TICKS = 77, 12, 40
TAG = game_tag(load_game("warehouse").content_hash)
EXAMPLES, LEAST_PER_TICK = 66, 40  # 66 * 40 ticks * 40 > 100 000

u32 = st.integers(0, 2**32 - 1)
u16 = st.integers(0, 2**16 - 1)
known, states = st.integers(0, ROBOTS - 1), st.integers(0, 4)
tag = st.just(TAG) | u16

HOSTILE = {
    "another session": st.builds(Report, u32.filter(lambda s: s != SESSION), st.integers(0, TICKS), known, states, tag),
    "wrong game": st.builds(Report, st.just(SESSION), st.integers(0, TICKS), known, states, u16.filter(lambda t: t != TAG)),
    "unknown robot": st.builds(Report, st.just(SESSION), st.integers(0, TICKS), st.integers(ROBOTS, 2**32 - 1), states, tag),
    "out of range": st.builds(Report, st.just(SESSION), st.integers(0, TICKS), known, st.integers(5, 2**16 - 1), tag),
    "wrong tick": st.builds(Report, st.just(SESSION), st.integers(TICKS, 2**32 - 1), known, states, tag),
    "anything": st.builds(Report, u32.filter(lambda s: s != SESSION), u32, u32, u16, u16),
}


class Play:
    """A coordinator whose robots sometimes stay silent, and what it did."""

    def __init__(self, game, bundle, model, seed):
        settings = CoordinatorSettings(k=3, decision=DecisionSettings(model), max_misses=2, probe_interval=4)
        self.coordinator = Coordinator(game, bundle, settings, np.random.default_rng([seed, 0]), session=SESSION)
        for robot_id in range(ROBOTS):
            self.coordinator.roster.join(robot_id, "")
        self._answers = np.random.default_rng([seed, 1])
        self.history = []

    def tick(self, hostile=None):
        """One tick; `hostile(tick, answered)` gives the reports to hear before and after each genuine one."""
        core = self.coordinator
        tick = core.begin()
        answered = []
        for robot_id in tick.polled:
            silent, state = self._answers.random() < 0.2, int(self._answers.integers(5))
            self.disturb(hostile, tick, answered)
            if not silent and not core.complete:
                assert core.hear(Report(SESSION, tick.tick, robot_id, state, TAG)) is Verdict.ACCEPTED
                answered.append(robot_id)
        self.disturb(hostile, tick, answered)
        decision = core.decide()
        self.history.append((tick, decision.action, decision.heard, tuple(decision.answers.items()), decision.suspended))

    def disturb(self, hostile, tick, answered):
        if hostile is not None:
            for report in hostile(tick, answered):
                assert self.coordinator.hear(report) is not Verdict.ACCEPTED


def per_tick(reports, rng):
    """Draws from `reports`, with duplicates of this tick's answers and reports of robots that were not polled."""

    def hostile(tick, answered):
        chosen = [reports[i] for i in rng.integers(len(reports), size=LEAST_PER_TICK // 3)]
        others = [robot_id for robot_id in range(ROBOTS) if robot_id not in tick.polled]
        chosen += [Report(SESSION, tick.tick, robot_id, int(rng.integers(5)), TAG) for robot_id in answered[:2]]
        chosen += [Report(SESSION, tick.tick, int(rng.choice(others)), int(rng.integers(5)), TAG) for _ in range(2)]
        return chosen

    return hostile


@pytest.mark.parametrize("model", [pytest.param(name, marks=[pytest.mark.slow] * (name != "filtered")) for name in MODEL_NAMES])
@settings(max_examples=EXAMPLES // len(MODEL_NAMES), phases=(Phase.generate,))  # a failure need not be shrunk for minutes
@given(data=st.data(), seed=st.integers(0, 2**16))
def test_hostile_reports_change_no_decision_and_no_draw(warehouse, small_bundle, model, data, seed):
    reports = [report for kind in HOSTILE.values() for report in data.draw(st.lists(kind, min_size=2, max_size=6))]
    alone, disturbed = (Play(warehouse, small_bundle, model, seed) for _ in range(2))
    hostile = per_tick(reports, np.random.default_rng(seed))
    for _ in range(TICKS):
        alone.tick()
        disturbed.tick(hostile)
    assert disturbed.history == alone.history
    assert sum(disturbed.coordinator.verdicts.values()) - sum(alone.coordinator.verdicts.values()) > TICKS * LEAST_PER_TICK


def test_a_late_answer_is_a_sign_of_life_and_a_made_up_one_is_not(make_coordinator):
    coordinator = make_coordinator(robots=1, k=1, max_misses=1)
    coordinator.begin()
    assert coordinator.decide().suspended == (0,)
    for tick in (1, 2, 999):
        assert coordinator.hear(Report(SESSION, tick, 0, 1, TAG)) is Verdict.LATE
        assert coordinator.roster.live == 0
    assert coordinator.hear(Report(SESSION, 0, 0, 1, TAG)) is Verdict.LATE
    assert coordinator.roster.live == 1


@pytest.mark.slow
def test_memory_stays_flat_under_a_hundred_thousand_reports(warehouse, small_bundle):
    rng = np.random.default_rng(3)
    play = Play(warehouse, small_bundle, "filtered", 0)

    def flood(count):
        play.coordinator.begin()
        for session, tick, robot_id, state in rng.integers(2**32, size=(count, 4)).tolist():
            play.coordinator.hear(Report((SESSION, session)[tick % 2], tick, robot_id, state % 2**16, TAG))
        play.coordinator.decide()

    tracemalloc.start()
    try:
        flood(1_000)
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(10):
            flood(10_000)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 20_000  # bytes; one report remembered per hundred would be more
    assert len(play.coordinator.roster) == ROBOTS


def test_a_world_forgets_commands_of_made_up_ticks(warehouse):
    world = MarkovWorld(warehouse, 0)
    for robot_id in range(3):
        world.join(robot_id)
    world.hear_tick(SESSION, 0)
    truths = 0
    for tick in range(2_000):
        world.command(SESSION, 1_000 + 7 * tick, tick % 3, 0, 0)
        truths += len(world.closed_ticks())
        assert len(world._records) <= 17
    assert truths >= 1_900


def test_a_world_follows_the_newest_session_until_it_falls_silent(warehouse):
    world = MarkovWorld(warehouse, 0)
    for robot_id in range(2):
        world.join(robot_id)
    world.hear_tick(SESSION, 5)
    world.command(SESSION, 5, 0, 0, 0)
    world.hear_tick(SESSION - 1, 900)
    assert world.closed_ticks() == []
    world.command(SESSION, 5, 1, 0, 0)
    (truth,) = world.closed_ticks()
    assert truth.actions == (1, 1)
    world.closed_ticks(final=True)
    world.hear_tick(SESSION - 1, 0)
    world.command(SESSION - 1, 0, 0, 0, 0)
    world.command(SESSION - 1, 0, 1, 0, 0)
    assert [(t.session, t.tick) for t in world.closed_ticks()] == [(SESSION - 1, 0)]


def test_an_answer_to_another_session_is_no_sign_of_life(make_coordinator):
    coordinator = make_coordinator(robots=1, k=1, max_misses=1)
    coordinator.begin()
    assert coordinator.decide().suspended == (0,)
    coordinator.take_over(SESSION + 1, Handover())
    assert coordinator.hear(Report(SESSION + 1, 0, 0, 1, TAG)) is Verdict.LATE
    assert coordinator.roster.live == 0
