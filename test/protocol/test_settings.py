"""Settings that are given while a tick is open hold from the next one on, all together."""

from dataclasses import fields, replace

import numpy as np
import pytest

from altmarl_ros.errors import AltmarlError
from altmarl_ros.policies import Ladder
from altmarl_ros.protocol.budget import REPORT_WIRE_BYTES
from altmarl_ros.protocol.messages import Report, game_tag
from altmarl_ros.protocol.settings import DECISION_PARAMETERS, TICK_PARAMETERS, CoordinatorSettings, DecisionSettings

SESSION = 77


def test_settings_are_what_parameters_say_and_old_records_lack():
    assert CoordinatorSettings.from_parameters({}) == CoordinatorSettings()
    given = {"sampling.k": 9, "tick.period": 0.25, "paused": True, "sampling.model": "sticky", "another.parameter": 1}
    settings = CoordinatorSettings.from_parameters(given)
    assert settings == CoordinatorSettings(k=9, period=0.25, paused=True, decision=DecisionSettings("sticky"))


def test_every_field_has_its_parameter():
    assert set(DECISION_PARAMETERS) == {field.name for field in fields(DecisionSettings)}
    assert set(TICK_PARAMETERS) == {field.name for field in fields(CoordinatorSettings)} - {"decision"}


def test_times_follow_from_period_and_shares():
    settings = CoordinatorSettings(period=2.0, deadline=0.75, backfill=0.2)
    assert (settings.answer_time, settings.backfill_interval) == pytest.approx((1.5, 0.3))


@pytest.mark.parametrize(("before", "after"), [(3, 1), (1, 3)])
def test_k_that_is_set_in_the_middle_of_a_tick_waits_for_the_next_one(make_coordinator, before, after):
    coordinator = make_coordinator(k=before)
    assert len(coordinator.begin().polled) == before
    coordinator.change(settings=replace(coordinator.settings, k=after))
    assert (coordinator.settings.k, coordinator.next_settings.k) == (before, after)
    decision = coordinator.decide()
    assert (decision.k, decision.k_eff, decision.asked) == (before, before, before)
    assert len(coordinator.begin().polled) == after
    decision = coordinator.decide()
    assert (decision.k, decision.k_eff, decision.asked) == (after, after, after)


def test_an_open_tick_is_the_same_with_and_without_settings_for_the_next_one(make_coordinator, warehouse):
    """Everything changes at once in the middle of a tick; the tick is polled, decided and accounted for as if nothing had."""
    other = CoordinatorSettings(
        k=1,
        decision=DecisionSettings("filtered", 1.0, 9.0, 5),
        bandwidth_limit=1.0,
        max_misses=1,
        probe_interval=1,
        paused=True,
    )

    def tick(change):
        coordinator = make_coordinator()
        first = coordinator.begin()
        if change:
            coordinator.change(settings=other)
        coordinator.hear(Report(SESSION, 0, first.polled[0], 2, game_tag(warehouse.content_hash)))
        second, decision = coordinator.backfill(), coordinator.decide()
        assert coordinator.settings == make_coordinator().settings
        account = {field.name: getattr(decision, field.name) for field in fields(decision) if field.name != "estimate"}
        return coordinator, (first, second, account, decision.estimate.tolist())

    plain, changed = tick(False), tick(True)
    assert changed[1] == plain[1]
    coordinator = changed[0]
    assert coordinator.renew()
    assert coordinator.settings == other
    assert (coordinator.budget.limit, coordinator.roster.max_misses, coordinator.roster.probe_interval) == (1.0, 1, 1)
    assert not coordinator.renew(), "they are taken over once"


def test_the_last_settings_before_a_tick_count(make_coordinator):
    coordinator = make_coordinator(k=3)
    for k in (1, 2):
        coordinator.change(settings=replace(coordinator.next_settings, k=k))
    coordinator.change(settings=replace(coordinator.next_settings, max_misses=7))
    assert len(coordinator.begin().polled) == 2
    assert coordinator.roster.max_misses == 7


def test_settings_for_which_the_policy_has_no_rung_are_refused_and_change_nothing(make_coordinator):
    coordinator = make_coordinator(k=3)
    with pytest.raises(AltmarlError, match=r"k is 4, must be in 0..3"):
        coordinator.change(settings=replace(coordinator.settings, k=4))
    assert coordinator.next_settings.k == 3


@pytest.mark.parametrize("model", ["fresh", "filtered", "sticky"])
def test_a_larger_k_that_comes_with_a_larger_policy_waits_for_it(make_coordinator, small_bundle, warehouse, model):
    """Until the switch no more robots are polled than the policy in force has rungs for."""
    short = replace(small_bundle, pi_g=Ladder(small_bundle.pi_g.rungs[:2], 5, 5))
    coordinator = make_coordinator(k=1, bundle=short, decision=DecisionSettings(model))
    coordinator.change(settings=replace(coordinator.settings, k=3), bundle=small_bundle)
    rng, asked = np.random.default_rng(0), []
    for number in range(4):
        if number == 2:
            coordinator.switch()
        tick = coordinator.begin()
        for robot_id in tick.polled:
            coordinator.hear(Report(SESSION, number, robot_id, int(rng.integers(5)), game_tag(warehouse.content_hash)))
        decision = coordinator.decide()
        asked.append((decision.k, decision.k_eff, decision.heard))
    assert asked == [(3, 1, 1), (3, 1, 1), (3, 3, 3), (3, 3, 3)]


def test_a_new_limit_holds_from_the_next_tick_on(make_coordinator):
    coordinator = make_coordinator(k=3)
    coordinator.begin(0.0)
    coordinator.change(settings=replace(coordinator.settings, bandwidth_limit=2.5 * REPORT_WIRE_BYTES / 0.5))
    assert coordinator.decide().k_eff == 3
    coordinator.begin(0.5)
    assert coordinator.decide().k_eff == 2
