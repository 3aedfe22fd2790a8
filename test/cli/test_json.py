"""--json: one document of strict JSON on standard output and nothing else, from every verb that has results."""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from altmarl_ros.cli import console
from altmarl_ros.cli.command_table import all_commands
from altmarl_ros.cli.main import main
from altmarl_ros.policies import save_bundle
from altmarl_ros.records.run_record import RunRecord
from retraining import MarkovRuns, exploring

TICKS, ROBOTS = 30, 12


def no_constant(name):
    raise AssertionError(f"{name} is no JSON")


def document(capfd, *arguments, code=0):
    capfd.readouterr()
    assert main([*map(str, arguments), "--json"]) == code, capfd.readouterr().err
    return json.loads(capfd.readouterr().out, parse_constant=no_constant)


@pytest.fixture(autouse=True)
def own_folder(monkeypatch, tmp_path, tiny_file):
    (tmp_path / "tiny.yaml").symlink_to(tiny_file)
    monkeypatch.setenv("ROS_HOME", str(tmp_path / "ros_home"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def policy(small_bundle, tmp_path):
    return save_bundle(exploring(small_bundle, 0.5), tmp_path / "acted.npz")


@pytest.fixture
def run(warehouse, small_bundle, policy, tmp_path):
    played = MarkovRuns(warehouse, ROBOTS, 3, TICKS)(warehouse, exploring(small_bundle, 0.5), 0)
    nothing = np.zeros(TICKS, dtype=np.int64)
    about = {
        "game": "warehouse",
        "game_hash": warehouse.content_hash,
        "policy": str(policy),
        "k": 3,
        "model": "filtered",
        "period": 0.5,
    }
    return RunRecord(
        played.session,
        played.tick,
        played.global_state,
        played.global_action,
        *[nothing] * 5,
        np.zeros(TICKS),
        np.zeros((TICKS, 5)),
        played.local_state,
        played.local_action,
        np.ones((TICKS, ROBOTS), dtype=np.int64),
        about,
    ).save(tmp_path / "run.npz")


def test_every_verb_has_it():
    for words, command in all_commands():
        if words[0] in ("dashboard", "link"):
            continue  # they serve until Ctrl-C; what the first tells is on its page, and what the second tells in /diagnostics
        assert any("--json" in parameter.opts for parameter in command.params), words


def test_an_option_means_the_same_and_has_the_same_short_form_everywhere():
    forms, owners = {}, {}
    for words, command in all_commands():
        for option in command.params:
            names = [name for name in option.opts if name.startswith("--")]
            for name in names:
                short = {other for other in option.opts if not other.startswith("--")}
                assert forms.setdefault(name, short) == short, (words, name)
                assert all(owners.setdefault(other, name) == name for other in short), (words, name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        (
            ["train", "--game", "tiny.yaml", "--k", "1", "--runs", "20", "--robots", "20", "--search", "0", "--out", "new.npz"],
            "policy_hash",
        ),
        (["train", "--out", "acted.npz", "--if-missing"], "policy_hash"),
        (["evaluate", "-p", "acted.npz", "--runs", "20", "--robots", "20", "-k", "1"], "results"),
        (["certify", "-p", "acted.npz", "--runs", "20", "--robots", "20", "-k", "1"], "gaps"),
        (["game", "list"], "games"),
        (["game", "check", "warehouse", "-k", "2"], "costs"),
        (["floor", "show", "hall"], "zones"),
        (["floor", "check", "hall", "--robots", "20"], "slots"),
        (["doctor"], "findings"),
        (["report", "run.npz", "--runs", "20"], "reward"),
        (["identify", "run.npz", "--out", "identified.npz"], "rows"),
        (["compare", "run.npz", "--runs", "100"], "quantities"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else "",
)
def test_a_verb_prints_one_document_and_nothing_else(run, capfd, arguments, key):
    assert key in document(capfd, *arguments)


def test_a_verb_that_trains_on_the_way_still_prints_one_document(monkeypatch, capfd):
    from altmarl_ros import policies
    from altmarl_ros.cli import training

    quick = partial(training.TrainingSettings, k=1, runs=20, robots=20, search=0.0)
    monkeypatch.setattr(training, "TrainingSettings", quick)
    monkeypatch.setattr(policies, "default_path", lambda game, k=None: Path("kept.npz"))
    assert (
        document(capfd, "evaluate", "--game", "tiny.yaml", "--runs", "20", "--robots", "20", "-k", "1")["policy"] == "kept.npz"
    )


def test_an_experiment_tells_its_rows(capfd):
    told = document(
        capfd,
        "experiment",
        "gap-rate",
        "--quick",
        "--games",
        "1",
        "--robots",
        "4",
        "-k",
        "1",
        "-k",
        "2",
        "--out",
        "out",
        "--backend",
        "sequential",
    )
    assert told["rows"]
    assert Path(told["table"]).exists()


@pytest.mark.parametrize(
    "arguments", [["evaluate", "-p", "missing.npz"], ["report", "missing.npz"], ["game", "check", "chess"]]
)
def test_a_mistake_gives_one_line_on_standard_error_and_no_document(arguments, capfd):
    assert main([*arguments, "--json"]) == 2
    captured = capfd.readouterr()
    assert captured.out == ""
    assert len(captured.err.strip().splitlines()) == 1


def test_without_json_results_go_to_standard_output_again(policy, capfd):
    document(capfd, "game", "list")
    assert main(["game", "list"]) == 0
    assert "games, for --game" in capfd.readouterr().out


@dataclass(frozen=True)
class Found:
    path: Path
    value: float


def test_what_json_does_not_have_becomes_what_it_has(capfd):
    content = {1: np.float64("nan"), "a": np.arange(2), "b": (Found(Path("x"), float("inf")),), "c": None, "d": np.bool_(True)}
    console.document(content)
    told = json.loads(capfd.readouterr().out, parse_constant=no_constant)
    assert told == {"1": None, "a": [0, 1], "b": [{"path": "x", "value": None}], "c": None, "d": True}
