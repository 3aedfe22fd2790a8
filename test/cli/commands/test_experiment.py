"""`altmarl experiment`: files, resuming, and one clear line for every mistake."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import altmarl_ros
from altmarl_ros.cli.main import main
from altmarl_ros.experiments.table import read_csv

TINY = ["--robots", "20", "--runs", "10", "--seeds", "1", "--backend", "sequential"]
SWEEP = ["experiment", "k-sweep", "--quick", "-k", "1", "-k", "2", "-m", "fresh", *TINY]


@pytest.fixture(autouse=True)
def own_data_home(monkeypatch, tmp_path):
    monkeypatch.setenv("ROS_HOME", str(tmp_path / "ros_home"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
def test_a_run_leaves_table_figure_and_origin_and_later_ones_compute_nothing(tmp_path, capfd):
    assert main([*SWEEP, "--out", "first"]) == 0
    assert not capfd.readouterr().err.splitlines()[-1].startswith("0 results computed")
    rows = read_csv(tmp_path / "first" / "k-sweep.csv")
    assert {row["k"] for row in rows} == {"", 1, 2}
    assert {(row["robots"], row["seeds"]) for row in rows} == {(20, 1)}
    picture = (tmp_path / "first" / "k-sweep.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    command = json.loads((tmp_path / "first" / "k-sweep.json").read_text())["command"]
    assert command == "altmarl experiment k-sweep --k 1 --k 2 --model fresh --robots 20 --runs 10 --seeds 1 --quick"

    authors = Path(__file__).parents[2] / "data" / "authors_k_sweep.csv"
    assert main([*SWEEP, "--out", "second", "--compare", str(authors)]) == 0
    assert capfd.readouterr().err.splitlines()[-1].startswith("0 results computed")
    assert read_csv(tmp_path / "second" / "k-sweep.csv") == rows
    assert (tmp_path / "second" / "k-sweep.png").read_bytes() != picture  # other curves beside ours

    assert main(["experiment", "k-sweep", "--out", "second", "--plot-only"]) == 0
    assert (tmp_path / "second" / "k-sweep.png").read_bytes() == picture


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        (["k-sweep", "--game", "chess"], "chess"),
        (["k-sweep", "--plot-only", "--out", "nowhere"], "nowhere"),
        (["k-sweep", "--compare", "missing.csv"], "missing.csv"),
        (["k-sweep", "--quick", "-m", "psychic", *TINY], "psychic"),
        (["k-sweep", "--quick", "--learn-for", "nobody", *TINY], "nobody"),
        (["heatmap", "--x", "colour"], "colour"),
        (["value-of-reports", "--quick", "--game", "warehouse", "--backend", "sequential"], "no hidden state"),
        (["value-of-reports", "--vary", "colour", "--value", "3"], "colour"),
        (["heterogeneity", "--quick", "--backend", "abacus"], "abacus"),
        (["gap-rate", "--quick", "-k", "9", "--backend", "sequential"], "k is 9"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_gives_one_line_and_exit_code_2(arguments, culprit, capfd):
    assert main(["experiment", *arguments]) == 2
    errors = [line for line in capfd.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert culprit in errors[0]


@pytest.mark.parametrize("name", ["k-sweep", "convergence", "gap-rate", "heterogeneity", "heatmap"])
def test_help_has_an_example(name, capfd):
    assert main(["experiment", name, "--help"]) == 0
    assert f"Example: altmarl experiment {name}" in " ".join(capfd.readouterr().out.split())


@pytest.mark.slow
def test_an_interrupted_experiment_keeps_what_is_done_and_goes_on(tmp_path):
    command = [
        sys.executable,
        "-m",
        "altmarl_ros.cli.main",
        "experiment",
        "heterogeneity",
        "--robots",
        "100",
        "--runs",
        "100",
        "--seeds",
        "400",
        "-k",
        "1",
        "-m",
        "fresh",
        "--spread",
        "0.5",
        "--jobs",
        "1",
        "--out",
        "o",
        "--quick",
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(altmarl_ros.__file__).parents[1])}
    process = subprocess.Popen(
        command, env=environment, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    results = tmp_path / "ros_home" / "altmarl_ros" / "results"
    deadline = time.monotonic() + 60
    while len(list(results.rglob("*.json"))) < 3 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does on Ctrl-C
    try:
        errors = process.communicate(timeout=60)[1]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130, errors
    assert "goes on from there" in errors
    assert "Traceback" not in errors
    kept = len(list(results.rglob("*.json")))
    assert 3 <= kept < 1600
    assert not (tmp_path / "o").exists()
