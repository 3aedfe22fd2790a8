"""The belief of a hidden state on its way from the decision to the record, and back in a replay."""

from dataclasses import replace

import numpy as np
import pytest

from altmarl_ros.errors import AltmarlError, GameError
from altmarl_ros.games import HiddenState, TabularGame
from altmarl_ros.games.trajectory import UNKNOWN
from altmarl_ros.monitoring import team_reward
from altmarl_ros.policy_updates.shadow import Shadow
from altmarl_ros.protocol import Report
from altmarl_ros.protocol.coordinator import Coordinator
from altmarl_ros.protocol.decision import DecisionMaker
from altmarl_ros.protocol.messages import Tick
from altmarl_ros.protocol.settings import CoordinatorSettings, DecisionSettings
from altmarl_ros.protocol.standby import Handover
from altmarl_ros.records.replay import redecide
from altmarl_ros.records.run_record import RunRecord

SESSION, ROBOTS = 77, 12  # of `play_loads`


def again(log, loads, bundle, **how):
    settings = {0: how.pop("settings", DecisionSettings("filtered"))}
    return list(redecide(log.statuses.values(), loads, settings, {bundle.policy_id: bundle}, **how))


@pytest.mark.parametrize("temperature", [0.0, 0.3])
def test_a_run_with_a_hidden_state_is_decided_again(play_loads, loads, loads_bundle, temperature):
    decisions, log = play_loads(temperature=temperature)
    redecisions = again(log, loads, loads_bundle, settings=DecisionSettings("filtered", temperature=temperature))
    assert [r.decided for r in redecisions] == [d.action for d in decisions]
    assert max(r.deviation for r in redecisions) < 1e-7
    assert len({d.action for d in decisions}) == 2


def test_the_belief_is_a_distribution_that_finds_the_hidden_state(play_loads, loads):
    _, log = play_loads(ticks=300)
    record = log.record({})
    np.testing.assert_allclose(record.belief.sum(axis=1), 1.0, atol=1e-6)
    found = record.belief.argmax(axis=1) == record.hidden_state
    assert found.mean() > 0.75  # two reports a tick, in a demand that stays for 20 ticks
    assert set(record.hidden_state) == {0, 1}


def test_the_reward_that_is_told_is_the_mean_over_hidden_states(play_loads, loads, loads_bundle):
    decisions, _ = play_loads(ticks=30)
    decision, maker = decisions[-1], DecisionMaker(loads, loads_bundle)
    maker.model.reset(1)
    for each in decisions:
        maker.decide(SESSION, each.tick.tick, each.tick.global_state, each.answers.values(), ROBOTS)
    joint, s_g, expected = maker.joint.reshape(2, 3), decision.tick.global_state, 0.0
    for d, s_l, a_l in np.ndindex(2, 3, 2):
        r = loads.hidden.r_l[s_l, d * 2 + s_g, a_l]
        expected += joint[d, s_l] * loads_bundle.pi_l.probabilities[s_l, s_g, a_l] * r
    assert decision.reward == pytest.approx(loads.r_g[s_g, decision.action] + expected)
    np.testing.assert_allclose(joint.sum(axis=1), decision.belief)


def test_the_reward_of_a_record_is_by_its_hidden_state(play_loads, loads):
    _, log = play_loads(ticks=60)
    record = log.record({})
    rewards = record.rewards(loads)
    for t in range(60):
        acted = np.zeros((3, 2), dtype=np.int64)
        np.add.at(acted, (record.local_state[t], record.local_action[t]), 1)
        s_g, a_g = record.global_state[t], record.global_action[t]
        assert rewards[t] == pytest.approx(team_reward(loads, s_g, a_g, acted, int(record.hidden_state[t])))
        assert team_reward(loads, s_g, a_g, acted) is None
    unknown = replace(record, hidden_state=None)
    with pytest.raises(GameError, match="hidden state, which the record lacks"):
        replace(unknown, belief=None).rewards(loads)
    by_state = [replace(record, hidden_state=np.full(60, d)).rewards(loads) for d in range(2)]
    np.testing.assert_allclose(unknown.rewards(loads), np.einsum("td,dt->t", record.belief, by_state), rtol=1e-6)
    half = np.where(np.arange(60) < 30, record.hidden_state, UNKNOWN)
    expected = np.where(np.arange(60) < 30, rewards, unknown.rewards(loads))
    np.testing.assert_allclose(replace(record, hidden_state=half).rewards(loads), expected, rtol=1e-6)


def test_rewards_that_do_not_depend_on_the_hidden_state_need_no_belief(play_loads, loads):
    record = play_loads(ticks=60)[1].record({})
    table = loads.hidden.r_l[:, : loads.n_global_states]
    alike = HiddenState(loads.hidden.P_d, loads.hidden.local_kernel, np.stack([table, table]), names=loads.hidden.names)
    game = TabularGame("alike", loads.P_g, r_g=loads.r_g, gamma=loads.gamma, hidden=alike)
    unknown = replace(record, hidden_state=None, belief=None)
    np.testing.assert_allclose(unknown.rewards(game), record.rewards(game))
    acted = np.zeros((3, 2), dtype=np.int64)
    np.add.at(acted, (record.local_state[7], record.local_action[7]), 1)
    told = team_reward(game, record.global_state[7], record.global_action[7], acted)
    assert told == pytest.approx(record.rewards(game)[7])


def test_a_belief_that_is_handed_over_is_gone_on_from(play_loads, loads, loads_bundle):
    handover = Handover(0, 1, 0, (0.5, 0.25, 0.25), 0.01, (0.0625, 0.9375))
    decisions, log = play_loads(ticks=40, handover=handover)
    redecisions = again(log, loads, loads_bundle, handover=handover)
    assert [r.decided for r in redecisions] == [d.action for d in decisions]
    assert max(r.deviation for r in redecisions) < 1e-7
    maker = DecisionMaker(loads, loads_bundle)
    maker.resume(handover)
    np.testing.assert_allclose(maker.belief, handover.belief)
    for bad in ((), (1.0,), (0.9, 0.9), (np.nan, 1.0), (-0.5, 1.5)):
        maker.resume(replace(handover, belief=bad))
        np.testing.assert_allclose(maker.belief, loads.hidden.rho_d)
        np.testing.assert_allclose(maker.model.estimate[0], handover.estimate)


def test_what_others_tell_counts_in_a_replay_as_it_did(play_loads, loads, loads_bundle):
    told = {t: (0.1, 0.7) if t % 4 else (1.0, 0.0) for t in range(5, 60, 3)}
    decisions, log = play_loads(ticks=60, evidence=told)
    assert [t for t, decision in enumerate(decisions) if decision.evidence] == list(told)
    redecisions = again(log, loads, loads_bundle)
    assert [r.decided for r in redecisions] == [d.action for d in decisions]
    assert max(r.deviation for r in redecisions) < 1e-7
    for key, row in log.statuses.items():
        log.statuses[key] = replace(row, evidence=())
    assert max(r.deviation for r in again(log, loads, loads_bundle)) > 0.1
    log.statuses[SESSION, 5] = replace(log.statuses[SESSION, 5], evidence=(1.0, 1.0, 1.0))
    with pytest.raises(AltmarlError, match="evidence about 3 hidden states"):
        again(log, loads, loads_bundle)


def test_a_candidate_that_joins_late_takes_the_belief_over(play_loads, loads, loads_bundle):
    _, log = play_loads(ticks=60)
    rows = list(log.statuses.values())
    candidate = DecisionMaker(loads, loads_bundle)
    shadow = Shadow(loads, candidate, rows[39])
    shadow.hear(rows[40])
    close = np.abs(candidate.belief - rows[40].belief).max()
    assert close < 0.2
    assert sum(shadow.hear(row) for row in rows[41:]) >= 18


def test_models_without_memory_are_refused_before_they_decide(loads, loads_bundle):
    coordinator = Coordinator(loads, loads_bundle, CoordinatorSettings(k=1), np.random.default_rng(0))
    with pytest.raises(AltmarlError, match="'fresh' has no memory to find the hidden state"):
        coordinator.change(settings=CoordinatorSettings(k=1, decision=DecisionSettings("fresh")))
    assert coordinator.begin() is not None
    assert sum(coordinator.decide().belief) == pytest.approx(1.0)


def test_a_report_says_nothing_of_the_hidden_state(loads):
    assert set(Report.__dataclass_fields__) == {"session", "tick", "robot_id", "local_state", "game_tag"}
    assert "hidden_state" not in Tick.__dataclass_fields__


def test_records_with_and_without_a_hidden_state_are_read_back(play_loads, tmp_path):
    _, log = play_loads(ticks=20)
    record = RunRecord.load(log.record({"k": 2}).save(tmp_path / "run.npz"))
    np.testing.assert_array_equal(record.hidden_state, [truth.hidden_state for truth in log.truths.values()])
    np.testing.assert_array_equal(record.belief, [status.belief for status in log.statuses.values()])
    for key, truth in log.truths.items():
        log.truths[key] = replace(truth, hidden_state=None)
        log.statuses[key] = replace(log.statuses[key], belief=())
    path = log.record({"k": 2}).save(tmp_path / "older.npz")
    assert not {"hidden_state", "belief"} & set(np.load(path))
    older = RunRecord.load(path)
    assert older.hidden_state is None
    assert older.belief is None
