"""What a report says is what was run: a run that was changed is compared by parts, each with its own baseline or with none."""

import numpy as np
import pytest

from altmarl_ros.cli.run_report import write_report
from altmarl_ros.errors import AltmarlError
from altmarl_ros.policies import save_bundle
from altmarl_ros.records.run_record import RunRecord

T, N = 30, 6


@pytest.fixture
def policy(small_bundle, tmp_path):
    return str(save_bundle(small_bundle, tmp_path / "pair.npz"))


@pytest.fixture
def report(policy, warehouse, tmp_path):
    """Reports on a run of the warehouse whose description has these fields as well; returns what is told, and the page."""

    def make(**about):
        rng = np.random.default_rng(0)
        per_tick = {name: np.full(T, 2) for name in ("session", "asked", "heard", "rung", "reports", "report_bytes")}
        run = RunRecord(
            **per_tick,
            tick=np.arange(100, 100 + T),
            global_state=rng.integers(0, 5, T),
            global_action=rng.integers(0, 5, T),
            latency=np.full(T, 0.01),
            estimate=np.full((T, 5), 0.2),
            local_state=rng.integers(0, 5, (T, N)),
            local_action=rng.integers(0, warehouse.n_local_actions, (T, N)),
            actions=np.ones((T, N), dtype=np.int64),
            about={"game": "warehouse", "policy": policy, "k": 2, "model": "fresh", "period": 0.5, **about},
        )
        page = tmp_path / "report.html"
        told = write_report(run.save(tmp_path / "run.npz"), page, runs=20)
        return told, page.read_text()

    return make


@pytest.mark.slow
def test_a_run_that_was_left_alone_has_one_baseline(report):
    told, page = report()
    assert len(told["segments"]) == 1
    assert told["ticks_with_reference"] == T
    assert told["reward_with_reference"] == told["reward"]
    assert "simulated, k = 2 fresh" in page
    assert "Dotted" not in page


@pytest.mark.slow
def test_each_part_of_a_run_that_was_changed_has_the_baseline_of_what_was_in_force(report, policy, small_bundle):
    known = {"model": "fresh", "policy": policy, "policy_id": small_bundle.policy_id}
    told, page = report(segments=[{"begin": 0, "end": 20, "k": 2, **known}, {"begin": 20, "end": T, "k": 1, **known}])
    assert [(part["first_tick"], part["last_tick"], part["k"]) for part in told["segments"]] == [(100, 119, 2), (120, 129, 1)]
    whole = np.average([part["simulated"] for part in told["segments"]], weights=[20, 10])
    assert told["simulated"] == pytest.approx(whole)
    assert np.average([part["reward"] for part in told["segments"]], weights=[20, 10]) == pytest.approx(told["reward"])
    assert "2, then 1 reports per tick" in page
    assert "decided in 2 ways" in page
    assert "Dotted" in page


@pytest.mark.parametrize("where", ["nowhere", pytest.param("elsewhere", marks=pytest.mark.slow)])
def test_a_policy_that_is_not_here_has_no_baseline_and_the_rest_is_compared_alone(report, policy, small_bundle, where):
    file = "" if where == "nowhere" else policy
    first = {"begin": 0, "end": 20, "k": 2, "model": "fresh", "policy": policy, "policy_id": small_bundle.policy_id}
    told, page = report(segments=[first, {**first, "begin": 20, "end": T, "policy": file, "policy_id": 1}])
    assert told["ticks_with_reference"] == 20
    assert told["segments"][1]["simulated"] is None
    assert told["reward_with_reference"] == pytest.approx(told["segments"][0]["reward"])
    assert told["simulated"] == pytest.approx(told["segments"][0]["simulated"])
    assert "its policy is not here to simulate" in page


def test_a_run_of_which_no_policy_is_here_is_not_compared(report):
    unknown = {"k": 2, "model": "fresh", "policy": "", "policy_id": 1}
    with pytest.raises(AltmarlError, match="none of the policies"):
        report(segments=[{"begin": 0, "end": 20, **unknown}, {"begin": 20, "end": T, **unknown, "k": 3}])
