"""The layout of a floor: ways in phases, and the shortest of several ways."""

import numpy as np
import pytest

from altmarl_ros.games.floor_parameters import FloorMapParameters, floor_map
from altmarl_ros.games.work.floor_layout import Pace, floor_layout

SLOW = Pace(robot=1.0, success=0.9, vehicle=1e-3, most_phases=64)  # so slow a vehicle that travel is 1e-3 / metres


def grid(width, height, passages=None):
    """Zones of 2 m x 2 m in rows, named by column and row."""
    zones = [
        {"name": f"{x} {y}", "rectangle": [2 * x, 2 * y, 2 * x + 2, 2 * y + 2]} for y in range(height) for x in range(width)
    ]
    return floor_map(FloorMapParameters(zones=zones, adjacency=passages))


@pytest.mark.parametrize(("width", "height"), [(2, 1), (3, 2), (4, 4)])
def test_vehicles_go_the_manhattan_distance_on_a_grid(width, height):
    layout = floor_layout(grid(width, height), SLOW)
    place = np.array([[int(part) for part in name.split()] for name in layout.stops])
    metres = 2.0 * np.abs(place[:, None] - place).sum(axis=2)
    apart = metres > 0
    np.testing.assert_allclose(1e-3 / layout.travel[apart], metres[apart])


@pytest.mark.parametrize(("width", "height"), [(3, 1), (3, 3)])
def test_robots_get_to_every_target_by_as_many_steps_as_the_way_has_phases(width, height):
    layout = floor_layout(grid(width, height), Pace(robot=0.5, success=1.0, vehicle=1.0, most_phases=64))  # 4 phases per zone
    zones = layout.zones
    assert len(layout.places) == zones + 3 * (width * (height - 1) + height * (width - 1))
    for target in range(zones):
        for start in range(zones):
            place, steps = start, 0
            while place != target:
                assert layout.chance[place, target] == 1.0
                place, steps = layout.step[place, target], steps + 1
            x, y = (np.array(layout.stops[zone].split(), dtype=int) for zone in (start, target))
            assert steps == 4 * np.abs(x - y).sum()
        assert layout.step[target, target] == target
        assert layout.chance[target, target] == 0.0


def test_robots_take_the_shorter_way_and_not_the_one_through_fewer_zones():
    zones = [
        {"name": "a", "rectangle": [0, 0, 2, 2]},
        {"name": "b", "rectangle": [2, 0, 4, 2]},
        {"name": "c", "rectangle": [4, 0, 6, 2]},
        {"name": "far", "rectangle": [0, 2, 6, 22]},
    ]
    layout = floor_layout(floor_map(FloorMapParameters(zones=zones)), SLOW)
    a, c = layout.places.index("a"), layout.places.index("c")
    assert layout.places[layout.step[a, c]] == "a to b 1/2"
    np.testing.assert_allclose(1e-3 / layout.travel[a, c], 4.0)


def test_a_robot_under_way_turns_where_the_other_way_is_shorter():
    layout = floor_layout(grid(3, 1), SLOW)
    half = layout.places.index("1 0 to 2 0 1/2")
    assert [layout.places[place] for place in layout.step[half]] == ["1 0", "1 0", "2 0"]
    assert layout.stops[layout.stop_of[half]] == "1 0"


def test_only_ways_to_the_targets_are_visited():
    layout = floor_layout(grid(4, 1), SLOW)
    visited = layout.visited([0, 1])
    assert [name for name, is_visited in zip(layout.places, visited, strict=True) if not is_visited] == []
    visited = floor_layout(grid(2, 2), SLOW).visited([0])
    assert visited.sum() == 4 + 3  # one of the four ways is no shortest way to zone 0
