import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.simulation.physical.dynamics import advance, body_motion, wrap

anything = st.floats()
LIMITED = {"acceleration": 0.5, "deceleration": 0.8, "turn_acceleration": 2.0}


@pytest.mark.parametrize("kind", ["unicycle", "omni"])
@pytest.mark.parametrize(("v", "omega"), [(0.6, 0.5), (-0.4, 0.7), (0.5, -1.3)])
def test_constant_command_drives_a_circle_of_radius_v_over_omega(ideal, far, run, kind, v, omega):
    world = run(far(ideal(base={"kind": kind})), 1.0, [[v, 0.0, omega]])  # reaches the speed
    x, y, yaw = world.poses[0]
    centre = np.array([x - v / omega * np.sin(yaw), y + v / omega * np.cos(yaw)])
    radii = []
    run(world, 4.0, [[v, 0.0, omega]], each=lambda w: radii.append(np.hypot(*(w.poses[0, :2] - centre))))
    np.testing.assert_allclose(radii, abs(v / omega), rtol=0.01)
    assert world.poses[0, 2] == pytest.approx(wrap(yaw + 4.0 * omega), abs=0.005)


@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(-6, 6), st.floats(-3, 3), st.integers(1, 50))
def test_an_arc_does_not_depend_on_how_it_is_divided(x, y, turn, yaw, parts):
    once, often = np.array([[1.0, 2.0, yaw]]), np.array([[1.0, 2.0, yaw]])
    advance(once, 0, x, y, turn)
    for _ in range(parts):
        advance(often, 0, x / parts, y / parts, turn / parts)
    np.testing.assert_allclose(often[0, :2], once[0, :2], atol=1e-9)
    assert np.cos(often[0, 2] - once[0, 2]) == pytest.approx(1.0)


def test_arc_in_closed_form():
    pose = np.array([[0.0, 0.0, 0.0]])
    advance(pose, 0, np.pi, 0.0, np.pi / 2)  # a quarter of a circle of radius 2
    np.testing.assert_allclose(pose[0], [2.0, 2.0, np.pi / 2], atol=1e-12)


def test_a_motion_is_the_inverse_of_advancing():
    rng = np.random.default_rng(0)
    before = np.column_stack([rng.uniform(-3, 3, (50, 2)), rng.uniform(-np.pi, np.pi, 50)])
    motion = np.column_stack([rng.uniform(-1, 1, (50, 2)), rng.uniform(-3, 3, 50)])
    motion[0, 2] = 0.0
    after = before.copy()
    for i, (x, y, turn) in enumerate(motion):
        advance(after, i, x, y, turn)
    np.testing.assert_allclose(body_motion(before, after), motion, atol=1e-12)


def test_straight_line_and_unicycle_does_not_move_sideways(ideal, far, run, way):
    world = run(far(ideal(), n=2), 2.0, [[0.5, 0.7, 0.0], [-0.5, 0.0, 0.0]])
    expected = [[way(0.5, 2.0), 0, 0], [-way(0.5, 2.0), 10, 0]]
    np.testing.assert_allclose(world.poses, expected, atol=1.5e-3)
    np.testing.assert_allclose(world.poses[:, 1:], [[0, 0], [10, 0]], atol=1e-9)


def test_omni_moves_along_its_command_in_its_own_frame(ideal, far, run, way):
    world = run(far(ideal(base={"kind": "omni"})), 1.0, [[0.3, 0.4, 0.0]])
    np.testing.assert_allclose(world.poses[0], [0.6 * way(0.5, 1.0), 0.8 * way(0.5, 1.0), 0.0], atol=2e-4)
    run(world, 0.5, [[0.0, 0.5, 1.0]])
    x, y, yaw = world.poses[0]
    centre = np.array([x - 0.5 * np.cos(yaw), y - 0.5 * np.sin(yaw)])  # to the right, v_y / omega away
    run(world, 3.0, [[0.0, 0.5, 1.0]])
    assert np.hypot(*(world.poses[0, :2] - centre)) == pytest.approx(0.5, rel=0.01)
    np.testing.assert_allclose(world.velocities[0], [0.0, 0.5, 1.0], atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["unicycle", "omni"])
@pytest.mark.parametrize("time_step", [0.02, 0.005])
def test_stopping_distance_under_a_deceleration_limit(ideal, far, run, kind, time_step):
    world = run(far(ideal(time_step, base={**LIMITED, "kind": kind})), 4.0, [[0.8, 0.0, 0.0]])
    # 1.6 s of acceleration cover v^2 / 2a; then full speed.
    assert world.poses[0, 0] == pytest.approx(0.8**2 / (2 * 0.5) + 0.8 * (4.0 - 1.6), rel=2e-3)
    begin = world.poses[0, 0]
    run(world, 3.0, [[0.0, 0.0, 0.0]])
    assert world.poses[0, 0] - begin == pytest.approx(0.8**2 / (2 * 0.8), rel=5e-3)
    np.testing.assert_allclose(world.velocities, 0.0, atol=1e-6)


def test_no_base_brakes_harder_than_its_grip(ideal, far, run):
    """Locked wheels slide: v^2 / 2 mu g and a share of the load that casters bear, however hard the driver brakes."""
    ways = []
    for grip in (0.3, 1.0):
        world = run(far(ideal(base={"grip": grip, "acceleration": 1.0, "deceleration": 1e4})), 3.0, [[0.8, 0.0, 0.0]])
        begin = world.poses[0, 0]
        run(world, 2.0, [[0.0, 0.0, 0.0]])
        ways.append(world.poses[0, 0] - begin)
        assert world.poses[0, 0] - begin >= 0.8**2 / (2 * grip * 9.81)
    assert ways[0] > 2.0 * ways[1]


def test_a_base_on_free_wheels_rolls_on(ideal, far, run):
    """Without a motor nothing brakes a base that moves: its speed stays."""
    world = run(far(ideal()), 2.0, [[0.5, 0.0, 0.0]])
    world._bodies.model.actuator_gainprm[:] = world._bodies.model.actuator_biasprm[:] = 0.0
    before = world.poses[0, 0]
    run(world, 2.0, [[0.0, 0.0, 0.0]])
    assert world.poses[0, 0] - before == pytest.approx(0.5 * 2.0, rel=5e-3)


def test_turn_acceleration_limit(ideal, far, run):
    world = run(far(ideal(base=LIMITED)), 0.26, [[0.0, 0.0, 1.0]])
    assert world.poses[0, 2] == pytest.approx(0.5 * 2.0 * 0.26**2, abs=2e-3)
    run(world, 0.74, [[0.0, 0.0, 1.0]])
    assert world.poses[0, 2] == pytest.approx(1.0 - 0.5 * 1.0**2 / 2.0, abs=2e-3)


def test_first_order_lag_follows_its_exponential(ideal, far, run):
    seen = []
    base = {"lag": 0.3, "acceleration": 100.0}  # the limit does not bind
    run(far(ideal(base=base)), 1.0, [[0.5, 0.0, 0.0]], each=lambda w: seen.append(w.poses[0, 0]))
    t = 0.02 * np.arange(1, 51)
    np.testing.assert_allclose(seen, 0.5 * (t - 0.3 * (1 - np.exp(-t / 0.3))), atol=3e-3)


def test_commands_take_effect_after_the_delay(ideal, far, run):
    world = far(ideal(base={"delay_steps": 5}))
    run(world, 5 * 0.02, [[0.5, 0.0, 0.0]])
    np.testing.assert_allclose(world.poses[0], 0.0, atol=1e-9)
    run(world, 0.02, [[0.5, 0.0, 0.0]])
    assert world.poses[0, 0] > 1e-5


def test_speed_limits(ideal, far, run):
    base = {"kind": "omni", "max_speed": 0.5, "max_turn_rate": 1.0}
    world = run(far(ideal(base=base)), 1.0, [[30.0, 40.0, -50.0]])
    np.testing.assert_allclose(world.velocities[0], [0.3, 0.4, -1.0], atol=1e-3)


def test_a_silent_driver_times_out(ideal, far, run):
    world = far(ideal(base={"command_timeout": 0.5}))
    world.command(0, [0.5, 0.0, 0.0])
    run(world, 0.5)
    assert world.velocities[0, 0] == pytest.approx(0.5, rel=2e-3)
    run(world, 0.4)
    np.testing.assert_allclose(world.velocities, 0.0, atol=1e-3)


@pytest.mark.parametrize(
    "velocity",
    [[np.nan, 0, 0], [0, 0, np.inf], [1, 2], [[1, 2, 3]], "abc", None, [None, 0, 0], ["a", 0, 0], []],
)
def test_a_bad_command_is_not_taken_and_changes_nothing(ideal, far, run, velocity):
    world = far(ideal())
    assert world.command(0, [0.2, 0.0, 0.0])
    assert not world.command(0, velocity)
    run(world, 0.2)
    np.testing.assert_allclose(world.velocities[0], [0.2, 0.0, 0.0], atol=1e-3)


@given(st.lists(st.tuples(anything, anything, anything), min_size=1, max_size=10), st.sampled_from(["unicycle", "omni"]))
def test_no_command_makes_a_pose_that_is_not_finite(ideal, far, run, commands, kind):
    world = far(ideal(base={"kind": kind, "speed_noise": 0.1, "lag": 0.1}))
    for command in commands:
        run(world, 0.06, [command])
        assert np.isfinite(world.poses).all()
        assert np.hypot(*world.velocities[0, :2]) < 3.0  # 1 m/s, and noise


def test_old_commands_and_unknown_robots_are_refused(ideal, far, run):
    world = run(far(ideal()), 1.0)
    assert world.command(0, [0.1, 0.0, 0.0], 0.8)
    assert not world.command(0, [0.2, 0.0, 0.0], 0.7)
    assert not world.command(0, [0.2, 0.0, 0.0], np.nan)
    assert not world.command(1, [0.2, 0.0, 0.0])
    assert not world.command(-1, [0.2, 0.0, 0.0])
    assert world.command(0, [0.3, 0.0, 0.0], 99.0)  # a clock that is ahead must not silence the next command
    assert world.command(0, [0.2, 0.0, 0.0])


@pytest.mark.slow
def test_actuation_noise_does_not_depend_on_the_time_step(ideal, far, run):
    for time_step in (0.02, 0.005):
        base = {"relative_noise": 0.1, "speed_noise": 0.03, "turn_noise": 0.0}
        world = run(far(ideal(time_step, base, laser={"rate": 0.0}), n=60), 1.0, [[0.4, 0.0, 0.0]] * 60)
        before = world.poses[:, 0]
        run(world, 1.0, [[0.4, 0.0, 0.0]] * 60)
        error = world.poses[:, 0] - before - 0.4
        wanted = np.sqrt((0.1 * 0.4) ** 2 + 0.03**2)
        assert abs(error.mean()) < 4.5 * wanted / np.sqrt(60)
        assert error.std() == pytest.approx(wanted, rel=4.5 / np.sqrt(120))


def test_a_base_at_rest_stays_at_rest(ideal, far, run):
    world = run(far(ideal(base={"relative_noise": 0.5, "speed_noise": 0.5, "turn_noise": 0.5})), 1.0, [[0.0, 0.0, 0.0]])
    np.testing.assert_allclose(world.poses, 0.0, atol=1e-9)
