import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altmarl_ros.simulation.physical.contacts import OBSTACLE, WALL
from altmarl_ros.simulation.physical.faults import Fault, FaultKind
from altmarl_ros.simulation.physical.placement import polygon_walls, random_starts, wall_distances
from altmarl_ros.simulation.physical.world import PhysicalWorld

R = 0.25
GIVES = 0.02  # m; how far bumpers give way


def gaps(world):
    """Least gap between robots, and least gap to walls [m]."""
    points = world.poses[:, :2]
    apart = np.hypot(*np.moveaxis(points[:, None] - points, -1, 0))
    np.fill_diagonal(apart, np.inf)
    return apart.min() - 2 * R, wall_distances(points, world.walls).min() - R


@pytest.mark.parametrize("kind", ["unicycle", "omni"])
def test_a_wall_stops_head_on(ideal, far, run, kind):
    world = run(far(ideal(base={"kind": kind}), walls=[[1.0, -5.0, 1.0, 5.0]]), 3.0, [[0.5, 0.0, 0.0]])
    np.testing.assert_allclose(world.poses[0], [1.0 - R, 0.0, 0.0], atol=0.01)
    (contact,) = world.contacts
    assert (contact.robot, contact.partner, contact.speed) == (0, WALL, pytest.approx(0.5, rel=0.01))
    assert contact.time == pytest.approx((1.0 - R) / 0.5 + 0.5 / 2 / 4.0, abs=0.05)  # and what gaining speed takes


def test_an_omni_base_slides_along_a_wall_at_the_tangential_speed(ideal, far, run):
    world = run(far(ideal(base={"kind": "omni"}), walls=[[-5.0, R + 0.01, 5.0, R + 0.01]]), 2.0, [[0.3, 0.4, 0.0]])
    np.testing.assert_allclose(world.velocities[0], [0.3, 0.0, 0.0], atol=0.01)
    assert world.poses[0, 1] == pytest.approx(0.01, abs=0.005)


def test_a_corner_of_a_wall_blocks(ideal, far, run):
    world = run(far(ideal(), walls=[[1.0, 0.0, 3.0, 0.0]]), 3.0, [[0.5, 0.0, 0.0]])
    assert world.poses[0, 0] == pytest.approx(1.0 - R, abs=0.01)


def test_robots_meet_in_the_middle_and_a_resting_one_yields_like_a_mass(ideal, run):
    starts = [[0, 0, 0], [2, 0, np.pi], [0, 5, 0], [2, 5, 0]]
    world = PhysicalWorld(ideal(), [], starts, 0)
    run(world, 3.1, [[0.5, 0, 0], [0.5, 0, 0], [0.5, 0, 0], [0, 0, 0]])
    run(world, 1.0, [[0.5, 0, 0], [0.5, 0, 0], [0, 0, 0], [0, 0, 0]])
    np.testing.assert_allclose(world.poses[:2, 0], [1 - R, 1 + R], atol=0.01)
    assert 2.0 <= world.poses[3, 0] < 2.2  # pushed, but its wheels brake
    first, second = world.contacts
    assert (first.robot, first.partner, first.speed) == (0, 1, pytest.approx(1.0, rel=0.01))
    assert (second.robot, second.partner, second.speed) == (2, 3, pytest.approx(0.5, rel=0.01))
    np.testing.assert_array_equal(world.contact_counts, 1)


def test_an_encounter_counts_once_and_a_new_one_again(ideal, far, run):
    world = far(ideal(), walls=[[1.0, -5.0, 1.0, 5.0]])
    run(world, 3.0, [[0.5, 0.0, 0.0]])
    run(world, 1.0)
    assert len(world.contacts) == 1
    run(world, 0.5, [[-0.5, 0.0, 0.0]])
    run(world, 1.5, [[0.5, 0.0, 0.0]])
    assert len(world.contacts) == world.contact_counts[0] == 2


def test_obstacles_block(ideal, far, run):
    obstacle = Fault(FaultKind.OBSTACLE, None, 0.0, 10.0, 0.4, (1.5, 0.0))
    world = run(far(ideal(), faults=[obstacle]), 3.0, [[0.5, 0.0, 0.0]])
    assert world.poses[0, 0] == pytest.approx(1.5 - 0.4 - R, abs=0.01)
    assert [contact.partner for contact in world.contacts] == [OBSTACLE]


def test_obstacles_that_are_added_later_stand_and_the_rest_goes_on(ideal, far, run):
    world, other = (far(ideal(), n=2) for _ in range(2))
    for each in (world, other):
        run(each, 1.0, [[0.5, 0.0, 0.0]] * 2)
    world.add_faults([Fault(FaultKind.OBSTACLE, None, 1.0, 10.0, 0.4, (1.5, 0.0))])
    for each in (world, other):
        run(each, 2.5, [[0.5, 0.0, 0.0]] * 2)
    assert world.poses[0, 0] == pytest.approx(1.5 - 0.4 - R, abs=0.01)
    np.testing.assert_allclose(world.poses[1], other.poses[1], atol=1e-6)


@settings(max_examples=max(2, settings.default.max_examples // 10))
@given(st.integers(0, 10**6), st.sampled_from(["unicycle", "omni"]), st.integers(2, 10))
def test_nobody_ever_overlaps_or_leaves_the_room_whatever_is_commanded(ideal, seed, kind, n):
    room = np.array([[0, 0], [3.2, 0], [3.2, 2.4], [0, 2.4]])
    walls = np.vstack([polygon_walls(room), [[1.2, 0.9, 2.2, 0.9]]])
    config = ideal(base={"kind": kind, "max_speed": 2.0, "speed_noise": 0.1}, laser={"rate": 0.0})
    world = PhysicalWorld(config, walls, random_starts(n, [room], R, seed, walls, clearance=0.0), seed)
    rng = np.random.default_rng(seed)
    for k in range(100):
        if k % 20 == 0:
            commands = rng.uniform([-2, -2, -3], [2, 2, 3], (n, 3))
        for i in range(n):
            world.command(i, commands[i])
        world.step()
        assert min(gaps(world)) >= -4 * GIVES
    assert ((world.poses[:, :2] > R - 4 * GIVES) & (world.poses[:, :2] < np.array([3.2, 2.4]) - R + 4 * GIVES)).all()


def test_a_crowd_pressed_into_a_corner_stays_apart(ideal, run):
    room = np.array([[0, 0], [4, 0], [4, 4], [0, 4]])
    walls = polygon_walls(room)
    starts = random_starts(12, [room], R, 3, walls)
    world = PhysicalWorld(ideal(base={"kind": "omni"}, laser={"rate": 0.0}), walls, starts, 0)

    def press(world):
        for i, (x, y, yaw) in enumerate(world.poses):
            world.command(i, [-np.cos(yaw) * x - np.sin(yaw) * y, np.sin(yaw) * x - np.cos(yaw) * y, 0.0])

    run(world, 5.0, each=lambda w: (press(w), np.testing.assert_array_less(-4 * GIVES, min(gaps(w)))))
    assert world.poses[:, :2].max() < starts[:, :2].max()
    assert (world.contact_counts > 0).sum() >= 8


def test_no_tunnelling_through_a_thin_wall_at_the_largest_speed(ideal, run):
    angles = np.linspace(0.05, np.pi - 0.05, 12)
    starts = np.column_stack([2.0 * np.arange(12), np.full(12, -1.2), angles])
    config = ideal(base={"max_speed": 3.1, "speed_noise": 0.1}, laser={"rate": 0.0})
    world = run(PhysicalWorld(config, [[-500, 0, 500, 0]], starts, 0), 2.0, [[3.1, 0.0, 0.0]] * 12)
    assert (world.poses[:, 1] < 0.0).all()
