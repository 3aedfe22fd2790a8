import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from altmarl_ros.random_streams import make_streams
from altmarl_ros.simulation.physical.bodies import Bodies
from altmarl_ros.simulation.physical.config import BaseConfig, LaserConfig
from altmarl_ros.simulation.physical.laser import Laser
from altmarl_ros.simulation.physical.noise import Purpose
from altmarl_ros.simulation.physical.placement import polygon_walls, random_starts
from altmarl_ros.simulation.physical.robot_model import load_robot
from altmarl_ros.simulation.physical.world import PhysicalWorld

R = 0.25
WALL = 0.001  # m; half of its thickness
NOTHING = np.zeros((0, 4))


def scan(poses, walls=NOTHING, obstacles=NOTHING[:, :3], robots=(0,), seed=0, **settings):
    """Bearings [beams] in the sensor's frame and ranges [len(robots), beams]."""
    config = LaserConfig(**{"noise": 0.0, **settings})
    poses = np.atleast_2d(np.array(poses, dtype=float))
    laser = Laser(config, make_streams(seed, Purpose.LASER, range(len(poses))))
    robot = load_robot(BaseConfig(radius=R), config, 0.01)
    walls, obstacles = np.array(walls, dtype=float), np.array(obstacles, dtype=float)
    bodies = Bodies(robot, walls, obstacles, starts=poses, step=0.01)
    for k in range(len(obstacles)):
        bodies.stand(k, True)
    return laser.angle_min + laser.angle_increment * np.arange(config.beams), laser.scan(np.array(robots), bodies)


def exhaustive(origin, yaw, bearings, walls, discs, range_max):
    """Every ray against everything by its equation."""
    ranges = np.full(len(bearings), np.inf)
    for k, bearing in enumerate(bearings):
        u = np.array([np.cos(yaw + bearing), np.sin(yaw + bearing)])
        for x0, y0, x1, y1 in walls:
            matrix = np.array([[u[0], x0 - x1], [u[1], y0 - y1]])
            if abs(np.linalg.det(matrix)) > 1e-12:
                t, share = np.linalg.solve(matrix, np.array([x0, y0]) - origin)
                if t >= 0 and 0 <= share <= 1:
                    ranges[k] = min(ranges[k], t)
        for x, y, radius in discs:
            c = np.array([x, y]) - origin
            roots = np.roots([1.0, -2.0 * u @ c, c @ c - radius**2])
            if np.isreal(roots).all() and roots.real.min() >= 0:
                ranges[k] = min(ranges[k], roots.real.min())
    ranges[ranges > range_max] = np.inf
    return ranges


def agrees(ranges, expected):
    """Whether ranges are what they should be, but for a beam that passes an edge or meets a wall's end at a grazing angle."""
    wrong = ~np.isclose(ranges, expected, rtol=0.0, atol=0.02)
    assert wrong.sum() <= 2 + len(ranges) // 30, (ranges[wrong], expected[wrong])


def test_wall_at_an_angle():
    bearings, ranges = scan([0, 0, 0.3], walls=[[2.0, -50, 2.0, 50]], range_max=40.0)
    cosines = np.cos(bearings + 0.3)
    near = 2.0 - WALL
    expected = np.where(near / np.where(cosines > 0, cosines, np.nan) <= 40.0, near / cosines, np.inf)
    np.testing.assert_allclose(ranges[0], expected, rtol=1e-9)


def test_another_robot_is_a_disc():
    bearings, ranges = scan([[0, 0, 0], [3.0, 0, 1.0]], beams=720)
    assert ranges[0, 360] == pytest.approx(3.0 - R, abs=1e-6)
    hit = np.isfinite(ranges[0])
    np.testing.assert_array_equal(hit, np.abs(bearings) <= np.arcsin(R / 3.0))
    expected = 3.0 * np.cos(bearings[hit]) - np.sqrt(R**2 - (3.0 * np.sin(bearings[hit])) ** 2)
    np.testing.assert_allclose(ranges[0, hit], expected, rtol=1e-6)


@settings(max_examples=max(2, settings.default.max_examples // 4))
@given(st.integers(0, 10**6), st.floats(0.2, 2 * np.pi), st.integers(2, 90))
def test_agrees_with_every_ray_against_everything(seed, field_of_view, beams):
    rng = np.random.default_rng(seed)
    poses = np.column_stack([rng.uniform(-6, 6, (6, 2)), rng.uniform(-np.pi, np.pi, 6)])
    walls, obstacles = rng.uniform(-8, 8, (7, 4)), np.column_stack([rng.uniform(-6, 6, (3, 2)), rng.uniform(0.1, 0.8, 3)])
    x, y, turned = rng.uniform(-0.2, 0.2, 3)
    bearings, ranges = scan(
        poses, walls, obstacles, beams=beams, field_of_view=field_of_view, range_min=0.0, range_max=5.0, x=x, y=y, yaw=turned
    )
    yaw = poses[0, 2]
    origin = poses[0, :2] + [np.cos(yaw) * x - np.sin(yaw) * y, np.sin(yaw) * x + np.cos(yaw) * y]
    discs = np.vstack([np.column_stack([poses[1:, :2], np.full(5, R)]), obstacles])
    assume((np.hypot(*(discs[:, :2] - origin).T) > discs[:, 2]).all())
    agrees(ranges[0], exhaustive(origin, yaw + turned, bearings, walls, discs, 5.0))


def test_ranges_outside_the_limits_follow_rep_117():
    _, ranges = scan([0, 0, 0], walls=[[0.1, -5, 0.1, 5], [-9, -5, -9, 5]], beams=4, range_min=0.2, range_max=8.0)
    np.testing.assert_array_equal(ranges[0], [np.inf, np.inf, -np.inf, np.inf])  # behind, right, ahead, left


def test_a_full_circle_has_no_beam_twice_and_a_part_has_both_ends():
    bearings, _ = scan([0, 0, 0], beams=120)
    assert bearings[0] == pytest.approx(-np.pi)
    assert bearings[-1] == pytest.approx(np.pi - 2 * np.pi / 120)
    bearings, _ = scan([0, 0, 0], beams=91, field_of_view=np.pi)
    np.testing.assert_allclose(bearings[[0, 45, 90]], [-np.pi / 2, 0, np.pi / 2], atol=1e-12)


def test_a_mounted_sensor_looks_from_its_place():
    walls = polygon_walls([[-4, -3], [4, -3], [4, 3], [-4, 3]])
    _, ranges = scan([1, 1, np.pi / 2], walls, beams=4, x=0.5, y=0.2, yaw=np.pi / 2)
    # The sensor stands at (0.8, 1.5) and looks along -x.
    np.testing.assert_allclose(ranges[0], np.array([4 - 0.8, 3 - 1.5, 4 + 0.8, 3 + 1.5]) - WALL, rtol=1e-9)


def test_noise_has_its_standard_deviation_and_spares_what_is_not_hit():
    walls = polygon_walls([[-4, -4], [4, -4], [4, 4], [-4, 4]])
    _, exact = scan([0, 0, 0], walls, beams=5000, range_max=5.0)
    _, noisy = scan([0, 0, 0], walls, beams=5000, range_max=5.0, noise=0.02)
    inside = np.isfinite(exact) & (exact < 4.8)
    error = noisy[inside] - exact[inside]
    assert error.std() == pytest.approx(0.02, rel=0.06)
    assert abs(error.mean()) < 4.5 * 0.02 / np.sqrt(error.size)
    assert np.isinf(noisy[np.isinf(exact)]).all()


def test_a_scan_in_a_moving_world_sees_its_walls(ideal, run):
    room = [[0, 0], [6, 0], [6, 5], [0, 5]]
    walls = polygon_walls(room)
    world = PhysicalWorld(ideal(), walls, random_starts(5, [room], R, 1, walls), 0)
    seen = set()

    def look(world):
        for robot, ranges in zip(world.scans().robots, world.scans().ranges, strict=True):
            yaw, others = world.poses[robot, 2], np.delete(world.poses, robot, axis=0)
            bearings = world.laser.angle_min + world.laser.angle_increment * np.arange(120)
            discs = np.column_stack([others[:, :2], np.full(4, R)])
            expected = exhaustive(world.poses[robot, :2], yaw, bearings[::8], walls, discs, 8.0)
            agrees(ranges[::8], expected)
            seen.add(int(robot))

    run(world, 0.4, [[0.5, 0, 0.5]] * 5, each=look)
    assert seen == set(range(5))
