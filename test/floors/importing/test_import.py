"""Maps of each kind become floors: what is in them, that they load and have room, and that ways keep off walls."""

import json

import numpy as np
import pytest
import shapely

from altmarl_ros.driving.zones import Zones
from altmarl_ros.floors.importing import ImportOptions, floor_text, import_floor
from altmarl_ros.games import load_floor_map
from small_maps import edge, point, two_rooms, write_grid

RADIUS = 0.2
WIDE = 0.001  # m, what rounding to millimetres takes

EXPECTED = {  # zones, pairs with a passage, one-way passages
    "grid plain": (4, 3, 0),
    "grid rotated": (2, 1, 0),
    "grid negated": (2, 1, 0),
    "grid islands": (2, 1, 0),
    "grid pillar": (1, 0, 0),
    "building plain": (3, 2, 0),
    "building one_way": (4, 4, 4),
    "building two_levels": (8, 7, 0),
    "building metres": (3, 2, 0),
    "building utm": (3, 2, 0),
    "graph both": (3, 2, 0),
    "graph bidirectional": (3, 2, 0),
    "graph ring": (4, 4, 4),
    "graph storeys": (4, 3, 0),
    "graph islands": (3, 2, 0),
    "route square": (4, 4, 0),
    "route one_way": (4, 4, 4),
    "route utm": (4, 4, 0),
    "route named": (4, 4, 0),
    "route dead_end": (4, 4, 0),
}


@pytest.fixture(scope="session")
def imported(maps, tmp_path_factory):
    """Import a file of the small ones once, and load what is written: the import, and the floor."""
    folder, done = tmp_path_factory.mktemp("floors"), {}

    def load(name, **options):
        key = (name, *sorted(options.items()))
        if key not in done:
            made = import_floor(maps[name], ImportOptions(radius=RADIUS, **options))
            path = folder / f"{len(done)}.yaml"
            path.write_text(floor_text(made.made, maps[name].name, RADIUS))
            done[key] = made, load_floor_map(path)
        return done[key]

    return load


def test_five_files_of_each_kind_are_expected(maps):
    assert set(EXPECTED) == set(maps)


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPECTED)
def test_a_map_becomes_a_floor_that_has_room(name, imported):
    made, floor = imported(name)
    floor.check_room(RADIUS)
    adjacency = floor.plan.adjacency
    assert (len(floor.plan.zones), int(np.triu(adjacency | adjacency.T).sum()), len(floor.plan.one_way)) == EXPECTED[name]
    assert made.made.counts["slots"] == sum(map(len, floor.slots))
    assert floor.offset == made.made.floor.offset
    for zone, slots in zip(floor.plan.zones, floor.slots, strict=True):
        apart = shapely.distance(zone.polygon.exterior, shapely.points(slots))
        assert shapely.contains(zone.polygon, shapely.points(slots)).all()
        assert (apart >= RADIUS - WIDE).all()  # so that robots in zones side by side do not touch


@pytest.mark.parametrize("name", EXPECTED)
def test_every_way_keeps_the_radius_from_walls(name, imported):
    _, floor = imported(name)
    zones = Zones(floor, robot_radius=RADIUS)
    n = 0
    for (a, b), entry in floor.entries.items():
        level = floor.levels[floor.plan.zones[a].level] if floor.levels else None
        walls = shapely.MultiLineString(list((level or floor).walls))
        area = (level or floor).area
        for zone, ends in ((a, floor.slots[a][[0, -1]]), (b, floor.slots[b][[0, -1]])):
            for slot in ends:
                way = shapely.linestrings(np.vstack([entry, *zones.floor.leg(zone, entry, slot, RADIUS)]))
                assert walls.is_empty or walls.distance(way) >= RADIUS - WIDE
                assert area.buffer(0.25 * RADIUS).covers(way)  # the way's grid
                n += 1
    assert n or len(floor.plan.zones) == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in EXPECTED if name.startswith("building")])
@pytest.mark.parametrize("kind", ["rooms", "cells"])
def test_buildings_become_rooms_and_cells_as_well(name, kind, imported):
    _, floor = imported(name, zones=kind, cell=5.0)
    floor.check_room(RADIUS)
    assert len(floor.plan.zones) >= (1 if kind == "rooms" else 4) * max(1, len(floor.levels))


def test_rooms_part_at_doors_and_have_their_size(imported):
    made, floor = imported("grid plain")
    areas = sorted(zone.polygon.area for zone in floor.plan.zones)
    assert areas[:3] == pytest.approx([3.8 * 4.0] * 3, abs=0.4)
    assert areas[3] == pytest.approx(12.0 * 2.0, abs=1.2)  # and the doors
    assert made.made.narrowest[1] == pytest.approx(0.9, abs=0.1)


def test_a_rotated_origin_turns_the_floor(imported, tmp_path):
    _, floor = imported("grid rotated")
    straight = import_floor(write_grid(tmp_path, "straight", two_rooms()), ImportOptions(radius=RADIUS)).made.floor
    turn = np.array([[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]])
    corners = shapely.get_coordinates(straight.area) @ turn.T + (-3.0, 7.0)
    assert floor.area.symmetric_difference(shapely.Polygon(corners)).area < 0.1


@pytest.mark.parametrize("change", [{"negate": 1}, {"mode": "raw"}, {"mode": "scale"}])
def test_modes_and_negate_say_the_same_of_the_same_walls(change, tmp_path):
    cells = two_rooms()
    drawn = (
        cells if change == {"mode": "scale"} else np.where(cells == 254, 0, 100 if "mode" in change else 255).astype(np.uint8)
    )
    options = ImportOptions(radius=RADIUS)
    one = import_floor(write_grid(tmp_path, "one", cells), options).made.floor
    other = import_floor(write_grid(tmp_path, "other", drawn, **change), options).made.floor
    assert [zone.polygon.equals(same.polygon) for zone, same in zip(one.plan.zones, other.plan.zones, strict=True)] == [
        True,
        True,
    ]


def test_unknown_space_is_wall_or_free_as_said_and_islands_are_told(imported):
    made, floor = imported("grid islands")
    free, larger = imported("grid islands", unknown_is_free=True)
    assert any("islands were left out" in note for note in made.made.notes)
    assert any("unknown space count as wall" in note for note in made.made.notes)
    assert any("count as free" in note for note in free.made.notes)
    assert larger.area.area > floor.area.area + 3.5


def test_cells_have_about_the_size_asked_for(imported):
    _, floor = imported("grid pillar", zones="cells", cell=2.4)
    assert len(floor.plan.zones) in range(12, 17)
    assert all(zone.polygon.area < 2.0 * 2.4**2 for zone in floor.plan.zones)


def test_a_pillar_stands_in_a_zone_and_no_slot_in_it(imported):
    _, floor = imported("grid pillar")
    pillar = shapely.box(4.0, 4.0, 6.0, 6.0)
    assert len(floor.walls) == 2
    assert (shapely.distance(pillar, shapely.points(np.vstack(floor.slots))) >= RADIUS).all()


def test_a_ring_around_another_zone_is_cut_open(tmp_path):
    cells = np.zeros((90, 90), dtype=np.uint8)
    cells[2:88, 2:88] = 254
    cells[30:60, 30:60] = 0
    cells[33:57, 33:57] = 254
    cells[40:50, 28:34] = 254  # the door of the room in the middle
    floor = import_floor(write_grid(tmp_path, "yard", cells), ImportOptions(radius=RADIUS)).made.floor
    floor.check_room(RADIUS)
    inner = floor.plan.locate([4.5, 4.5])
    assert floor.plan.zones[inner].polygon.area < 3.0 * 3.0
    assert len(floor.plan.zones) >= 3


def test_levels_overlap_and_are_joined_by_the_lift(imported):
    made, floor = imported("building two_levels")
    assert set(floor.levels) == {"L1", "L2"}
    (a, b) = [i for i, zone in enumerate(floor.plan.zones) if "node 11" in zone.name]
    assert floor.plan.adjacency[a, b]
    assert floor.plan.adjacency[b, a]
    assert (a, b) not in floor.entries
    one, other = (floor.levels[name].area for name in ("L1", "L2"))
    assert one.symmetric_difference(other).area < 0.5  # fiducials lay the second level on the first one, at half its scale
    assert made.made.counts["rides"] == 2


def test_a_robot_stays_on_its_level(imported):
    _, floor = imported("building two_levels")
    zones = Zones(floor, robot_radius=RADIUS)
    x, y = floor.plan.goals[-1] + 0.01
    both = [i for i, zone in enumerate(floor.plan.zones) if zone.polygon.contains(shapely.Point(x, y))]
    assert [floor.plan.zones[i].level for i in both] == ["L1", "L2"]
    for i in both:
        neighbour = next(j for j in floor.plan.neighbours(i) if floor.plan.zones[j].level == floor.plan.zones[i].level)
        assert zones.locate(x, y, last=neighbour) == i


def test_roles_and_lanes_are_kept(imported):
    _, plain = imported("building plain")
    assert {zone.name: zone.roles for zone in plain.plan.zones}["left"] == ("charger", "parking")
    _, ring = imported("building one_way")
    names = ring.plan.names
    assert set(ring.plan.one_way) == {("park", "dock"), ("dock", names[2]), (names[2], names[3]), (names[3], "park")}
    assert {way: terms.speed for way, terms in ring.terms.items()} == {(1, 2): 0.4}


def test_cost_and_speed_of_edges_are_kept(imported):
    _, floor = imported("route one_way")
    assert {way: (terms.speed, terms.cost) for way, terms in floor.terms.items()} == {
        (0, 1): (0.5, 0.0),
        (1, 2): (0.5, 2.5),
        (2, 3): (0.5, 5.0),
        (3, 0): (0.5, 7.5),
    }


@pytest.mark.parametrize("name", ["route utm", "building utm"])
def test_utm_coordinates_are_moved_and_the_offset_is_carried(name, imported):
    made, floor = imported(name)
    assert floor.offset == (388000.0, 3948900.0)
    assert np.abs(shapely.get_coordinates(floor.area)).max() < 100.0
    assert any("'offset'" in note for note in made.made.notes)


def test_a_grid_far_away_is_moved_as_well(tmp_path):
    path = write_grid(tmp_path, "far", two_rooms(), origin=[388012.0, 3948934.0, 0.0])
    floor = import_floor(path, ImportOptions(radius=RADIUS)).made.floor
    assert floor.offset == (388000.0, 3948900.0)
    assert floor.area.bounds == pytest.approx((12.2, 34.2, 22.4, 39.2), abs=0.11)


def test_nodes_on_one_place_become_one_zone_with_the_name(imported):
    made, floor = imported("route named")
    assert floor.plan.names.count("dock") == 1
    assert floor.plan.zones[floor.plan.names.index("dock")].roles == ("charger",)
    assert any("became one zone" in note for note in made.made.notes)


@pytest.mark.parametrize("name", ["route dead_end", "graph islands"])
def test_what_cannot_be_reached_or_left_is_left_out_and_named(name, imported):
    made, _ = imported(name)
    assert any("no way leads there from the rest and back" in note for note in made.made.notes)


def test_a_lane_that_passes_over_a_node_leads_through_it(tmp_path):
    features = [point(0, 0.0, 0.0), point(1, 4.0, 0.0), point(2, 8.0, 0.0), edge(3, 0, 2), edge(4, 2, 1), edge(5, 1, 0)]
    path = tmp_path / "over.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    floor = import_floor(path, ImportOptions(radius=RADIUS)).made.floor
    assert [tuple(pair) for pair in np.argwhere(floor.plan.adjacency).tolist()] == [(0, 1), (1, 0), (1, 2), (2, 1)]


def test_a_larger_robot_has_larger_aisles_and_fewer_slots(maps):
    small, large = (import_floor(maps["grid plain"], ImportOptions(radius=radius)).made.floor for radius in (0.2, 0.35))
    assert sum(map(len, large.slots)) < sum(map(len, small.slots))
    large.check_room(0.35)
