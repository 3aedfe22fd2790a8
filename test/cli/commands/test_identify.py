"""`altmarl identify`: what it tells of recorded runs, and the games it writes."""

import json

import numpy as np
import pytest
import yaml
from scipy import stats

from altmarl_ros.cli.main import main
from altmarl_ros.errors import GameError
from altmarl_ros.games import load_floor_map, load_game
from altmarl_ros.games.game_files import load_posterior
from altmarl_ros.policies import load_bundle
from altmarl_ros.records.run_record import RunRecord

TICKS, ROBOTS = 300, 40


@pytest.fixture(autouse=True)
def own_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "128")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def record(tmp_path, warehouse):
    """A run of the warehouse whose robots never leave zone 2, whatever they do."""

    def write(name="run.npz", **changes):
        rng = np.random.default_rng(1)
        nothing = np.zeros(TICKS, dtype=np.int64)
        run = {
            "session": nothing,
            "tick": np.arange(TICKS),
            "global_state": rng.integers(5, size=TICKS),
            "global_action": nothing,
            "asked": nothing,
            "heard": nothing,
            "rung": nothing,
            "reports": nothing,
            "report_bytes": nothing,
            "latency": np.zeros(TICKS),
            "estimate": np.zeros((TICKS, 5)),
            "local_state": np.full((TICKS, ROBOTS), 2),
            "local_action": rng.integers(3, size=(TICKS, ROBOTS)),
            "actions": np.ones((TICKS, ROBOTS), dtype=np.int64),
            "about": {"game_hash": warehouse.content_hash},
        }
        return RunRecord(**{**run, **changes}).save(tmp_path / name)

    return write


def one_error_line(capfd):
    lines = [line for line in capfd.readouterr().err.splitlines() if line.strip()]
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    return lines[0]


def test_identify_writes_a_game_that_has_seen_the_run(record, warehouse, tmp_path, capfd):
    path = record()
    assert main(["identify", str(path), str(path), "--out", "seen.yaml", "--weight", "5"]) == 0
    printed = capfd.readouterr().out
    assert f"{2 * (TICKS - 1) * ROBOTS:,} transitions, in 15 of 75 combinations" in printed
    assert "farthest from the model" in printed
    game = load_game("seen.yaml")
    for s_g in range(5):
        for a_l in range(3):
            row = game.P_l[2, s_g, a_l]
            n = (np.load(tmp_path / "seen.npz")["transitions"])[2, s_g, a_l].sum()
            np.testing.assert_allclose(row, (5 * warehouse.P_l[2, s_g, a_l] + n * np.eye(5)[2]) / (5 + n), rtol=1e-9)
    others = [0, 1, 3, 4]
    np.testing.assert_allclose(game.P_l[others], warehouse.P_l[others], rtol=1e-12)


def test_identify_writes_arrays_alone(record, tmp_path):
    assert main(["identify", str(record()), "--out", "seen.npz"]) == 0
    assert set(np.load(tmp_path / "seen.npz").files) == {"P_l", "standard_error", "transitions", "alpha"}
    assert not (tmp_path / "seen.yaml").exists()


def test_a_record_of_another_version_is_taken_with_a_note(record, capfd):
    assert main(["identify", str(record(about={"game_hash": "0123456789abcdef"}))]) == 0
    assert "recorded with another version of the game (0123456789abcdef)" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        (["nowhere.npz"], "nowhere.npz: cannot be read"),
        (["run.npz", "--game", "chess"], "chess"),
        (["run.npz", "--weight", "0"], "weight is 0"),
        (["foreign.npz"], "foreign.npz: local_state[0, 0] is 9, must be below 5 for game 'warehouse'"),
        (["run.npz", "--out", "run.npz/seen.npz"], "run.npz/seen.npz"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_gives_one_line_and_exit_code_2(record, arguments, culprit, capfd):
    record()
    record("foreign.npz", local_state=np.full((TICKS, ROBOTS), 9))
    assert main(["identify", *arguments]) == 2
    assert culprit in one_error_line(capfd)


def test_identify_refuses_a_file_that_is_neither_yaml_nor_arrays(record, capfd):
    assert main(["identify", str(record()), "--out", "seen.txt"]) == 2
    assert "--out seen.txt must end in .yaml or .npz" in " ".join(capfd.readouterr().err.split())


def test_a_floor_is_pooled_unless_told_otherwise(record, capfd):
    path = str(record(about={"game_hash": load_game("hall").content_hash}))
    assert main(["identify", path, "--game", "hall", "--json"]) == 0
    pooled = json.loads(capfd.readouterr().out)
    assert main(["identify", path, "--game", "hall", "--no-pool", "--json"]) == 0
    apart = json.loads(capfd.readouterr().out)
    assert (pooled["pooled"], len(pooled["rows"])) == (True, 5 * 5)
    assert (apart["pooled"], len(apart["rows"])) == (False, 5 * 5 * 5)
    assert pooled["transitions"] == apart["transitions"] == (TICKS - 1) * ROBOTS
    assert sum(row["transitions"] for row in apart["rows"]) == pooled["transitions"]
    assert pooled["ticks"] == TICKS - 1


def test_rows_that_the_model_tells_apart_are_not_pooled(record, capfd):
    assert main(["identify", str(record()), "--pool"]) == 2
    assert "differs between global states" in one_error_line(capfd)


def test_json_has_the_posterior_of_every_row(record, warehouse, capfd):
    assert main(["identify", str(record()), "--weight", "4", "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    by_action = {each["name"]: each["transitions"] for each in told["actions"]}
    local_action = np.random.default_rng(1)
    local_action.integers(5, size=TICKS)
    taken = np.bincount(local_action.integers(3, size=(TICKS, ROBOTS))[:-1].ravel())
    assert by_action == dict(zip(warehouse.local_action_names, taken.tolist(), strict=True))
    row = next(row for row in told["rows"] if (row["from"], row["s_g"], row["action"]) == ("zone C", 1, "next"))
    a = 4 * warehouse.P_l[2, 1, 1, 2] + row["transitions"]
    np.testing.assert_allclose(
        [row["low"][2], row["high"][2]], stats.beta(a, 4 + row["transitions"] - a).ppf([0.025, 0.975]), rtol=1e-6
    )
    assert row["identified"][2] == pytest.approx(a / (4 + row["transitions"]))


def test_what_was_hardly_seen_is_warned_of(record, capfd):
    assert main(["identify", str(record(local_action=np.ones((TICKS, ROBOTS), dtype=np.int64)))]) == 0
    told = " ".join(capfd.readouterr().err.split())
    assert "actions hardly seen, fewer than 10 transitions per row: stay (0), previous (0)" in told
    assert "zones hardly seen, fewer than 10 transitions per row: zone A (0), zone B (0), zone D (0), zone E (0)" in told
    assert "70 of 75 rows rest on the model more than on the record" in told


@pytest.mark.parametrize("game", [pytest.param("warehouse", marks=pytest.mark.slow), "hall"])
def test_figure_is_a_picture(record, game, tmp_path):
    assert main(["identify", str(record()), "--game", game, "--figure", "kernel.png"]) == 0
    assert (tmp_path / "kernel.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_floor_whose_map_is_elsewhere_is_identified_trained_and_compared(record, tmp_path, capfd):
    (tmp_path / "maps").mkdir()
    (tmp_path / "mine").mkdir()
    zones = [{"name": f"room {i}", "rectangle": [4 * i, 0, 4 * i + 4, 4]} for i in range(5)]
    (tmp_path / "maps" / "rooms.yaml").write_text(yaml.safe_dump({"zones": zones}))
    (tmp_path / "mine" / "rooms.yaml").write_text(
        "name: rooms\nbuilder: floor\nparameters: {map: ../maps/rooms.yaml, gamma: 0.8}\n"
    )
    path = str(record(about={}))
    out = tmp_path / "results" / "deep" / "seen.yaml"
    assert main(["identify", path, "--game", "mine/rooms.yaml", "--out", str(out)]) == 0
    game, model = load_game(out), load_game("mine/rooms.yaml")
    assert game.P_l[2, 0, 1, 2] > 0.9 > model.P_l[2, 0, 1, 2]  # the robots of the record never left
    assert load_posterior(out, game).alpha.shape == (5, 1, 3, 5)
    assert load_posterior("mine/rooms.yaml", model) is None
    assert load_floor_map(out).plan.names == model.local_state_names
    train = ["train", "--game", str(out), "-k", "1", "--runs", "10", "-n", "20", "--rounds", "1", "--out", "new.npz"]
    assert main(train) == 0
    assert load_bundle("new.npz", game).kind == "shares"
    assert main(["compare", path, "--game", str(out), "--policy", "new.npz", "--runs", "100"]) == 0
    assert "the bands hold chance and what is not known of the kernel" in capfd.readouterr().out


def test_an_altered_posterior_is_refused_by_name(record, tmp_path):
    assert main(["identify", str(record()), "--out", "seen.yaml"]) == 0
    game = load_game("seen.yaml")
    arrays = dict(np.load("seen.npz"))
    for alpha, culprit in (
        (arrays["alpha"][:2], "alpha has shape"),
        (-arrays["alpha"], "must be finite and not negative"),
        (arrays["alpha"][..., ::-1], "is not the mean"),
    ):
        np.savez("seen.npz", **{**arrays, "alpha": alpha})
        with pytest.raises(GameError, match=culprit):
            load_posterior("seen.yaml", game)


def test_help_has_an_example(capfd):
    assert main(["identify", "--help"]) == 0
    assert "Example: altmarl identify" in " ".join(capfd.readouterr().out.split())
