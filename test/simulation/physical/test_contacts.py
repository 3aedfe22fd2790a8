import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altmarl_ros.simulation.physical.contacts import OBSTACLE, WALL
from altmarl_ros.simulation.physical.faults import Fault, FaultKind
from altmarl_ros.simulation.physical.placement import polygon_walls, random_starts
from altmarl_ros.simulation.physical.world import PhysicalWorld

R = 0.25


def gaps(world):
    """Least gap between robots, and least gap to walls [m]."""
    points = world.poses[:, :2]
    apart = np.hypot(*np.moveaxis(points[:, None] - points, -1, 0))
    np.fill_diagonal(apart, np.inf)
    a, b = world.walls[:, :2], world.walls[:, 2:]
    edge = b - a
    share = np.clip(((points[:, None] - a) * edge).sum(-1) / (edge**2).sum(-1), 0, 1)
    to_walls = np.hypot(*np.moveaxis(points[:, None] - a - share[..., None] * edge, -1, 0))
    return apart.min() - 2 * R, to_walls.min() - R


@pytest.mark.parametrize("kind", ["unicycle", "omni"])
def test_a_wall_stops_head_on(ideal, far, run, kind):
    world = run(far(ideal(base={"kind": kind}), walls=[[1.0, -5.0, 1.0, 5.0]]), 3.0, [[0.5, 0.0, 0.0]])
    np.testing.assert_allclose(world.poses[0], [1.0 - R, 0.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(world.velocities[0], 0.0, atol=1e-12)
    (contact,) = world.contacts
    assert (contact.robot, contact.partner, contact.speed) == (0, WALL, pytest.approx(0.5))
    assert contact.time == pytest.approx((1.0 - R) / 0.5, abs=0.05)


def test_an_omni_base_slides_along_a_wall_at_the_tangential_speed(ideal, far, run):
    world = run(far(ideal(base={"kind": "omni"}), walls=[[-5.0, R, 5.0, R]]), 1.0, [[0.3, 0.4, 0.0]])
    np.testing.assert_allclose(world.velocities[0], [0.3, 0.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(world.poses[0], [0.297, 0.0, 0.0], atol=1e-6)


def test_a_corner_of_a_wall_blocks(ideal, far, run):
    world = run(far(ideal(), walls=[[1.0, 0.0, 3.0, 0.0]]), 3.0, [[0.5, 0.0, 0.0]])
    assert world.poses[0, 0] == pytest.approx(1.0 - R, abs=1e-6)


def test_robots_meet_in_the_middle_and_a_resting_one_is_not_pushed(ideal, run):
    starts = [[0, 0, 0], [2, 0, np.pi], [0, 5, 0], [2, 5, 0]]
    world = PhysicalWorld(ideal(), [], starts, 0)
    run(world, 4.0, [[0.5, 0, 0], [0.5, 0, 0], [0.5, 0, 0], [0, 0, 0]])
    np.testing.assert_allclose(world.poses[:, 0], [1 - R, 1 + R, 2 - 2 * R, 2], atol=1e-6)
    first, second = world.contacts
    assert (first.robot, first.partner, first.speed) == (0, 1, pytest.approx(1.0))
    assert (second.robot, second.partner, second.speed) == (2, 3, pytest.approx(0.5))
    np.testing.assert_array_equal(world.contact_counts, 1)


def test_an_encounter_counts_once_and_a_new_one_again(ideal, far, run):
    world = far(ideal(), walls=[[1.0, -5.0, 1.0, 5.0]])
    run(world, 3.0, [[0.5, 0.0, 0.0]])
    run(world, 1.0)
    assert len(world.contacts) == 1
    run(world, 0.2, [[-0.5, 0.0, 0.0]])
    run(world, 1.0, [[0.5, 0.0, 0.0]])
    assert len(world.contacts) == world.contact_counts[0] == 2


def test_obstacles_block(ideal, far, run):
    obstacle = Fault(FaultKind.OBSTACLE, None, 0.0, 10.0, 0.4, (1.5, 0.0))
    world = run(far(ideal(), faults=[obstacle]), 4.0, [[0.5, 0.0, 0.0]])
    assert world.poses[0, 0] == pytest.approx(1.5 - 0.4 - R, abs=1e-6)
    assert [contact.partner for contact in world.contacts] == [OBSTACLE]


@settings(max_examples=settings.default.max_examples // 2)
@given(st.integers(0, 10**6), st.sampled_from(["unicycle", "omni"]), st.integers(2, 14))
def test_nobody_ever_overlaps_or_leaves_the_room_whatever_is_commanded(ideal, seed, kind, n):
    room = np.array([[0, 0], [3.2, 0], [3.2, 2.4], [0, 2.4]])
    walls = np.vstack([polygon_walls(room), [[1.2, 0.9, 2.2, 0.9]]])
    config = ideal(base={"kind": kind, "max_speed": 3.0, "speed_noise": 0.3}, laser={"rate": 0.0})
    world = PhysicalWorld(config, walls, random_starts(n, [room], R, seed, walls, clearance=0.0), seed)
    rng = np.random.default_rng(seed)
    for k in range(150):
        if k % 20 == 0:
            commands = rng.uniform([-3, -3, -3], 3, (n, 3))
        for i in range(n):
            world.command(i, commands[i])
        before = world.poses
        world.step()
        assert min(gaps(world)) >= -1e-12
        assert np.hypot(*(world.poses - before)[:, :2].T).max() < R
    assert ((world.poses[:, :2] > R - 1e-9) & (world.poses[:, :2] < np.array([3.2, 2.4]) - R + 1e-9)).all()


def test_a_crowd_pressed_into_a_corner_stays_apart(ideal, run):
    room = np.array([[0, 0], [6, 0], [6, 6], [0, 6]])
    walls = polygon_walls(room)
    starts = random_starts(40, [room], R, 3, walls)
    world = PhysicalWorld(ideal(base={"kind": "omni"}, laser={"rate": 0.0}), walls, starts, 0)

    def press(world):
        for i, (x, y, yaw) in enumerate(world.poses):
            world.command(i, [-np.cos(yaw) * x - np.sin(yaw) * y, np.sin(yaw) * x - np.cos(yaw) * y, 0.0])

    run(world, 10.0, each=lambda w: (press(w), np.testing.assert_array_less(-1e-12, min(gaps(w)))))
    assert world.poses[:, :2].max() < starts[:, :2].max()
    assert world.contact_counts.min() > 0


def test_no_tunnelling_through_a_thin_wall_at_the_largest_speed(ideal, run):
    angles = np.linspace(0.05, np.pi - 0.05, 40)
    starts = np.column_stack([2.0 * np.arange(40), np.full(40, -0.6), angles])
    config = ideal(base={"max_speed": 3.1, "speed_noise": 1.0}, laser={"rate": 0.0})
    world = run(PhysicalWorld(config, [[-500, 0, 500, 0]], starts, 0), 2.0, [[3.1, 0.0, 0.0]] * 40)
    assert (world.poses[:, 1] <= -R + 1e-9).all()
