"""What commands show of a fleet whose robots differ."""

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from altmarl_ros.cli.fleet_display import fleet_table
from altmarl_ros.cli.main import app, main
from altmarl_ros.deployment import FleetPlan
from altmarl_ros.policies import save_bundle


@pytest.fixture
def run(play_kinds, kinds_file, kinds_bundle, tmp_path):
    policy = save_bundle(kinds_bundle, tmp_path / "kinds.npz")
    about = {"game": str(kinds_file), "policy": str(policy), "k": 2, "model": "filtered", "period": 0.5}
    return play_kinds(ticks=30)[1].record(about).save(tmp_path / "run.npz")


@pytest.mark.slow
def test_a_report_shows_shares_by_state_and_type(run):
    result = CliRunner().invoke(app, ["report", str(run), "--runs", "10", "--json"])
    assert result.exit_code == 0, result.output
    assert "Shade: share of robots per state and type." in run.with_suffix(".html").read_text()
    assert json.loads(result.stdout)


def test_the_table_of_a_fleet_names_place_and_type(play_kinds, kinds):
    _, log = play_kinds(ticks=5)
    console = Console(file=StringIO(), width=100)
    console.print(fleet_table(log, FleetPlan("kinds", Path("kinds.npz"), robots=12), kinds, {}))
    shown = console.file.getvalue()
    assert all(f"zone {i}, {name}" in shown for i in range(3) for name in ("fast", "slow"))


def test_a_check_of_a_game_tells_its_types(kinds_file):
    result = CliRunner().invoke(app, ["game", "check", str(kinds_file)])
    assert result.exit_code == 0, result.output
    assert "robots: 3 states" in result.output
    assert "types of robots: fast 62.5 %, slow 37.5 %" in result.output
    assert "half-life" in result.output  # robots never change their type, which is no slow mixing
    about = json.loads(CliRunner().invoke(app, ["game", "check", str(kinds_file), "--json"]).stdout)
    assert about["types"] == {"fast": 0.625, "slow": 0.375}
    assert max(about["slowest_mode"]) < 1.0


@pytest.mark.parametrize("verb", ["identify", "compare"])
def test_what_takes_robots_for_alike_is_refused(run, kinds_file, capfd, verb):
    assert main([verb, str(run), "--game", str(kinds_file)]) == 2
    assert f"{verb} is for robots that are alike, and 'kinds' has 2 types of them" in " ".join(capfd.readouterr().err.split())
