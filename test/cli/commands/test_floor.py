"""`altmarl floor`: what it draws, tells and refuses."""

import json
from pathlib import Path

import pytest

from altmarl_ros.cli.figures.floor_figure import floor_figure
from altmarl_ros.cli.main import main
from altmarl_ros.games import load_floor_map

TWO = "zones: [{name: a, rectangle: [0, 0, 4, 4]}, {name: '[b]', disc: [6, 2, 1.5]}]\nadjacency: [[a, '[b]']]\n"


@pytest.fixture(autouse=True)
def own_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def two(tmp_path):
    (tmp_path / "two.yaml").write_text(TWO)
    return "two.yaml"


@pytest.mark.parametrize("name", ["hall", "floor"])
def test_show_draws_and_lists_the_zones(name, tmp_path, capfd):
    assert main(["floor", "show", name, "--out", "out.png"]) == 0
    told = capfd.readouterr().out
    floor = load_floor_map(name)
    for zone, slots in zip(floor.plan.zones, floor.slots, strict=True):
        (row,) = [line for line in told.splitlines() if line.strip("│ ").startswith(zone.name)]
        assert f"{zone.polygon.area:.1f}" in row
        assert str(len(slots)) in row.split("│")[3]
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


def test_show_as_json(two, capfd):
    assert main(["floor", "show", two, "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert told["picture"] == "floor.png"
    assert [(zone["name"], zone["slots"], zone["neighbours"]) for zone in told["zones"]] == [
        ("a", 1, ["[b]"]),
        ("[b]", 1, ["a"]),
    ]
    assert told["zones"][0]["area"] == 16
    assert told["zones"][1]["area"] == pytest.approx(7.0686, rel=2e-3)


def test_the_picture_has_every_slot_to_scale_and_every_name():
    floor = load_floor_map("hall")
    (axes,) = floor_figure(floor, 0.25).axes
    circles = [patch for patch in axes.patches if hasattr(patch, "radius")]
    assert sorted(circle.center for circle in circles) == sorted(tuple(slot) for slots in floor.slots for slot in slots)
    assert {circle.radius for circle in circles} == {0.25}
    assert set(floor.plan.names) <= {text.get_text() for text in axes.texts}
    assert sum(text.get_text() == "" for text in axes.texts) == len(floor.entries)
    assert axes.get_aspect() == 1.0


def test_check_of_a_good_floor(capfd):
    assert main(["floor", "check", "hall", "--game", "hall", "--robots", "20", "--radius", "0.2"]) == 0
    said = capfd.readouterr()
    assert "5 zones, 100 slots" in said.out
    assert said.err == ""


def test_check_warns_where_robots_share_slots(two, capfd):
    assert main(["floor", "check", two, "--robots", "2"]) == 0
    warnings = capfd.readouterr().err.splitlines()
    assert ["warning: zone 'a' has 1 slots" in warnings[0], "warning: zone '[b]' has 1 slots" in warnings[1]] == [True, True]


def test_check_tells_one_way_passages(capfd):
    floor = str(Path(__file__).parents[2] / "data" / "cases" / "04-one-way-door" / "floor.yaml")
    assert main(["floor", "check", floor]) == 0
    assert "one-way: from 'a' to 'b', not back" in capfd.readouterr().err
    assert main(["floor", "check", floor, "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["one_way"] == [["a", "b"], ["b", "c"], ["c", "a"]]


def test_check_names_the_file_that_has_no_room(tmp_path, capfd):
    (tmp_path / "narrow.yaml").write_text(TWO)
    assert main(["floor", "check", "narrow.yaml", "--radius", "3"]) == 2
    assert capfd.readouterr().err.startswith("error: narrow.yaml: ")


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        (["check", "nowhere"], "no game or floor 'nowhere'"),
        (["check", "nowhere.yaml"], "nowhere.yaml: cannot be read"),
        (["check", "warehouse"], "has no floor: its builder is not 'floor'"),
        (["check", "bad.yaml"], "zones 'a' and 'b' overlap"),
        (["show", "bad.yaml"], "zones 'a' and 'b' overlap"),
        (["check", "hall", "--radius", "0.5"], "nearer than a robot's diameter of 1 m"),
        (["check", "two.yaml", "--game", "warehouse"], "the floor has 2 zones, the game 'warehouse' has 5 local states"),
        (["show", "two.yaml", "--out", "/dev/null/floor.png"], "floor.png: cannot be written"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(arguments, culprit, two, tmp_path, capfd):
    (tmp_path / "bad.yaml").write_text("zones: [{name: a, rectangle: [0, 0, 4, 4]}, {name: b, rectangle: [3, 0, 7, 4]}]\n")
    assert main(["floor", *arguments]) == 2
    (line,) = [line for line in capfd.readouterr().err.splitlines() if line.strip()]
    assert culprit in line


def test_check_with_a_game_says_who_does_not_fit(two, tmp_path, capfd):
    game = "name: g\nbuilder: floor\nparameters: {map: two.yaml}\nroom: {a: 3, default: slots}\n"
    (tmp_path / "g.yaml").write_text(game)
    assert main(["floor", "check", "g.yaml", "--game", "g.yaml", "--robots", "4"]) == 0
    assert main(["floor", "check", "g.yaml", "--game", "g.yaml", "--robots", "5"]) == 2
    assert "5 robots do not fit: all places together have room for 4; room for 3 in a, 1 in [b]" in capfd.readouterr().err


@pytest.fixture
def office(tmp_path):
    cells = [[0] * 60 for _ in range(40)]
    for left, right, rows in ((2, 28, range(2, 38)), (30, 58, range(2, 38)), (28, 30, range(16, 26))):
        for row in rows:
            cells[row][left:right] = [254] * (right - left)
    (tmp_path / "office.pgm").write_bytes(b"P5 60 40 255\n" + bytes(value for row in cells for value in row))
    text = "image: office.pgm\nresolution: 0.1\norigin: [0, 0, 0]\nnegate: 0\noccupied_thresh: 0.65\nfree_thresh: 0.196\n"
    (tmp_path / "office.yaml").write_text(text)
    return "office.yaml"


def test_import_tells_what_it_made_and_draws_it(office, tmp_path, capfd):
    assert main(["floor", "import", office, "--out", "floor.yaml", "--picture", "floor.png"]) == 0
    told = capfd.readouterr().out
    assert "office.yaml: map_server map: 2 zones, 1 wall, 1 passage" in told
    assert "smallest passage: 1.00 m, from 'room 1' to 'room 2'" in told
    assert "room 1" in told
    assert (tmp_path / "floor.png").read_bytes().startswith(b"\x89PNG")
    assert main(["floor", "check", "floor.yaml", "--radius", "0.2"]) == 0


def test_import_as_json(office, capfd):
    assert main(["floor", "import", office, "--json", "--zones", "cells", "--cell", "2"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert told["counts"]["zones"] == len(told["zones"]) > 4
    assert told["floor"] == "floor.yaml"
    assert told["offset"] == [0, 0]


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        (["nowhere.yaml"], "nowhere.yaml: cannot be read"),
        (["office.yaml", "--unknown", "maybe"], "unknown is 'maybe', must be wall or free"),
        (["office.yaml", "--radius", "5"], "must be at least two robots wide"),
        (["office.yaml", "--zones", "nodes"], "has no nodes: give --zones rooms or --zones cells"),
    ],
)
def test_import_refuses_in_one_line(arguments, culprit, office, tmp_path, capfd):
    assert main(["floor", "import", *arguments]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert culprit in line
    assert not (tmp_path / "floor.yaml").exists()


def test_an_exported_floor_is_a_route_graph_again(tmp_path, capfd):
    assert main(["floor", "export", "hall", "--geojson", "hall.geojson"]) == 0
    assert main(["floor", "import", "hall.geojson", "--out", "again.yaml"]) == 0
    hall, again = load_floor_map("hall"), load_floor_map("again.yaml")
    assert again.plan.names == hall.plan.names
    assert (again.plan.adjacency == hall.plan.adjacency).all()
    features = json.loads((tmp_path / "hall.geojson").read_text())["features"]
    kinds = [feature["properties"].get("kind") for feature in features]
    assert kinds.count("zone") == kinds.count("slots") == 5
    assert kinds.count("wall") == 3
    capfd.readouterr()
    assert main(["floor", "export", "hall", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["zones"] == 5
