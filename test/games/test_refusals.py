"""Errors of games and floors say the value, the place and the remedy: inputs from the field and their like."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.errors import GameError
from altmarl_ros.games import Start, TabularGame, load_floor_map, load_game
from altmarl_ros.games.array_checks import ROW_SUM_TOLERANCE
from altmarl_ros.games.tabular import check_name

CASES = Path(__file__).parents[1] / "data" / "cases"


def refusal(load, path):
    with pytest.raises(GameError) as error:
        load(path)
    message = str(error.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def test_rows_of_float32_are_accepted_as_case_07_has_them():
    game = load_game(CASES / "07-float32-rows" / "g.yaml")
    np.testing.assert_allclose(game.P_l.sum(axis=-1), 1.0, rtol=0, atol=1e-15)


@pytest.mark.parametrize("seed", range(5))
def test_rows_computed_in_float32_make_the_game_that_float64_makes(random_game, seed):
    game = random_game(seed, S_l=40)
    rounded = game.P_l.astype(np.float32)
    again = TabularGame(
        "rounded", game.P_g, rounded / rounded.sum(axis=-1, keepdims=True), game.r_g, game.r_l, gamma=game.gamma
    )
    np.testing.assert_allclose(again.P_l, game.P_l, atol=1e-6)


def test_a_row_that_is_off_by_more_is_told_with_enough_digits(random_game):
    game = random_game(0)
    P_l = game.P_l.copy()
    P_l[1, 0, 1] *= 1 + 3e-6
    with pytest.raises(GameError) as error:
        TabularGame("off", game.P_g, P_l, game.r_g, game.r_l, gamma=game.gamma)
    assert str(error.value) == "P_l[s_l=1, s_g=0, a_l=1] sums to 1.000003, not 1 within 1e-06; divide each row by its sum"
    assert ROW_SUM_TOLERANCE == 1e-6


@pytest.mark.parametrize(
    ("case", "culprit", "remedy"),
    [
        ("09-names-not-strings/norway.yaml", "zones.0.name is False", "quote it, as in 'no'"),
        ("09-names-not-strings/numname.yaml", "zones.0.name is 101", "quote it: '101'"),
        (
            "11-two-storeys/lift.yaml",
            "zones 'ground' and 'first' overlap by 10 m x 10 m around (5, 5)",
            "give each storey a 'level'",
        ),
        (
            "12-foreign-map-files/map.yaml",
            "is a map_server map of the image map.pgm",
            "altmarl floor import makes a floor map of it",
        ),
        ("12-foreign-map-files/map.pgm", "is an image in PGM format, as of a map_server map", "draw its zones"),
        (
            "12-foreign-map-files/graph.geojson",
            "is GeoJSON, as a route graph of Nav2",
            "altmarl floor import makes a floor map of it",
        ),
        (
            "12-foreign-map-files/utm.yaml",
            "zone 'a': rectangle has the coordinate 3949000, must be within 1e+06 m of the map's origin",
            "take a corner of the site as origin of the map frame, here as in the localisation, such as (388000, 3948900)",
        ),
    ],
)
def test_cases_from_the_field_are_told_what_they_are_and_what_to_do(case, culprit, remedy):
    message = refusal(load_floor_map, CASES / case)
    assert culprit in message
    assert remedy in message


def test_two_storeys_side_by_side_are_told_which_is_apart():
    floor = load_floor_map(CASES / "11-two-storeys" / "lift2.yaml")
    with pytest.raises(
        GameError, match=r"area is in 2 pieces: .* that joins 'first' to the rest, or give storeys a 'level' each"
    ):
        floor.check_room(0.2)


FOREIGN = {
    "building.yaml": (
        b"levels: {L1: {vertices: [[0, 0, 0]], lanes: []}, L2: {}}\nname: x\n",
        "building map of Open-RMF (levels L1, L2)",
    ),
    "params.yaml": (b"/**:\n  ros__parameters: {a: 1}\n", "is a file of ROS parameters"),
    "map.png": (b"\x89PNG\r\n\x1a\n" + bytes(50), "is an image"),
    "tables.npz": (b"PK\x03\x04" + bytes(50), "is an archive"),
    "run_0.mcap": (b"\x89MCAP0\r\n" + bytes(50), "is a bag in MCAP format"),
    "run_0.db3": (b"SQLite format 3\0" + bytes(50), "is an SQLite database"),
    "run_0.mcap.zstd": (b"\x28\xb5\x2f\xfd" + bytes(50), "is compressed by zstd, as files of a bag are"),
    "world.sdf": (b"<?xml version='1.0'?>\n<sdf/>", "is an XML document"),
    "plan.pdf": (b"%PDF-1.7\n", "is a PDF document"),
    "large.pgm": (b"P5\n2000 2000\n255\n" + bytes(4_000_000), "is an image in PGM format"),
}


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("load", [load_floor_map, load_game])
def test_files_of_another_make_are_recognised(tmp_path, load, name):
    content, culprit = FOREIGN[name]
    (tmp_path / name).write_bytes(content)
    assert culprit in refusal(load, tmp_path / name)


def test_a_floor_map_and_a_fleet_file_given_as_a_game_are_recognised(tmp_path):
    shutil.copy(CASES / "03-check-any-radius" / "floor.yaml", tmp_path / "floor.yaml")
    assert "is a floor map, not a game" in refusal(load_game, tmp_path / "floor.yaml")
    (tmp_path / "fleet.yaml").write_text("game: hall\nrobots: {robot_1: {id: 1}}\n")
    assert "is a fleet file, not a game" in refusal(load_game, tmp_path / "fleet.yaml")


@pytest.mark.parametrize(
    ("text", "culprit"),
    [
        ("zones: [{name: ~, rectangle: [0, 0, 1, 1]}]", "zones.0.name is None: "),
        ("zones: [{name: 2020-01-02, rectangle: [0, 0, 1, 1]}]", "quote it: '2020-01-02'"),
        ("zones: [{name: a, rectangle: [0, 0, 4, 4]}]\nadjacency: [[a, no]]", "adjacency.0.1 is False: "),
        ("zones: [{name: a, rectangle: [0, 0, wide, 4]}]", "zones.0.rectangle.2 is 'wide': "),
        ("zones: [{name: a, rectangle: [0, 0, 4, 4]}]\nopening: -1", "opening is -1: "),
        ("~: 1\nzones: []", "key None must be a string; YAML reads null and ~ as nothing: quote it"),
        ("no: 1\nzones: []", "key False must be a string; YAML reads yes, no, on and off as truth values"),
    ],
)
def test_a_value_that_does_not_fit_is_shown(tmp_path, text, culprit):
    (tmp_path / "floor.yaml").write_text(text)
    assert culprit in refusal(load_floor_map, tmp_path / "floor.yaml")


@pytest.mark.parametrize("key", ["game.yaml", "map", "arrays", "identified"])
def test_a_pipe_is_refused_wherever_a_file_is_named(tmp_path, game_file, key):
    os.mkfifo(tmp_path / "pipe.npz")
    os.mkfifo(tmp_path / "pipe.yaml")
    texts = {
        "map": "name: mine\nbuilder: floor\nparameters: {map: pipe.yaml}\n",
        "arrays": "name: mine\narrays: pipe.npz\ngamma: 0.9\n",
        "identified": "name: mine\nbuilder: warehouse\nidentified: pipe.npz\n",
    }
    path = game_file(texts[key]) if key in texts else tmp_path / "pipe.yaml"
    assert "cannot be read: is not a regular file" in refusal(load_game, path)


@pytest.mark.parametrize("smallest", [1e-5, 1e-300, 5e-324])
def test_starts_of_tiny_concentrations_put_all_robots_in_one_state(smallest):
    start = Start(np.ones(1), np.array([[smallest, smallest, 3 * smallest], [1.0, 1.0, 1.0]]))
    shares = start.draw_shares(400, np.random.default_rng(0))
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    alone = shares[(shares > 0.999).any(axis=1)]
    assert 140 < len(alone) < 260
    assert 0.45 < (alone[:, 2] > 0.999).mean() < 0.75  # three of five


def test_a_concentration_that_overflows_is_refused_by_name(random_game):
    game = random_game(0)
    with pytest.raises(GameError, match=r"start\.alpha\[s_l=1\] is 1e\+308, must be positive and at most 1e\+100"):
        TabularGame(
            "x", game.P_g, game.P_l, game.r_g, game.r_l, gamma=0.9, start=Start(np.full(2, 0.5), np.array([1.0, 1e308]))
        )


PATHS = ["../../x", "/tmp/x", "a/b", "a\\b", ".", "..", ".hidden"]
UNPRINTABLE = ["a\0b", "a\nb", "\x1b[31mred", "a\u202eb", "\t"]


@pytest.mark.parametrize("name", [*PATHS, *UNPRINTABLE, "", "x" * 65])
def test_a_games_name_is_no_path_and_its_refusal_is_safe_to_print(name, tmp_path, random_game):
    path = tmp_path / "game.yaml"
    path.write_text(yaml.safe_dump({"name": name, "builder": "warehouse"}))
    assert refusal(load_game, path).isprintable()
    game = random_game(0)
    with pytest.raises(GameError, match="name") as error:
        replace(game, name=name)
    assert str(error.value).isprintable()


@given(st.text(max_size=70))
def test_whatever_the_name_a_file_named_after_a_game_stays_in_its_folder(name):
    refused = ""
    try:
        check_name(name)
    except GameError as error:
        refused = str(error)
    assert refused.isprintable()
    assert refused or Path(os.path.normpath(f"/folder/{name}-1234.npz")).parent == Path("/folder")


def test_names_of_states_and_actions_are_printable(random_game):
    game = random_game(0)
    names = ("\x1b[2J", *game.local_action_names[1:])
    with pytest.raises(GameError, match=r"local_action_names has '\\x1b\[2J'"):
        replace(game, local_action_names=names)
