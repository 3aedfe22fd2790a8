"""`altmarl identify --rates`: parameters of a game of work from a record, and the game that it writes."""

import json

import numpy as np
import pytest
import yaml

from altmarl_ros.cli.main import main
from altmarl_ros.games import load_game, load_workplace
from altmarl_ros.records.run_record import RunRecord

TICK, CYCLE, TICKS = 2.0, 5, 103


@pytest.fixture(autouse=True)
def own_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "128")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def game_file(tmp_path):
    (tmp_path / "maps").mkdir()
    zones = [{"name": name, "rectangle": [4 * i, 0, 4 * i + 4, 4]} for i, name in enumerate("abcd")]
    (tmp_path / "maps" / "row.yaml").write_text(yaml.safe_dump({"zones": zones}))
    parameters = {"map": "maps/row.yaml", "pick_ups": ["a", "d"], "drops": ["b"], "tick": TICK, "hot_rate": 0.4}
    (tmp_path / "row.yaml").write_text(yaml.safe_dump({"name": "row", "builder": "deliveries", "parameters": parameters}))
    return "row.yaml"


@pytest.fixture
def record(game_file, tmp_path):
    """Three robots that wait at the hot pick-up, are loaded in every fifth tick, and rid of it by nobody's doing."""
    game, workplace = load_game(game_file), load_workplace(game_file)
    empty, loaded = (workplace.local_state(0, loaded=each, level=0) for each in (False, True))
    states = np.where(np.arange(TICKS) % (CYCLE + 1) == CYCLE, loaded, empty)
    nothing, robots = np.zeros(TICKS, dtype=np.int64), np.zeros((TICKS, 3), dtype=np.int64)
    run = RunRecord(
        session=nothing,
        tick=np.arange(TICKS),
        global_state=nothing,
        global_action=nothing,
        asked=nothing,
        heard=nothing,
        rung=nothing,
        reports=nothing,
        report_bytes=nothing,
        latency=np.zeros(TICKS),
        estimate=np.zeros((TICKS, game.n_local_states)),
        local_state=np.repeat(states[:, None], 3, axis=1),
        local_action=robots,
        actions=robots + 1,
        about={"game": game_file, "game_hash": game.content_hash},
        hidden_state=nothing,
    )
    return str(run.save(tmp_path / "run.npz"))


def test_what_was_seen_is_written_and_the_rest_is_kept(record, game_file, tmp_path, capfd):
    (tmp_path / "elsewhere").mkdir()
    arguments = ["identify", record, "--rates", "--game", game_file]
    assert main([*arguments, "--out", "elsewhere/seen.yaml", "--json"]) == 0
    rates = {each["name"]: each for each in json.loads(capfd.readouterr().out)["rates"]}
    assert rates["hot_rate"]["value"] == pytest.approx(1.0 / CYCLE / TICK)
    assert rates["hot_rate"]["low"] < 1.0 / CYCLE / TICK < rates["hot_rate"]["high"]
    assert [name for name, each in rates.items() if each["known"]] == ["hot_rate"]
    parameters = yaml.safe_load((tmp_path / "elsewhere" / "seen.yaml").read_text())["parameters"]
    assert parameters["hot_rate"] == pytest.approx(0.1)
    assert parameters["map"] == "../maps/row.yaml"
    assert load_game("elsewhere/seen.yaml").local_state_names == load_game(game_file).local_state_names
    assert main(arguments) == 0
    told = capfd.readouterr().out
    assert "hot_rate" in told
    assert "too little seen" in told


def test_one_run_does_not_show_how_far_runs_differ(record, game_file, tmp_path, capfd):
    one, said = ["identify", record, "--game", game_file], "judged from parts of one run"
    assert main(one) == 0
    assert said in " ".join(capfd.readouterr().err.split())
    second = RunRecord.load(record).save(tmp_path / "second.npz")
    assert main([*one, str(second)]) == 0
    assert said not in " ".join(capfd.readouterr().err.split())


def test_mistakes_give_one_line(record, game_file, capfd):
    assert main(["identify", record, "--rates", "--game", game_file, "--out", "seen.npz"]) == 2
    assert "must end in .yaml with --rates" in capfd.readouterr().err
    assert main(["identify", record, "--rates", "--game", "deliveries"]) == 2
