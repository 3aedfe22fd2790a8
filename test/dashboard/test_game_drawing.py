from pathlib import Path

import numpy as np
import pytest

from altmarl_ros.dashboard.game_drawing import game_drawing
from altmarl_ros.games import find_floor_map, load_floor_map, load_game
from altmarl_ros.games.attention import AttentionParameters, build_attention


@pytest.mark.parametrize(("width", "height"), [(10, 10), (20, 20), (5, 2)])
def test_zones_of_a_grid_are_drawn_as_a_map_and_do_not_overlap(width, height):
    drawing = game_drawing(build_attention(AttentionParameters(width=width, height=height)), None, 0, 0, 0)
    centres = np.array([place["centre"] for place in drawing["places"]])
    assert centres.max(axis=0).tolist() == [width - 1, height - 1]
    assert len(np.unique(centres, axis=0)) == width * height
    assert max(place["radius"] for place in drawing["places"]) < 0.5


def test_many_zones_of_an_unknown_game_are_drawn_in_rows():
    places = game_drawing(None, None, 100, 5, 5)["places"]
    assert places[99]["centre"] == [9.0, 9.0]
    assert len(game_drawing(None, None, 8, 5, 5)["places"]) == 8


def test_a_game_of_work_is_drawn_on_its_floor_and_what_is_under_way_is_between_the_zones():
    office = str(Path(__file__).parents[2] / "examples" / "office" / "deliveries.yaml")
    floor = find_floor_map(office)
    drawing = game_drawing(load_game(office), floor, 0, 0, 0)
    zones = [place for place in drawing["places"] if place["polygon"]]
    ways = [place for place in drawing["places"] if not place["polygon"]]
    assert (drawing["metres"], len(zones), len(drawing["walls"])) == (True, len(floor.plan.zones), len(floor.walls))
    assert len(ways) == len(drawing["place_names"]) - len(zones) > 0
    assert all(place["way"] for place in ways)
    corners = np.vstack([place["polygon"] for place in zones])
    centres = np.array([place["centre"] for place in ways])
    assert (corners.min(axis=0) < centres).all()
    assert (centres < corners.max(axis=0)).all()


def test_a_floor_of_another_game_is_not_drawn():
    drawing = game_drawing(load_game("deliveries"), load_floor_map("hall"), 0, 0, 0)
    assert (drawing["metres"], drawing["walls"]) == (False, [])
