"""Scenes as markers: few, stable, never empty, deleted by name."""

import numpy as np
from builtin_interfaces.msg import Time
from rclpy.serialization import deserialize_message, serialize_message
from visualization_msgs.msg import Marker, MarkerArray

from altmarl_ros.games import load_floor_map
from altmarl_ros.monitoring.layout import disc_layout, floor_layout
from altmarl_ros.monitoring.scene import RobotLocations, Tick, make_scene
from altmarl_ros.nodes.tools.markers import MarkerMaker

NAMES = tuple(f"zone {c}" for c in "ABCDE")
LISTS = (Marker.SPHERE_LIST, Marker.LINE_LIST, Marker.LINE_STRIP, Marker.TRIANGLE_LIST)


def tick(polled=(), heard=(), zone=1, next_zone=3):
    return Tick(7, zone, next_zone, "tick 7", (0.2,) * 5, frozenset(polled), frozenset(heard))


def drawn(maker, layout, robots, **changes):
    array = maker.draw(make_scene(layout, tick(**changes), robots), Time(sec=5))
    return deserialize_message(serialize_message(array), MarkerArray)


def by_key(array):
    markers = {(marker.ns, marker.id): marker for marker in array.markers}
    assert len(markers) == len(array.markers)
    return markers


def test_a_thousand_robots_are_few_markers():
    robots = RobotLocations(poses={i: (0.01 * i, 1.0, 0.1) for i in range(1000)})
    markers = by_key(drawn(MarkerMaker(5.0, 50), disc_layout(NAMES), robots))
    assert len(markers) < 25
    assert len(markers["robots", 0].points) == len(markers["robots", 0].colors) == 1000
    assert len(markers["headings", 0].points) == 2000


def test_markers_are_whole_in_the_map_and_what_moves_fades():
    floor = floor_layout(load_floor_map("hall"))
    markers = by_key(drawn(MarkerMaker(5.0, 50), floor, RobotLocations(zones={3: 0, 4: 1}), polled=[3], heard=[3]))
    for (ns, _), marker in markers.items():
        assert (marker.header.frame_id, marker.header.stamp.sec, marker.action) == ("map", 5, Marker.ADD)
        assert marker.pose.orientation.w == 1.0
        assert marker.color.a > 0
        assert len(marker.points) > 1 or marker.type not in LISTS or ns == "robots"
        assert marker.type != Marker.TRIANGLE_LIST or len(marker.points) % 3 == 0
        assert bool(marker.lifetime.sec) == (ns in ("robots", "headings", "names", "decision"))
    assert {ns for ns, _ in markers} == {"zones", "outlines", "labels", "walls", "robots", "names", "decision"}


def test_polled_and_heard_robots_and_the_zones_of_the_decision_stand_out():
    markers = by_key(
        drawn(
            MarkerMaker(5.0, 0), disc_layout(NAMES), RobotLocations(zones=dict.fromkeys(range(9), 0)), polled=[2, 5], heard=[5]
        )
    )
    colors = [(c.r, c.g, c.b) for c in markers["robots", 0].colors]
    assert len({colors[0], colors[2], colors[5]}) == 3
    assert len({colors[i] for i in (0, 1, 3, 4, 6, 7, 8)}) == 1
    fills = [(m.color.r, m.color.g, m.color.b) for (ns, _), m in sorted(markers.items()) if ns == "zones"]
    assert len({fills[0], fills[1], fills[3]}) == 3
    assert fills[0] == fills[2] == fills[4]
    start, end = markers["decision", 0].points
    centres = [zone.centre for zone in disc_layout(NAMES).zones]
    np.testing.assert_allclose([(start.x, start.y), (end.x, end.y)], [centres[1], centres[3]])


def test_what_is_gone_is_deleted_by_name_once():
    maker, layout = MarkerMaker(5.0, 50), disc_layout(NAMES)
    far = 2**32 - 1  # the largest id of a robot
    before = by_key(drawn(maker, layout, RobotLocations(zones={1: 0, 2: 1, far: 2})))
    after = by_key(drawn(maker, layout, RobotLocations(zones={1: 0}), next_zone=1))
    deleted = {key for key, marker in after.items() if marker.action == Marker.DELETE}
    assert deleted == before.keys() - {key for key, marker in after.items() if marker.action == Marker.ADD}
    assert deleted == {("names", 2), ("names", -1), ("decision", 0)}
    again = by_key(drawn(maker, layout, RobotLocations(zones={1: 0}), next_zone=1))
    assert not any(marker.action == Marker.DELETE for marker in again.values())
    nobody = by_key(drawn(maker, layout, RobotLocations(zones={})))
    assert nobody["robots", 0].action == Marker.DELETE


def test_the_same_scene_gives_the_same_markers():
    arrays = [drawn(MarkerMaker(5.0, 50), disc_layout(NAMES), RobotLocations(zones={1: 0, 2: 1})) for _ in range(2)]
    assert arrays[0] == arrays[1]
