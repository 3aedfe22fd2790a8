"""Commands on the record of a fleet whose robots move by a hidden state."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from altmarl_ros.cli.main import app, main
from altmarl_ros.games import load_game
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


@pytest.mark.slow
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


def test_a_report_without_hidden_state_and_belief_says_what_is_missing(run, capfd):
    replace(RunRecord.load(run), hidden_state=None, belief=None).save(run)
    assert main(["report", str(run), "--runs", "20"]) == 2
    assert "what robots do in game 'loads' depends on its hidden state, which the record lacks" in " ".join(
        capfd.readouterr().err.split()
    )


@pytest.mark.slow
def test_a_report_without_the_hidden_state_goes_by_the_belief(run):
    _, true = report(run)
    replace(RunRecord.load(run), hidden_state=None).save(run)
    page, about = report(run)
    assert "expected by what the coordinator believed" in page
    assert about["reward_by_belief"] == 1.0
    assert "hidden_found" not in about
    assert about["reward"] == pytest.approx(true["reward"], abs=0.2)
    assert about["simulated"] == pytest.approx(true["simulated"], abs=0.2)
    assert "reward_by_belief" not in true


@pytest.mark.slow
@pytest.mark.parametrize("recorded", [True, False])
def test_identify_tells_how_long_the_hidden_state_lasts_and_writes_a_game(run, loads, loads_file, recorded, tmp_path):
    record = RunRecord.load(run)
    if not recorded:
        replace(record, hidden_state=None).save(run)
    out = tmp_path / "seen.yaml"
    result = CliRunner().invoke(app, ["identify", str(run), "--game", str(loads_file), "--out", str(out), "--json"])
    assert result.exit_code == 0, result.output
    about = json.loads(result.stdout)
    hidden = about["hidden"]
    assert hidden["recorded"] == float(recorded)
    (dwell,) = hidden["dwell"]
    assert dwell["model"] == pytest.approx(20.0)
    assert dwell["low"] < dwell["identified"] < dwell["high"]
    if recorded:
        assert hidden["changes"] == pytest.approx(np.count_nonzero(np.diff(record.hidden_state)))
    assert {row["hidden"] for row in about["rows"]} == set(loads.hidden.names)
    game = load_game(out)
    np.testing.assert_allclose(game.hidden.P_d, hidden["P_d"])
    assert game.dynamics_hash != loads.dynamics_hash
    text = CliRunner().invoke(app, ["identify", str(run), "--game", str(loads_file)]).output
    assert "how long hidden states last" in text
    assert ("recorded at every tick" if recorded else "inferred from how robots moved") in " ".join(text.split())


def test_compare_goes_by_the_recorded_hidden_state(run, loads_file, tmp_path, capfd):
    compared = ["compare", str(run), "--game", str(loads_file), "--runs", "100", "--json"]
    result = CliRunner().invoke(app, compared)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["holds"]
    seen = tmp_path / "seen.yaml"
    assert main(["identify", str(run), "--game", str(loads_file), "--out", str(seen)]) == 0
    result = CliRunner().invoke(app, ["compare", str(run), "--game", str(seen), "--runs", "100", "--json"])
    assert json.loads(result.stdout)["kernel_uncertain"]
    capfd.readouterr()
    replace(RunRecord.load(run), hidden_state=None).save(run)
    assert main(compared) == 0
    said = capfd.readouterr()
    assert json.loads(said.out)["holds"]
    assert "it is inferred from how robots moved" in " ".join(said.err.split())
