from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.errors import AltmarlError
from altmarl_ros.simulation.physical.faults import ActiveFaults, Fault, FaultKind, parse_faults, read_faults
from altmarl_ros.simulation.physical.world import PhysicalWorld

TRACK = 0.2  # half of it [m]
STRAIGHT = [[0.5, 0.0, 0.0]] * 2
EVERY_STEP = {"rate": 50.0}


def broken(ideal, far, kind, start=0.0, end=inf, magnitude=1.0, **groups):
    """Two robots, of which the first has a fault."""
    return far(ideal(**groups), n=2, faults=[Fault(kind, 0, start, end, magnitude)])


@pytest.mark.parametrize(("kind", "side"), [(FaultKind.SEIZED_LEFT, 1), (FaultKind.SEIZED_RIGHT, -1)])
def test_a_seized_wheel_drives_a_circle_about_itself(ideal, far, run, kind, side):
    world = broken(ideal, far, kind)
    centre = np.array([0.0, side * TRACK])  # where the wheel is
    radii = []
    run(world, 3.0, STRAIGHT, each=lambda w: radii.append(np.hypot(*(w.poses[0, :2] - centre))))
    np.testing.assert_allclose(radii, TRACK, rtol=0.05)  # tyres slip a little in such a turn
    assert world.velocities[0, 2] == pytest.approx(side * 0.5 / (2 * TRACK), rel=0.01)
    np.testing.assert_allclose(world.poses[1, 1:], [10.0, 0.0], atol=1e-6)


def test_a_slower_wheel_bends_the_way(ideal, far, run):
    world = run(broken(ideal, far, FaultKind.SEIZED_LEFT, magnitude=0.5), 1.0, STRAIGHT)
    np.testing.assert_allclose(world.velocities[0], [0.375, 0.0, 0.25 / (2 * TRACK)], atol=0.002)


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_slip_loses_motion_that_odometry_counts(ideal, far, run, way, share):
    world = run(broken(ideal, far, FaultKind.SLIP, magnitude=share, odometry=EVERY_STEP), 2.0, STRAIGHT)
    assert world.poses[0, 0] == pytest.approx((1 - share) * way(0.5, 2.0), abs=2e-3)
    np.testing.assert_allclose(world.odometry().poses[:, 0], way(0.5, 2.0), atol=2e-3)


def test_a_driver_that_stops_and_one_that_holds(ideal, far, run):
    for kind, speed in ((FaultKind.DRIVER_STOPS, 0.0), (FaultKind.DRIVER_HOLDS, 0.5)):
        world = broken(ideal, far, kind, start=1.0, end=3.0, base={"command_timeout": 0.5})
        run(world, 1.0, STRAIGHT)
        run(world, 1.8, [[0.2, 0.0, 0.3]] * 2)
        np.testing.assert_allclose(world.velocities[:, [0, 2]], [[speed, 0.0], [0.2, 0.3]], atol=1e-3)
        run(world, 0.5, [[0.2, 0.0, 0.3]] * 2)
        np.testing.assert_allclose(world.velocities[0], [0.2, 0.0, 0.3], atol=1e-3)


def test_faults_that_are_added_break_beside_the_others(ideal, far, run):
    world = broken(ideal, far, FaultKind.DRIVER_STOPS)
    run(world, 1.0, STRAIGHT)
    world.add_faults([Fault(FaultKind.DRIVER_STOPS, 1, world.time, world.time + 1.0)])
    run(world, 0.5, STRAIGHT)
    np.testing.assert_allclose(world.velocities[:, 0], [0.0, 0.0], atol=1e-3)
    run(world, 1.0, STRAIGHT)
    np.testing.assert_allclose(world.velocities[:, 0], [0.0, 0.5], atol=1e-3)
    with pytest.raises(AltmarlError, match="there are 2"):
        world.add_faults([Fault(FaultKind.DRIVER_STOPS, 2, 0.0)])


def test_a_driver_that_holds_does_so_in_silence(ideal, far, run):
    world = broken(ideal, far, FaultKind.DRIVER_HOLDS, start=1.0, base={"command_timeout": 0.5})
    run(run(world, 1.0, STRAIGHT), 2.0)
    np.testing.assert_allclose(world.velocities[:, 0], [0.5, 0.0], atol=1e-3)


def heard(world, sensor):
    """Robot 0's last reading, if it came in the last step: stamp and values."""
    said = getattr(world, sensor)()
    values = said.ranges if sensor == "scans" else said.poses
    return [(stamp, row) for robot, stamp, row in zip(said.robots, said.stamps, values, strict=True) if robot == 0]


@pytest.mark.parametrize(("name", "sensor"), [("pose", "localisation"), ("odometry", "odometry"), ("laser", "scans")])
def test_sensor_faults(ideal, far, run, name, sensor):
    noisy = {
        "localisation": {**EVERY_STEP, "position_noise": 0.01},
        "odometry": EVERY_STEP,
        "laser": {**EVERY_STEP, "noise": 0.01},
    }
    walls = [[3.0, -20.0, 3.0, 20.0]]
    for mode in ("lost", "frozen", "stale", "nan"):
        world = far(ideal(**noisy), n=2, walls=walls, faults=[Fault(FaultKind(f"{name}_{mode}"), 0, 1.0, 2.0)])
        run(world, 0.98, STRAIGHT)
        ((before, values),) = heard(world, sensor)
        assert before == world.time
        for _ in range(50):
            run(world, 0.02, STRAIGHT)
            assert 1 in getattr(world, sensor)().robots
            if mode == "lost":
                assert not heard(world, sensor)
                continue
            ((stamp, now),) = heard(world, sensor)
            assert stamp == (before if mode == "stale" else world.time)
            np.testing.assert_array_equal(now, np.full_like(values, nan) if mode == "nan" else values)
        run(world, 0.02, STRAIGHT)
        ((stamp, now),) = heard(world, sensor)
        assert stamp == world.time
        assert np.isfinite(now[:1]).all() or sensor == "scans"
        assert not np.array_equal(now, values)


def test_a_sensor_frozen_from_the_start_has_nothing_to_say(ideal, far, run):
    world = run(broken(ideal, far, FaultKind.POSE_FROZEN, localisation=EVERY_STEP), 0.1)
    np.testing.assert_array_equal(world.localisation().robots, [1])


def test_a_kidnapped_robot_does_not_feel_it(ideal, far, run, way):
    kidnapping = Fault(FaultKind.KIDNAPPED, 0, 1.0, 2.0, np.pi / 2, (5.0, 5.0))
    world = far(ideal(odometry=EVERY_STEP, localisation=EVERY_STEP), n=2, faults=[kidnapping])
    run(world, 1.0)
    np.testing.assert_allclose(world.poses[0], [5.0, 5.0, np.pi / 2], atol=1e-9)
    np.testing.assert_allclose(world.localisation().poses[0], world.poses[0])
    run(world, 2.0, STRAIGHT)
    np.testing.assert_allclose(world.poses[0], [5.0, 5.0 + way(0.5, 2.0), np.pi / 2], atol=2e-3)  # carried once
    np.testing.assert_allclose(world.odometry().poses[0], [way(0.5, 2.0), 0.0, 0.0], atol=2e-3)


@pytest.mark.slow
def test_what_needs_room_waits_for_it_and_goes_again(ideal, run):
    faults = [
        Fault(FaultKind.OBSTACLE, None, 0.5, 4.0, 0.3, (1.0, 0.0)),
        Fault(FaultKind.KIDNAPPED, 1, 0.5, 4.0, 0.0, (1.0, 1.2)),
        Fault(FaultKind.KIDNAPPED, 1, 0.5, 1.0, 0.0, (1.0, -1.2)),
    ]
    world = PhysicalWorld(ideal(), [], [[1.0, 0.0, 0.0], [9.0, 9.0, 0.0], [1.0, 1.2, 0.0], [1.0, -1.2, 0.0]], 0, faults=faults)
    run(world, 1.0)
    assert len(world.obstacles) == 0
    np.testing.assert_allclose(world.poses[1, :2], 9.0)
    run(world, 2.0, [[0.5, 0, 0], [0, 0, 0], [0.5, 0, 0], [0.5, 0, 0]])
    np.testing.assert_allclose(world.obstacles, [[1.0, 0.0, 0.3]])
    np.testing.assert_allclose(world.poses[1, :2], [1.0, 1.2])
    run(world, 1.0)
    assert len(world.obstacles) == 0
    assert not world.contacts


def test_lasers_see_an_obstacle_while_it_stands(ideal, far, run):
    obstacle = Fault(FaultKind.OBSTACLE, None, 1.0, 2.0, 0.5, (3.0, 0.0))
    world = far(ideal(laser={"rate": 50.0, "beams": 4}), faults=[obstacle])
    ahead = []
    run(world, 3.0, each=lambda w: ahead.append(w.scans().ranges[0, 2]))
    np.testing.assert_allclose(ahead, [inf] * 49 + [2.5] * 50 + [inf] * 51)


BAD = [
    ({"kind": "slip", "robot": 0, "start": 1.0, "magnitude": 1.5}, "magnitude is 1.5"),
    ({"kind": "slip", "robot": 0, "start": 1.0, "magnitude": nan}, "magnitude is nan"),
    ({"kind": "slip", "start": 1.0}, "robot is None"),
    ({"kind": "slip", "robot": -1, "start": 1.0}, "robot is -1"),
    ({"kind": "slip", "robot": 0, "start": 2.0, "end": 1.0}, "end is 1 s"),
    ({"kind": "slip", "robot": 0, "start": 2.0, "end": nan}, "end is nan"),
    ({"kind": "slip", "robot": 0, "start": -2.0}, "start is -2"),
    ({"kind": "slip", "robot": 0, "start": inf}, "start is inf"),
    ({"kind": "slip", "robot": 0, "start": 1.0, "place": [0, 0]}, "must not be given"),
    ({"kind": "pose_nan", "robot": 0, "start": 1.0, "magnitude": 0.5}, "this kind has none"),
    ({"kind": "kidnapped", "robot": 0, "start": 1.0}, "must be given"),
    ({"kind": "kidnapped", "robot": 0, "start": 1.0, "place": [0, inf]}, "must be finite"),
    ({"kind": "obstacle", "robot": 0, "start": 1.0, "place": [0, 0]}, "has none"),
    ({"kind": "obstacle", "start": 1.0, "place": [0, 0], "magnitude": 0.0}, "must be a radius"),
    ({"kind": "melted", "robot": 0, "start": 1.0}, "kind"),
    ({"kind": "slip", "robot": 0}, "start"),
    ({"kind": "slip", "robot": 0, "start": 1.0, "wheel": 2}, "wheel"),
    ({1: 2}, "must be a mapping"),
    ("slip", "must be a mapping"),
]


@pytest.mark.parametrize(("entry", "why"), BAD)
def test_bad_faults_are_named(entry, why):
    good = {"kind": "slip", "robot": 0, "start": 1.0}
    with pytest.raises(AltmarlError) as error:
        parse_faults([good, entry])
    assert str(error.value).startswith("faults[1]: ")
    assert why in str(error.value)


def test_a_fault_of_a_robot_that_is_not_there(ideal, far):
    with pytest.raises(AltmarlError, match=r"faults\[0\]: slip: robot is 2, there are 2"):
        far(ideal(), n=2, faults=[Fault(FaultKind.SLIP, 2, 0.0)])


def test_a_schedule_from_yaml(tmp_path):
    path = tmp_path / "faults.yaml"
    path.write_text(
        "faults:\n"
        "  - {kind: slip, robot: 3, start: 10.0, end: 20.0, magnitude: 0.5}\n"
        "  - {kind: obstacle, start: 5, end: .inf, magnitude: 0.3, place: [2.0, 1.5]}\n"
    )
    assert read_faults(path) == (
        Fault(FaultKind.SLIP, 3, 10.0, 20.0, 0.5),
        Fault(FaultKind.OBSTACLE, None, 5.0, inf, 0.3, (2.0, 1.5)),
    )


@pytest.mark.parametrize(
    "text", ["- slip", "faults: 3", "robots: []", "faults: [{kind: slip, kind: slip}]", "{", "\x00", "faults: [{kind: slip}]"]
)
def test_a_bad_file_is_named(tmp_path, text):
    path = tmp_path / "faults.yaml"
    path.write_text(text)
    with pytest.raises(AltmarlError, match=r"faults\.yaml: "):
        read_faults(path)
    with pytest.raises(AltmarlError, match="missing"):
        read_faults(tmp_path / "missing.yaml")


times = st.floats(0, 10, allow_nan=False)


@given(
    st.lists(st.tuples(st.integers(0, 3), times, st.floats(0.01, 5), st.floats(0.01, 1)), max_size=8),
    st.lists(times, max_size=8),
)
def test_active_faults_are_those_of_the_interval(entries, moments):
    faults = [Fault(FaultKind.SLIP, robot, start, start + length, share) for robot, start, length, share in entries]
    active = ActiveFaults(faults, 4)
    for now in moments:  # in any order
        active.update(now)
        expected = np.zeros(4)
        for fault in faults:
            if fault.start <= now + 1e-9 < fault.end:
                expected[fault.robot] = max(expected[fault.robot], fault.magnitude)
        np.testing.assert_array_equal(active.magnitude(FaultKind.SLIP)[0], expected)
