"""Tests the example sites: floors are what the importer makes of their maps, games load, and fleet files are sound."""

from pathlib import Path

import numpy as np
import pytest

from altmarl_ros.deployment.fleet_file import load_fleet_file
from altmarl_ros.floors.importing import ImportOptions, import_floor
from altmarl_ros.games import load_floor_map, load_game
from altmarl_ros.nodes.tools.real_fleet import plan_fleet

EXAMPLES = Path(__file__).parents[2] / "examples"
SITES = {
    "office": ("office.building.yaml", ImportOptions(radius=0.2)),
    "warehouse": ("map.yaml", ImportOptions(radius=0.25, zones="cells", cell=5.0)),
}
GAMES = sorted(path.relative_to(EXAMPLES) for path in EXAMPLES.glob("*/*.yaml") if "\nbuilder:" in path.read_text())
FLEETS = sorted(path.relative_to(EXAMPLES) for path in EXAMPLES.glob("*/*.yaml") if "\nrobots:" in path.read_text())


@pytest.mark.slow
@pytest.mark.parametrize("site", SITES)
def test_the_floor_is_what_the_importer_makes_of_the_map(site):
    source, options = SITES[site]
    made = import_floor(EXAMPLES / site / source, options).made.floor
    kept = load_floor_map(EXAMPLES / site / "floor.yaml")
    kept.check_room(options.radius)
    for one, other in zip(made.plan.zones, kept.plan.zones, strict=True):  # whose names may differ
        assert one.polygon.symmetric_difference(other.polygon).area < 0.01
    np.testing.assert_array_equal(made.plan.adjacency, kept.plan.adjacency)
    for slots, others in zip(made.slots, kept.slots, strict=True):
        np.testing.assert_allclose(slots, others)


def test_rooms_of_the_office_end_at_their_doors():
    floor = load_floor_map(EXAMPLES / "office" / "floor.yaml")
    rooms = [zone for zone in floor.plan.zones if "corridor" not in zone.name]
    assert (len(rooms), len(floor.plan.zones)) == (15, 23)
    mail = next(zone for zone in rooms if zone.name == "mail room").polygon
    np.testing.assert_allclose(mail.bounds, (0.05, -5.5, 5.5, -0.05))  # from wall to wall, and to the lines of its doors


@pytest.mark.parametrize("path", GAMES, ids=str)
def test_the_games_load(path):
    game = load_game(EXAMPLES / path)
    assert game.hidden is not None
    if "types:" in (EXAMPLES / path).read_text():
        assert game.types is not None


@pytest.mark.parametrize("path", FLEETS, ids=str)
def test_the_fleet_files_are_sound(path):
    fleet = load_fleet_file(EXAMPLES / path)
    assert len(fleet.enabled) == {"office": 20, "warehouse": 40}[path.parent.name]
    assert len(plan_fleet(fleet)) == len(fleet.enabled) + 1
