"""What cannot be imported is refused in one line that names the file, the place in it, and what to do."""

import copy
import json

import numpy as np
import pytest
import yaml
from PIL import Image

from altmarl_ros.errors import GameError
from altmarl_ros.floors.importing import ImportOptions, import_floor
from altmarl_ros.floors.importing.occupancy_grid import MOST_PIXELS
from small_maps import building_files, edge, graph_files, point, route_files, two_rooms, write_grid


def refusal(path, **options):
    with pytest.raises(GameError) as caught:
        import_floor(path, ImportOptions(**options))
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("about", "culprit"),
    [
        ({"resolution": 0.0}, "resolution is 0"),
        ({"resolution": "fine"}, "resolution is 'fine', must be a number"),
        ({"origin": [1.0]}, "origin is [1.0], must be [x, y, yaw]"),
        ({"origin": [1.0, float("nan"), 0.0]}, "origin is [1.0, nan, 0.0]"),
        ({"mode": "colour"}, "mode is 'colour', must be one of trinary, scale, raw"),
        ({"negate": 2}, "negate is 2, must be 0 or 1"),
        ({"free_thresh": 0.9}, "free_thresh is 0.9 and occupied_thresh 0.65"),
        ({"image": ""}, "image is '', must be the name of an image file"),
        ({"image": "nowhere.pgm"}, "nowhere.pgm: cannot be read: No such file"),
        ({"negate": 1}, "a robot that needs 0.50 m fits nowhere"),
    ],
)
def test_keys_of_a_grid(about, culprit, tmp_path):
    assert culprit in refusal(write_grid(tmp_path, "map", two_rooms(), **about))


@pytest.mark.parametrize(
    ("content", "culprit"),
    [
        (b"hello", "is no image in one of the formats"),
        (b"P5 20 20 255\n" + bytes(100), "truncated"),
        (b"P5 9000 9000 255\n", f"has 9000 x 9000 pixels, more than {MOST_PIXELS}"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "image"),
    ],
)
def test_images_that_are_damaged_or_too_large(content, culprit, tmp_path):
    path = write_grid(tmp_path, "map", two_rooms())
    (tmp_path / "map.pgm").write_bytes(content)
    assert culprit in refusal(path)


def test_a_map_that_is_all_wall(tmp_path):
    assert "no free cell" in refusal(write_grid(tmp_path, "map", np.zeros((20, 20), dtype=np.uint8)))


def test_transparent_pixels_are_unknown(tmp_path):
    cells = two_rooms()
    path = write_grid(tmp_path, "map", cells, form="png")
    shades = np.stack([cells, cells, cells, np.where(np.arange(cells.shape[1]) < 62, 255, 0) + 0 * cells], axis=-1)
    Image.fromarray(shades.astype(np.uint8)).save(tmp_path / "map.png")
    floor = import_floor(path, ImportOptions()).made.floor
    assert len(floor.plan.zones) == 1
    assert floor.area.bounds[2] < 6.5


def test_a_robot_that_fits_nowhere_is_told_how_wide_the_map_is(tmp_path):
    assert "the widest free place of the map has 4.9" in refusal(
        write_grid(tmp_path, "map", two_rooms()), radius=3.0, cell=12.0
    )


def test_too_many_zones(tmp_path):
    cells = np.full((400, 400), 254, dtype=np.uint8)
    message = refusal(write_grid(tmp_path, "map", cells), zones="cells", cell=2.0)
    assert "400 zones were found, a floor has at most 256: give a larger --cell" in message


def changed(document, *keys, value):
    document = copy.deepcopy(document)
    place = document
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    return document


BUILDING = building_files()["plain"]
GRAPH = graph_files()["both"]
L1 = ("levels", "L1")


@pytest.mark.parametrize(
    ("document", "culprit"),
    [
        (changed(BUILDING, *L1, "walls", 2, value=[1, 99, {}]), "levels.L1.walls[2] names vertex 99"),
        (changed(BUILDING, *L1, "lanes", 0, value=[8]), "levels.L1.lanes[0] is [8], must be [start, end, properties]"),
        (changed(BUILDING, *L1, "vertices", 3, value=[0, "south", 0, ""]), "levels.L1.vertices[3] is [0, 'south', 0, '']"),
        (changed(BUILDING, *L1, "floors", 0, value={"vertices": [0, 1]}), "levels.L1.floors[0] has the vertices [0, 1]"),
        (
            changed(BUILDING, *L1, "measurements", value=[]),
            "levels.L1 has no measurement: draw one in the editor, or give --scale",
        ),
        (changed(BUILDING, *L1, "measurements", 0, value=[0, 0, {}]), "levels.L1.measurements[0]"),
        (changed(BUILDING, *L1, "lanes", value=[]) | {"levels": {"L1": {"elevation": 0.0}}}, "levels.L1 has no measurement"),
        (changed(BUILDING, "coordinate_system", value="web_mercator"), "coordinate_system is 'web_mercator'"),
        (changed(BUILDING, "reference_level_name", value="L7"), "reference_level_name is 'L7'; levels are L1"),
        (changed(BUILDING, "lifts", value={"A": {"x": 1}}), "lifts.A is {'x': 1}"),
        (
            changed(GRAPH, *L1, "lanes", 1, value=[0, 3, {}]),
            "levels.L1.lanes[1] names vertex 3; the level has the vertices 0 to 2",
        ),
        (changed(GRAPH, *L1, "vertices", 0, value=["x", 0]), "levels.L1.vertices[0] is ['x', 0]"),
        (changed(GRAPH, *L1, "vertices", value=7), "levels.L1.vertices is 7, must be a list"),
        (changed(GRAPH, *L1, value=7), "levels.L1 is 7, must be a mapping"),
    ],
)
def test_elements_of_buildings_and_graphs(document, culprit, tmp_path):
    path = tmp_path / "map.yaml"
    path.write_text(yaml.safe_dump(json.loads(json.dumps(document))))
    assert culprit in refusal(path)


ROUTE = route_files()["square"]["features"]


@pytest.mark.parametrize(
    ("features", "culprit"),
    [
        ([*ROUTE, edge(99, 0, 42)], "features[12]: endid is 42, which is no node"),
        ([*ROUTE, point(0, 1.0, 1.0)], "features[12]: the id 0 stands twice, first in"),
        ([*ROUTE, edge(99, 0, 1, cost="much")], "features[12].properties.cost is 'much'"),
        ([point(0, 0.0, None)], "features[0].geometry.coordinates is [0.0, None]"),
        ([7], "features[0] is 7, must be a feature"),
        ([], "has no node"),
        (7, "features: must be a list"),
        ([point(0, 0.0, 0.0)], "has no lanes"),
        ([point(0, 0.0, 0.0) | {"feature_type": "rmf_vertex"}], "is of Open-RMF in degrees"),
    ],
)
def test_features_of_route_graphs(features, culprit, tmp_path):
    path = tmp_path / "map.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    assert culprit in refusal(path)


@pytest.mark.parametrize(
    ("content", "culprit"),
    [
        (b"P5 2 2 255\n0000", "give the YAML file of map_server that names it"),
        (b"zones: []\n", "is none of the maps that can be imported"),
        (b"- 1\n", "must be a mapping"),
        (b"{", "is not valid JSON"),
        (b"a: [\n", "is not valid YAML"),
        (b"a: &x 1\nb: *x\n", "aliases"),
        (b'{"a":' * 100_000, "is nested too deeply"),
        (b"a: !!python/object:os.system x\n", "is not valid YAML"),
    ],
)
def test_other_files(content, culprit, tmp_path):
    path = tmp_path / "map"
    path.write_bytes(content)
    assert culprit in refusal(path)


def test_a_building_without_lanes_becomes_rooms(tmp_path):
    path = tmp_path / "map.yaml"
    path.write_text(yaml.safe_dump(json.loads(json.dumps(changed(BUILDING, *L1, "lanes", value=[])))))
    assert len(import_floor(path, ImportOptions()).made.floor.plan.zones) == 2
    assert "has no lanes: there is nothing to drive on" in refusal(path, zones="nodes")


def test_rooms_of_a_graph_without_walls(tmp_path):
    path = tmp_path / "map.geojson"
    path.write_text(json.dumps(route_files()["square"]))
    assert "has no walls, so it has no rooms: leave out --zones" in refusal(path, zones="rooms")


@pytest.mark.parametrize(
    ("options", "culprit"),
    [
        ({"zones": "halls"}, "zones is 'halls', must be one of auto, rooms, cells, nodes"),
        ({"radius": 0.0}, "radius is 0 m"),
        ({"cell": 0.3}, "cell is 0.3 m, must be at least two robots wide"),
        ({"lane_width": 0.1}, "lane width is 0.1 m"),
    ],
)
def test_options(options, culprit):
    with pytest.raises(GameError) as caught:
        ImportOptions(**options)
    assert culprit in str(caught.value)
