"""`altmarl compare`: what it predicts of recorded runs, and its verdict."""

import json
from dataclasses import replace

import numpy as np
import pytest

from altmarl_ros.cli.main import main
from altmarl_ros.policies import Ladder, LocalPolicy, PolicyBundle, save_bundle
from altmarl_ros.records.run_record import RunRecord
from retraining import MarkovRuns, exploring

TICKS, ROBOTS = 60, 30


@pytest.fixture(autouse=True)
def own_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "128")
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def acted(small_bundle):
    return exploring(small_bundle, 0.5)


@pytest.fixture
def record(tmp_path, warehouse, acted):
    """Writes a run of the warehouse, or of one whose robots drift to the next zone whatever they do."""
    save_bundle(acted, tmp_path / "acted.npz")

    def write(name, seed, drift=0.0, **about):
        next_zone = np.roll(np.eye(5), 1, axis=1)[:, None, None]
        truth = replace(warehouse, P_l=(1 - drift) * warehouse.P_l + drift * next_zone)
        run = MarkovRuns(truth, ROBOTS, 3, TICKS)(warehouse, acted, seed)
        nothing = np.zeros(TICKS, dtype=np.int64)
        about = {"game_hash": warehouse.content_hash, "policy": "acted.npz", **about}
        return RunRecord(
            run.session,
            run.tick,
            run.global_state,
            run.global_action,
            *[nothing] * 5,
            np.zeros(TICKS),
            np.zeros((TICKS, 5)),
            run.local_state,
            run.local_action,
            np.ones((TICKS, ROBOTS), dtype=np.int64),
            about,
        ).save(tmp_path / name)

    return write


def told(capfd, *arguments):
    assert main(["compare", *arguments, "--runs", "400", "--json"]) == 0
    return json.loads(capfd.readouterr().out)


@pytest.mark.slow
def test_the_model_holds_for_its_own_runs_but_one_in_twenty_and_not_for_others(record, capfd):
    results = [(told(capfd, str(record("own.npz", s))), told(capfd, str(record("other.npz", s, drift=0.3)))) for s in range(8)]
    assert sum(not own["holds"] for own, _ in results) <= 2  # more: 0.6 % of the time
    assert not any(other["holds"] for _, other in results)
    assert all((each["significance"] > 0.05) == each["holds"] for pair in results for each in pair)


def test_predictions_are_of_the_same_fleet(record, capfd):
    record("own.npz", 0)
    own = told(capfd, "own.npz")
    for each in own["quantities"]:
        assert each["low"] <= each["predicted"] <= each["high"]
    zones = own["quantities"][:-1]
    assert sum(each["observed"] for each in zones) == pytest.approx(ROBOTS)
    assert sum(each["predicted"] for each in zones) == pytest.approx(ROBOTS)
    assert [each["name"] for each in own["quantities"]][-2:] == ["zone E", "reward"]


@pytest.mark.slow
def test_the_identified_game_predicts_runs_that_the_model_does_not(record, capfd):
    for seed in range(4):
        record(f"run{seed}.npz", seed, drift=0.3)
    record("new.npz", 9, drift=0.3)
    assert main(["identify", *(f"run{seed}.npz" for seed in range(4)), "--out", "seen.yaml"]) == 0
    capfd.readouterr()
    model, identified = told(capfd, "new.npz"), told(capfd, "new.npz", "--game", "seen.yaml")
    assert not model["holds"]
    assert identified["band_significance"] > 0.025
    assert (model["kernel_uncertain"], identified["kernel_uncertain"]) == (False, True)
    inside = [min(each["ticks_inside"] for each in about["quantities"]) for about in (model, identified)]
    assert inside[0] < inside[1]


def test_several_runs_are_told_together_and_one_by_one(record, capfd):
    record("good.npz", 0)
    record("bad.npz", 1, drift=0.4)
    both = told(capfd, "good.npz", "bad.npz")
    assert both["ticks"] == 2 * TICKS
    assert [run["run"] for run in both["runs"]] == ["good.npz", "bad.npz"]
    good, bad = (np.array(run["share_inside"]) for run in both["runs"])
    assert good.min() > bad.min()
    inside = [each["ticks_inside"] for each in both["quantities"]]
    np.testing.assert_allclose(TICKS * (good + bad), inside, atol=1e-6)


@pytest.mark.slow
def test_the_table_ends_in_a_verdict_and_the_figure_is_a_picture(record, tmp_path, capfd):
    record("own.npz", 0)
    assert main(["compare", "own.npz", "--runs", "100", "--figure", "compare.png"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[-1].startswith("the model ")
    assert "of its own runs" in lines[-1]
    assert sum(f" of {TICKS}" in line for line in lines) == 6
    assert (tmp_path / "compare.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_same_seed_tells_the_same(record, capfd):
    record("own.npz", 0)
    assert told(capfd, "own.npz", "--seed", "3") == told(capfd, "own.npz", "--seed", "3")
    assert told(capfd, "own.npz", "--seed", "3") != told(capfd, "own.npz", "--seed", "4")


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        (["nowhere.npz"], "nowhere.npz: cannot be read"),
        (["mute.npz"], "mute.npz: does not say by which policy its robots acted"),
        (["own.npz", "moved.npz"], "the runs are of several policies (acted.npz, elsewhere.npz)"),
        (["moved.npz"], "elsewhere.npz: cannot be read"),
        (["own.npz", "--game", "federated"], "own.npz: global_state[0] is 3, must be below 3 for game 'federated'"),
        (["own.npz", "--policy", "small.npz"], "small.npz: its pi_l has shape (2, 1, 2), must be (5, 5, 3)"),
        (["own.npz", "--policy", "own.npz"], "own.npz: is not a policy bundle"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_gives_one_line_and_exit_code_2(record, arguments, culprit, capfd):
    record("own.npz", 0)
    record("mute.npz", 0, policy="")
    record("moved.npz", 0, policy="elsewhere.npz")
    pi_l, ladder = LocalPolicy(np.full((2, 1, 2), 0.5)), Ladder((np.zeros((1, 1), dtype=np.uint16),), 2, 1)
    save_bundle(PolicyBundle(ladder, pi_l, "small", "0" * 16, 0.9, 0, {}), "small.npz")
    assert main(["compare", *arguments]) == 2
    (line,) = [line for line in capfd.readouterr().err.splitlines() if line.strip()]
    assert line.startswith("error: ")
    assert culprit in line


def test_help_has_an_example(capfd):
    assert main(["compare", "--help"]) == 0
    assert "Example: altmarl compare" in " ".join(capfd.readouterr().out.split())
