from dataclasses import replace

import numpy as np
import pytest

from altmarl_ros.errors import AltmarlError
from altmarl_ros.observation import MODEL_NAMES
from altmarl_ros.policies import Ladder
from altmarl_ros.policy_updates.shadow import Shadow
from altmarl_ros.protocol.coordinator import Coordinator
from altmarl_ros.protocol.decision import DecisionMaker
from altmarl_ros.protocol.messages import Report, game_tag
from altmarl_ros.protocol.settings import CoordinatorSettings, DecisionSettings

SESSION = 77


@pytest.fixture
def run(warehouse, small_bundle, account):
    """The accounts of a coordinator of ten robots that report at random and sometimes stay silent."""

    def make(model, ticks=150):
        rng, tag = np.random.default_rng(0), game_tag(warehouse.content_hash)
        settings = CoordinatorSettings(k=3, decision=DecisionSettings(model), max_misses=10**6)
        coordinator = Coordinator(warehouse, small_bundle, settings, np.random.default_rng(1), session=SESSION)
        for robot_id in range(10):
            coordinator.roster.join(robot_id, "")
        rows = []
        for _ in range(ticks):
            tick = coordinator.begin()
            for robot_id in tick.polled:
                if rng.random() < 0.8:
                    coordinator.hear(Report(SESSION, tick.tick, robot_id, int(rng.integers(5)), tag))
            rows.append(account(coordinator.decide(), coordinator.roster.live))
        return rows

    return make


@pytest.mark.parametrize("model", MODEL_NAMES)
def test_the_policy_in_force_as_its_own_shadow_decides_the_same(run, warehouse, small_bundle, model):
    rows = run(model)
    shadow = Shadow(warehouse, DecisionMaker(warehouse, small_bundle, DecisionSettings(model)), None)
    assert all(shadow.hear(row) for row in rows)
    assert (shadow.ticks, shadow.agreed) == (len(rows), len(rows))


def test_it_goes_on_from_the_last_estimate_in_the_middle_and_over_gaps(run, warehouse, small_bundle):
    rows = run("filtered")
    shadow = Shadow(warehouse, DecisionMaker(warehouse, small_bundle, DecisionSettings("filtered")), rows[49])
    heard = [row for row in rows[50:] if row.tick % 10]
    for row in heard:
        shadow.hear(row)
    assert shadow.ticks == len(heard)
    assert shadow.agreed >= 0.9 * shadow.ticks, "the estimate is known in float32, and not how sure it is of each zone"
    afresh = Shadow(warehouse, DecisionMaker(warehouse, small_bundle, DecisionSettings("filtered")), None)
    for row in rows[50:54]:
        afresh.hear(row)
    assert afresh.ticks == 4


def test_it_decides_by_the_candidates_ladder(run, warehouse, small_bundle):
    ladder = Ladder(tuple((rung + 1) % 5 for rung in small_bundle.pi_g.rungs), 5, 5)
    candidate = DecisionMaker(warehouse, replace(small_bundle, pi_g=ladder), DecisionSettings("fresh"))
    shadow = Shadow(warehouse, candidate, None)
    assert not any(shadow.hear(row) for row in run("fresh"))
    assert (shadow.ticks, shadow.agreed) == (150, 0)


@pytest.mark.parametrize("model", MODEL_NAMES)
def test_a_candidate_of_the_other_kind_is_a_shadow_as_well(run, warehouse, small_bundle, shares_bundle, model):
    rows = run(model)
    shadow = Shadow(warehouse, DecisionMaker(warehouse, shares_bundle, DecisionSettings(model)), None)
    agreed = [shadow.hear(row) for row in rows]
    assert (shadow.ticks, shadow.agreed) == (len(rows), sum(agreed))
    assert shadow.agreed > 0


def test_old_ticks_and_those_of_another_game_do_not_count(run, warehouse, small_bundle):
    rows = run("fresh", ticks=6)
    shadow = Shadow(warehouse, DecisionMaker(warehouse, small_bundle, DecisionSettings("fresh")), rows[2])
    for row in rows[:4]:
        shadow.hear(row)
    assert shadow.ticks == 1
    for wrong in ({"global_state": 5}, {"answers": ((1, 9),)}, {"estimate": (0.5, 0.5)}):
        with pytest.raises(AltmarlError, match="tick 4"):
            shadow.hear(replace(rows[4], **wrong))
    assert shadow.ticks == 1
    assert shadow.hear(rows[4])
    assert shadow.hear(replace(rows[0], session=SESSION + 1)), "a new session counts from 0"
    assert shadow.ticks == 3
