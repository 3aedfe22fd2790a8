import json
import os
import subprocess
import sys
from dataclasses import astuple, replace

import numpy as np
import pytest

from altmarl_ros.errors import AltmarlError
from altmarl_ros.observation import MODEL_NAMES
from altmarl_ros.policies import Ladder, LocalPolicy, load_bundle, save_bundle
from altmarl_ros.protocol.coordinator import Coordinator
from altmarl_ros.protocol.messages import Report, game_tag
from altmarl_ros.protocol.plant import ExternalPlant
from altmarl_ros.protocol.settings import CoordinatorSettings, DecisionSettings
from altmarl_ros.protocol.standby import Handover
from altmarl_ros.records.replay import Gap, find_gaps, redecide
from altmarl_ros.records.rows import Configuration


@pytest.fixture
def policies(small_bundle):
    """By policy id: the bundle that every run begins with, and one whose robots and coordinator prefer other actions."""
    other = replace(
        small_bundle,
        pi_l=LocalPolicy(small_bundle.pi_l.probabilities[..., ::-1]),
        pi_g=Ladder(tuple((rung + 1) % 5 for rung in small_bundle.pi_g.rungs), 5, 5),
    )
    return {bundle.policy_id: bundle for bundle in (small_bundle, other)}


@pytest.fixture
def record_run(warehouse, small_bundle, account):
    """Plays a coordinator whose robots answer at random, join and fall silent, and keeps its accounts."""

    def make(model, ticks=200, seed=0, session=77, switch_at=None, to=None, handover=None, robots=0, plant=None, **other):
        rng = np.random.default_rng(seed)
        tag = game_tag(warehouse.content_hash)
        bundle, decision = other.get("bundle", small_bundle), DecisionSettings(model, temperature=other.get("temperature", 0.0))
        settings = CoordinatorSettings(k=3, decision=decision, max_misses=2, probe_interval=5)
        draws = np.random.default_rng([seed, 1])
        coordinator = Coordinator(warehouse, bundle, settings, draws, session=session, plant=plant)
        roster = coordinator.roster
        for robot_id in range(1000, 1000 + robots):
            roster.join(robot_id, "")
        if handover is not None:
            coordinator.take_over(session, handover)
        statuses = []
        for t in range(ticks):
            if t == switch_at:
                coordinator.change(bundle=to)
                coordinator.switch()
            if t % 10 == 0:
                roster.join(t, "")
            if plant is not None:
                plant.hear(int(rng.integers(5)))
            tick = coordinator.begin()
            for robot_id in rng.permutation(np.array(tick.polled, dtype=int)):
                if rng.random() < 0.7:
                    coordinator.hear(Report(session, tick.tick, int(robot_id), int(rng.integers(5)), tag))
            decision = coordinator.decide()
            statuses.append(account(decision, roster.live))
        return statuses

    return make


@pytest.mark.parametrize("model", MODEL_NAMES)
def test_every_decision_is_made_again(record_run, warehouse, small_bundle, policies, model):
    statuses = record_run(model)
    redecisions = list(redecide(statuses, warehouse, {0: DecisionSettings(model)}, policies))
    assert [r.tick for r in redecisions] == list(range(200))
    assert [r.decided for r in redecisions] == [s.global_action for s in statuses]
    assert max(r.deviation for r in redecisions) < 1e-7  # float32
    assert len({s.live for s in statuses}) > 3  # the fleet did change
    assert len({s.heard for s in statuses}) == 4


@pytest.mark.parametrize("model", MODEL_NAMES)
def test_a_change_of_policy_is_decided_again(record_run, warehouse, small_bundle, policies, model):
    new = next(bundle for bundle in policies.values() if bundle is not small_bundle)
    statuses = record_run(model, ticks=60, switch_at=30, to=new)
    assert [s.policy_id for s in statuses] == 30 * [small_bundle.policy_id] + 30 * [new.policy_id]
    redecisions = list(redecide(statuses, warehouse, {0: DecisionSettings(model)}, policies))
    assert all(r.equal for r in redecisions)
    assert max(r.deviation for r in redecisions) < 1e-7
    without = dict.fromkeys(policies, small_bundle)
    kept = list(redecide(statuses, warehouse, {0: DecisionSettings(model)}, without))
    assert all(r.equal for r in kept[:30])
    assert not all(r.equal for r in kept[30:])
    only_one = {small_bundle.policy_id: small_bundle}
    with pytest.raises(AltmarlError, match=f"tick 30: policy {new.policy_id:08x} is not given"):
        list(redecide(statuses, warehouse, {0: DecisionSettings(model)}, only_one))


@pytest.mark.parametrize("temperature", [0.0, 0.5])
@pytest.mark.parametrize("model", MODEL_NAMES)
def test_every_decision_by_value_vectors_is_made_again(record_run, warehouse, shares_bundle, tmp_path, model, temperature):
    policies = {shares_bundle.policy_id: load_bundle(save_bundle(shares_bundle, tmp_path / "shares.npz"), warehouse)}
    statuses = record_run(model, bundle=shares_bundle, temperature=temperature)
    settings = {0: DecisionSettings(model, temperature=temperature)}
    redecisions = list(redecide(statuses, warehouse, settings, policies))
    assert all(r.equal for r in redecisions)
    assert max(r.deviation for r in redecisions) < 1e-7
    assert [s.rung for s in statuses] == [s.heard for s in statuses]
    assert len({s.global_action for s in statuses}) > 1


@pytest.mark.parametrize("first", ["ladder", "shares"])
@pytest.mark.parametrize("model", MODEL_NAMES)
def test_a_change_of_the_kind_of_policy_is_decided_again(record_run, warehouse, small_bundle, shares_bundle, model, first):
    old, new = (small_bundle, shares_bundle) if first == "ladder" else (shares_bundle, small_bundle)
    statuses = record_run(model, ticks=60, switch_at=30, to=new, bundle=old)
    assert [s.policy_id for s in statuses] == 30 * [old.policy_id] + 30 * [new.policy_id]
    policies = {bundle.policy_id: bundle for bundle in (old, new)}
    redecisions = list(redecide(statuses, warehouse, {0: DecisionSettings(model)}, policies))
    assert all(r.equal for r in redecisions)
    assert max(r.deviation for r in redecisions) < 1e-7


REPLAY = """
import json, sys
from pathlib import Path
from altmarl_ros.games import load_game
from altmarl_ros.policies import load_bundle
from altmarl_ros.protocol.settings import DecisionSettings
from altmarl_ros.records.replay import redecide
from altmarl_ros.records.rows import StatusRow
game, bundle = load_game("warehouse"), load_bundle(sys.argv[1])
for model, rows in json.loads(Path(sys.argv[2]).read_text()).items():
    statuses = [StatusRow(*row[:-3], tuple(row[-3]), tuple(map(tuple, row[-2])), tuple(row[-1])) for row in rows]
    again = list(redecide(statuses, game, {0: DecisionSettings(model)}, {bundle.policy_id: bundle}))
    print(model, len(again), sum(not r.equal for r in again))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "machine",
    [
        {"OPENBLAS_CORETYPE": "Nehalem", "OPENBLAS_NUM_THREADS": "1", "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4"},
        {"OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_NUM_THREADS": "4", "NUMBA_CPU_NAME": "generic", "NUMBA_NUM_THREADS": "1"},
    ],
    ids=["another BLAS kernel", "other threads and instructions"],
)
def test_a_record_replays_on_another_machine(record_run, shares_bundle, tmp_path, machine):
    runs = {model: record_run(model, bundle=shares_bundle, ticks=150) for model in MODEL_NAMES}
    (tmp_path / "runs.json").write_text(json.dumps({model: [astuple(row) for row in rows] for model, rows in runs.items()}))
    policy = save_bundle(shares_bundle, tmp_path / "shares.npz")
    command = [sys.executable, "-c", REPLAY, str(policy), str(tmp_path / "runs.json")]
    environment = {**os.environ, **machine}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{model} 150 0" for model in MODEL_NAMES]


def test_a_session_that_was_taken_over_is_decided_again(record_run, warehouse, small_bundle, policies):
    handover = Handover(2, 1, 2, tuple(float(np.float32(share)) for share in (0.7, 0.1, 0.1, 0.05, 0.05)), 0.01)
    statuses = record_run("filtered", ticks=30, session=78, handover=handover, robots=20)
    settings = {0: DecisionSettings("filtered")}
    redecisions = list(redecide(statuses, warehouse, settings, policies, handover=handover))
    assert all(r.equal for r in redecisions)
    assert max(r.deviation for r in redecisions) < 1e-7
    afresh = next(redecide(statuses, warehouse, settings, policies))
    assert afresh.deviation > 1e-2


@pytest.mark.parametrize("model", MODEL_NAMES)
def test_a_run_with_an_external_plant_is_decided_again(record_run, warehouse, small_bundle, policies, model):
    statuses = record_run(model, plant=ExternalPlant(5, 1.0, lambda: 0.0))
    redecisions = list(redecide(statuses, warehouse, {0: DecisionSettings(model)}, policies))
    assert all(r.equal for r in redecisions)
    assert max(r.deviation for r in redecisions) < 1e-7
    assert len({s.global_state for s in statuses}) == 5


def test_an_altered_decision_is_found(record_run, warehouse, small_bundle, policies):
    statuses = record_run("filtered")
    statuses[120] = replace(statuses[120], global_action=(statuses[120].global_action + 1) % 5)
    redecisions = redecide(statuses, warehouse, {0: DecisionSettings("filtered")}, policies)
    assert [r.tick for r in redecisions if not r.equal] == [120]


def test_an_altered_report_shows_in_the_estimate(record_run, warehouse, small_bundle, policies):
    statuses = record_run("filtered")
    t = next(t for t in range(100, 200) if statuses[t].answers)
    robot_id, state = statuses[t].answers[0]
    statuses[t] = replace(statuses[t], answers=((robot_id, (state + 1) % 5), *statuses[t].answers[1:]))
    redecisions = list(redecide(statuses, warehouse, {0: DecisionSettings("filtered")}, policies))
    assert max(r.deviation for r in redecisions[:t]) < 1e-7
    assert redecisions[t].deviation > 1e-3


def test_fewer_reports_decide_by_the_lower_rung(record_run, warehouse, small_bundle, policies):
    statuses = record_run("fresh")
    redecisions = redecide(statuses, warehouse, {0: DecisionSettings("fresh")}, policies, k=1)
    for s, redecision in zip(statuses, redecisions, strict=True):
        counts = np.bincount([state for _, state in s.answers[:1]], minlength=5)
        assert redecision.decided == small_bundle.pi_g.act(s.global_state, counts)


@pytest.mark.slow
def test_each_session_begins_anew(record_run, warehouse, small_bundle, policies):
    settings = {0: DecisionSettings("filtered")}
    for session in (77, 78):
        statuses = record_run("filtered", ticks=50, seed=session, session=session)
        assert all(r.equal for r in redecide(statuses, warehouse, settings, policies))


def test_gaps_are_told(record_run):
    statuses = record_run("fresh", ticks=20)
    assert find_gaps(statuses) == []
    assert find_gaps(statuses[3:8] + statuses[10:]) == [Gap(77, 0, 2), Gap(77, 8, 9)]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"global_state": 5}, "tick 4: global state 5 is not in game"),
        ({"answers": ((1, 9),)}, "tick 4: local state 9 is not in game"),
        ({"estimate": (1.0,)}, "tick 4: the estimate is over 1 local states"),
    ],
)
def test_a_record_that_does_not_fit_the_game_is_refused(record_run, warehouse, small_bundle, policies, change, what):
    statuses = record_run("fresh", ticks=10)
    statuses[4] = replace(statuses[4], **change)
    with pytest.raises(AltmarlError, match=what):
        list(redecide(statuses, warehouse, {0: DecisionSettings("fresh")}, policies))


def test_what_a_configuration_says_about_a_run():
    parameters = {"game": "warehouse", "policy.file": "a.npz", "sampling.k": 4, "tick.period": 0.1, "sampling.seed": 3}
    about = Configuration(7, 0, "warehouse", "abc", "def", 1, {**parameters, "sampling.model": "fresh"}, Handover()).about()
    assert about == {
        "game": "warehouse",
        "policy": "a.npz",
        "k": 4,
        "period": 0.1,
        "seed": 3,
        "model": "fresh",
        "game_name": "warehouse",
        "game_hash": "abc",
    }
