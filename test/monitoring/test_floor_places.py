"""Where a game's places lie on its floor: zones, and the phases of the ways between them."""

import numpy as np
import pytest

from altmarl_ros.errors import AltmarlError
from altmarl_ros.games.floor_parameters import FloorMapParameters, floor_map
from altmarl_ros.games.work.floor_layout import Pace
from altmarl_ros.games.work.floor_layout import floor_layout as work_layout
from altmarl_ros.monitoring import RobotLocations, floor_layout, make_scene
from altmarl_ros.monitoring.floor_places import floor_places
from altmarl_ros.monitoring.scene import Tick

# An L: the way from a to c leads around the corner, 2 m to the right and 2 m up.
ZONES = [
    {"name": "a", "rectangle": [0, 0, 2, 2]},
    {"name": "b to x", "rectangle": [2, 0, 4, 2]},
    {"name": "c", "polygon": [[2, 2], [4, 2], [4, 10], [2, 10]], "goal": [3, 4]},
]
PACE = Pace(robot=0.5, success=1.0, vehicle=1.0, most_phases=64)


@pytest.fixture(scope="module")
def floor():
    return floor_map(FloorMapParameters(zones=ZONES))


def test_places_under_way_are_at_equal_distances_along_the_way(floor):
    names = work_layout(floor, PACE).places
    places = floor_places(floor, names)
    np.testing.assert_allclose(places[:3], floor.plan.goals)
    at = dict(zip(names, places.tolist(), strict=True))
    assert [at[f"a to b to x {phase}/4"] for phase in (1, 2, 3)] == [[1.5, 1.0], [2.0, 1.0], [2.5, 1.0]]
    assert [at[f"b to x to c {phase}/6"] for phase in range(1, 6)] == [[3.0, 1.0 + 0.5 * phase] for phase in range(1, 6)]


@pytest.mark.parametrize(
    "names",
    [("a", "c", "b to x", "a to c 1/2"), ("a", "b to x", "c", "a to d 1/2"), ("a", "b to x", "c", "a to b to x 4/4"), ("a",)],
)
def test_places_of_another_game_are_not_on_the_floor(floor, names):
    assert floor_places(floor, names) is None
    with pytest.raises(AltmarlError, match="a floor of 3 zones is not that of a game of"):
        floor_layout(floor, names)


def test_robots_under_way_are_drawn_between_the_zones_and_have_no_label(floor):
    names = work_layout(floor, PACE).places
    layout = floor_layout(floor, names)
    assert layout.n_places == len(names)
    half = names.index("a to b to x 2/4")
    scene = make_scene(
        layout, Tick(0, 0, 2, "", (1.0, 0.0, 0.0), frozenset(), frozenset()), RobotLocations(zones={4: half, 5: 0})
    )
    assert scene.ids == (4, 5)
    np.testing.assert_allclose(scene.places[0], [2.0, 1.0], atol=0.5)
    assert len(scene.labels) == 3
    assert scene.labels[0].startswith("a\n1 there")
    np.testing.assert_allclose(layout.centre(half), [2.0, 1.0])
