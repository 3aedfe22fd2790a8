import numpy as np
import pytest

from altmarl_ros.errors import AltmarlError
from altmarl_ros.simulation.physical.config import BaseConfig, LaserConfig, PhysicalConfig
from altmarl_ros.simulation.physical.faults import Fault, FaultKind
from altmarl_ros.simulation.physical.placement import polygon_walls, random_starts
from altmarl_ros.simulation.physical.world import PhysicalWorld

ROOM = [[0, 0], [9, 0], [9, 7], [0, 7]]
KINDS = tuple(kind for kind in FaultKind if kind not in (FaultKind.KIDNAPPED, FaultKind.OBSTACLE))


def random_faults(n, duration):
    """Some faults on each of n robots, which do not depend on n."""
    faults = []
    for robot in range(n):
        rng = np.random.default_rng([3, robot])
        for start in rng.uniform(0.0, duration, 2):
            kind = KINDS[rng.integers(len(KINDS))]
            share = 0.5 if kind in (FaultKind.SEIZED_LEFT, FaultKind.SEIZED_RIGHT, FaultKind.SLIP) else 1.0
            faults.append(Fault(kind, robot, start, start + rng.uniform(0.1, 2.0), share))
    return faults


def everything(n, seed, starts, walls, seconds=6.0):
    """All that robots did and said under commands that depend on the robot alone: a list of bytes."""
    world = PhysicalWorld(PhysicalConfig(), walls, starts, seed, faults=random_faults(n, seconds))
    commands = [np.random.default_rng([9, i]) for i in range(n)]
    told = []
    for k in range(round(seconds / 0.02)):
        if k % 10 == 0:
            for i in range(n):
                world.command(i, commands[i].uniform([-0.3, 0, -1], [1, 0, 1]))
        world.step()
        told.append(world.poses.tobytes() + world.velocities.tobytes() + world.charge.tobytes())
        for said in (world.odometry(), world.localisation(), world.scans()):
            told.append(b"".join(value.tobytes() for name, value in vars(said).items() if name != "covariance"))
    return told, world


@pytest.mark.slow
def test_the_same_seed_and_commands_give_the_same_run_bit_by_bit():
    walls = polygon_walls(ROOM)
    starts = random_starts(12, [ROOM], 0.25, 0, walls)
    one, world = everything(12, 5, starts, walls)
    again, other = everything(12, 5, starts, walls)
    assert one == again
    assert list(world.contacts) == list(other.contacts)
    assert len(world.contacts) > 0
    assert one != everything(12, 6, starts, walls)[0]


def test_a_robot_that_meets_nobody_moves_alike_however_many_there_are():
    starts = np.column_stack([np.zeros(9), 40.0 * np.arange(9), np.zeros(9)])
    walls = [[3.0, -20.0, 3.0, 400.0]]
    _, few = everything(3, 5, starts[:3], walls, seconds=3.0)
    _, many = everything(9, 5, starts, walls, seconds=3.0)
    np.testing.assert_allclose(few.poses, many.poses[:3], atol=1e-6)  # MuJoCo solves for all forces at once, to a tolerance
    np.testing.assert_array_equal(few.charge > 0.0, many.charge[:3] > 0.0)


def test_what_the_world_gives_away_is_a_copy(ideal, far, run):
    world = run(far(ideal(), walls=[[5, 0, 5, 1]]), 0.1, [[0.5, 0, 0]])
    for name in ("poses", "velocities", "walls", "contact_counts", "charge"):
        value = getattr(world, name)
        value[:] = 7
        assert not np.array_equal(getattr(world, name), value), name


def test_time_is_a_whole_number_of_steps(ideal, far, run):
    world = run(far(ideal(time_step=0.01), n=3), 2.5)
    assert world.time == pytest.approx(2.5, abs=1e-12)
    assert len(world) == 3


@pytest.mark.parametrize(
    ("starts", "why"),
    [
        ([[0, 0, 0], [0.3, 0, 0]], "robot 1 at .* overlaps robot 0"),
        ([[0, 0, 0], [4.9, 0, 0]], "robot 1 at .* overlaps a wall"),
        ([[0, 0, np.nan]], "robot 0 is .* finite"),
        ([[0, 0]], "shape"),
        (np.zeros((0, 3)), "at least one"),
        ("here", "poses"),
    ],
)
def test_bad_starts_are_named(starts, why):
    with pytest.raises(AltmarlError, match=why):
        PhysicalWorld(PhysicalConfig(), [[5, -5, 5, 5]], starts, 0)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: BaseConfig(radius=-1), "base.radius"),
        (lambda: BaseConfig(lag=float("nan")), "base.lag"),
        (lambda: BaseConfig(wheels=4), "base.wheels"),
        (lambda: BaseConfig(kind="hover"), "base.kind"),
        (lambda: PhysicalConfig(laser={"beams": 1}), "laser.beams"),
        (lambda: PhysicalConfig(laser={"rate": 60.0}), "laser: rate 60"),
        (lambda: PhysicalConfig(laser=LaserConfig(range_min=9.0)), "range_min 9"),
        (lambda: PhysicalConfig(base={"max_speed": 5.0}), "max_speed 5"),
    ],
)
def test_bad_settings_are_named(make, why):
    with pytest.raises(AltmarlError, match=why):
        PhysicalWorld(make(), [], [[0, 0, 0]], 0)


def test_a_negative_seed_is_refused():
    with pytest.raises(AltmarlError, match="seed is -1"):
        PhysicalWorld(PhysicalConfig(), [], [[0, 0, 0]], -1)
