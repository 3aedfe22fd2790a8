"""Commands on the record of a fleet whose robots move by a hidden state."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from altmarl_ros.cli.main import app, main
from altmarl_ros.policies import save_bundle
from altmarl_ros.records.run_record import RunRecord


@pytest.fixture
def run(play_loads, loads_file, loads_bundle, tmp_path):
    policy = save_bundle(loads_bundle, tmp_path / "loads.npz")
    about = {"game": str(loads_file), "policy": str(policy), "k": 2, "model": "filtered", "period": 0.5}
    return play_loads(ticks=60)[1].record(about).save(tmp_path / "run.npz")


def report(run):
    """The page and the JSON document about a run."""
    result = CliRunner().invoke(app, ["report", str(run), "--runs", "10", "--json"])
    assert result.exit_code == 0, result.output
    return run.with_suffix(".html").read_text(), json.loads(result.stdout)


def test_a_report_compares_the_belief_with_the_true_path(run):
    page, about = report(run)
    assert page.count("<section>") == 5
    assert "What the coordinator believed" in page
    record = RunRecord.load(run)
    assert about["hidden_found"] == pytest.approx((record.belief.argmax(axis=1) == record.hidden_state).mean())
    assert about["hidden_belief_in_truth"] == pytest.approx(record.belief[np.arange(60), record.hidden_state].mean())
    assert about["hidden_changes"] == np.count_nonzero(np.diff(record.hidden_state)) > 0


@pytest.mark.slow
def test_a_report_needs_no_belief(run):
    replace(RunRecord.load(run), belief=None).save(run)
    page, about = report(run)
    assert page.count("<section>") == 4
    assert "hidden_found" not in about


def test_a_report_without_the_hidden_state_says_what_is_missing(run, capfd):
    replace(RunRecord.load(run), hidden_state=None).save(run)
    assert main(["report", str(run), "--runs", "20"]) == 2
    assert "what robots do in game 'loads' depends on its hidden state, which the record lacks" in " ".join(
        capfd.readouterr().err.split()
    )


@pytest.mark.parametrize("verb", ["identify", "compare"])
def test_what_cannot_be_said_with_a_hidden_state_is_refused(run, loads_file, capfd, verb):
    assert main([verb, str(run), "--game", str(loads_file)]) == 2
    assert f"{verb} is for games without a hidden state, and 'loads' has one" in " ".join(capfd.readouterr().err.split())
