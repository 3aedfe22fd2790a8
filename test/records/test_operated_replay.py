"""Runs in which operators take robots and give them back are decided again as they were."""

from dataclasses import replace

import numpy as np
import pytest

from altmarl_ros.errors import AltmarlError
from altmarl_ros.observation import MODEL_NAMES
from altmarl_ros.protocol.messages import Report, game_tag
from altmarl_ros.protocol.operated import Control, Operated
from altmarl_ros.protocol.settings import DecisionSettings
from altmarl_ros.records.replay import redecide

HELD = Operated(Control.HELD, "anna")


@pytest.fixture
def played(make_coordinator, warehouse, account):
    """Plays a coordinator of six robots, one of which is taken and given back again and again; its rows."""

    def make(model, ticks=60):
        coordinator = make_coordinator(decision=DecisionSettings(model))
        rng, tag, rows = np.random.default_rng(3), game_tag(warehouse.content_hash), []
        for t in range(ticks):
            robot_id = t // 4 % 6
            if t % 4 == 1:
                coordinator.roster.join(robot_id, "", operated=HELD)
            if t % 4 == 3:
                coordinator.roster.join(robot_id, "", local_state=int(rng.integers(5)))
            tick = coordinator.begin()
            for polled in tick.polled:
                coordinator.hear(Report(77, tick.tick, polled, int(rng.integers(5)), tag))
            rows.append(account(coordinator.decide(), coordinator.roster.live))
        return coordinator, rows

    return make


def again(rows, coordinator, model):
    bundle = coordinator.bundle
    return list(redecide(rows, coordinator.game, {0: DecisionSettings(model)}, {bundle.policy_id: bundle}))


@pytest.mark.parametrize("model", MODEL_NAMES)
def test_every_decision_is_made_again(played, model):
    coordinator, rows = played(model)
    assert sum(len(row.returned) for row in rows) == 15
    assert {row.live for row in rows} == {5, 6}
    redecisions = again(rows, coordinator, model)
    assert all(each.equal for each in redecisions)
    assert max(each.deviation for each in redecisions) < 1e-6


def test_without_their_states_the_estimate_would_be_another(played):
    coordinator, rows = played("filtered")
    lacking = [replace(row, returned=()) for row in rows]
    assert max(each.deviation for each in again(lacking, coordinator, "filtered")) > 0.01


def test_a_state_that_the_game_does_not_have_is_refused(played):
    coordinator, rows = played("filtered", ticks=4)
    with pytest.raises(AltmarlError, match="local state 9 is not in game"):
        again([*rows[:-1], replace(rows[-1], returned=(9,))], coordinator, "filtered")
