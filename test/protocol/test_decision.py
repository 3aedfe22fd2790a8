"""What decisions depend on, changed while a fleet runs."""

from dataclasses import replace

import numpy as np
import pytest

from altmarl_ros.errors import BundleError
from altmarl_ros.observation import MODEL_NAMES
from altmarl_ros.protocol.budget import WINDOW, BandwidthBudget
from altmarl_ros.protocol.decision import DecisionMaker
from altmarl_ros.protocol.settings import DecisionSettings
from altmarl_ros.protocol.standby import Handover

SOFT = DecisionSettings("fresh", temperature=5.0, seed=3)


def decisions(decision_maker, ticks, session=7):
    rng = np.random.default_rng(0)
    return [decision_maker.decide(session, t, int(rng.integers(5)), rng.integers(5, size=3), 100) for t in range(ticks)]


def test_what_old_records_lack_has_its_default():
    assert DecisionSettings.from_parameters({}) == DecisionSettings()
    given = {"sampling.model": "sticky", "sampling.turnover": 0.5, "policy.temperature": 2.0, "sampling.seed": 9, "other": 1}
    assert DecisionSettings.from_parameters(given) == DecisionSettings("sticky", 0.5, 2.0, 9)


def test_draws_by_temperature_come_again(warehouse, small_bundle):
    first, again = (decisions(DecisionMaker(warehouse, small_bundle, SOFT), 200) for _ in range(2))
    assert first == again
    other = decisions(DecisionMaker(warehouse, small_bundle, replace(SOFT, seed=4)), 200)
    greedy = decisions(DecisionMaker(warehouse, small_bundle, replace(SOFT, temperature=0.0)), 200)
    assert sum(a != b for a, b in zip(first, other, strict=True)) > 20
    assert sum(a != b for a, b in zip(first, greedy, strict=True)) > 20
    assert first != decisions(DecisionMaker(warehouse, small_bundle, SOFT), 200, session=8)


def test_another_model_goes_on_from_the_estimate(warehouse, small_bundle):
    decision_maker = DecisionMaker(warehouse, small_bundle, DecisionSettings("filtered"))
    decisions(decision_maker, 20)
    known, error = decision_maker.model.estimate.copy(), decision_maker.model.error.copy()
    decision_maker.follow(DecisionSettings("fresh"))
    np.testing.assert_allclose(decision_maker.model.estimate, 0.2)  # it remembers nothing
    decision_maker = DecisionMaker(warehouse, small_bundle, DecisionSettings("filtered"))
    decisions(decision_maker, 20)
    decision_maker.follow(replace(decision_maker.settings, temperature=1.0))
    np.testing.assert_array_equal(decision_maker.model.estimate, known)
    assert decision_maker.model.error == error


@pytest.mark.parametrize("before", MODEL_NAMES)
@pytest.mark.parametrize("after", MODEL_NAMES)
def test_any_model_follows_any_other_as_if_it_had_been_handed_over(warehouse, small_bundle, before, after):
    decision_maker = DecisionMaker(warehouse, small_bundle, DecisionSettings(before))
    decision_maker.decide(7, 0, 2, [1, 1, 3], 50)
    told = Handover(None, None, 2, tuple(decision_maker.model.estimate[0]), float(decision_maker.model.error[0]))
    decision_maker.follow(DecisionSettings(after, turnover=0.3))
    if before == after != "sticky":
        return
    fresh = DecisionMaker(warehouse, small_bundle, DecisionSettings(after, turnover=0.3))
    fresh.resume(told)
    np.testing.assert_allclose(decision_maker.model.estimate, fresh.model.estimate)
    assert decision_maker.decide(7, 1, 4, [0, 3], 50) == fresh.decide(7, 1, 4, [0, 3], 50)


def test_a_temperature_needs_values(warehouse, small_bundle, make_coordinator):
    bare = replace(small_bundle, pi_g=replace(small_bundle.pi_g, values=None))
    with pytest.raises(BundleError, match="has no values"):
        DecisionMaker(warehouse, bare, SOFT)
    coordinator = make_coordinator()
    coordinator.change(settings=replace(coordinator.settings, decision=SOFT))
    with pytest.raises(BundleError, match="has no values"):
        coordinator.change(bundle=bare)


def test_another_seed_draws_other_robots(make_coordinator):
    def polled(seed):
        coordinator = make_coordinator()
        for robot_id in range(50):
            coordinator.roster.join(robot_id, "")
        decision = replace(coordinator.settings.decision, seed=seed)
        coordinator.change(settings=replace(coordinator.settings, decision=decision))
        drawn = []
        for _ in range(10):
            drawn.append(coordinator.begin().polled)
            coordinator.decide()
        return drawn

    assert polled(5) == polled(5)
    assert polled(5) != polled(6)


def test_a_budget_holds_over_a_change_of_pace():
    """2 kB/s while ticks come every 0.5 s, then 0.05 s, then 1 s: never more over any window."""
    budget = BandwidthBudget(2000.0, 0.5, 0.4)
    now, polls = 0.0, []
    for period in (0.5, 0.05, 1.0):
        budget.keep_pace(period, 0.8 * period)
        for _ in range(int(12 / period)):
            budget.begin(now)
            room = min(budget.room(now), 100)
            budget.spend(room, now)
            polls.append((now, room))
            now += period
    for start, _ in polls:
        assert 194 * sum(n for t, n in polls if start <= t < start + WINDOW) <= 2000.0 * WINDOW
    assert sum(n for _, n in polls) * 194 > 0.75 * 2000.0 * now
