import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.simulation.physical.dynamics import advance, wrap

anything = st.floats()
LIMITED = {"acceleration": 0.5, "deceleration": 0.8, "turn_acceleration": 2.0}


@pytest.mark.parametrize(("v", "omega"), [(0.6, 0.5), (-0.4, 0.7), (0.5, -1.3)])
def test_constant_command_drives_a_circle_of_radius_v_over_omega(ideal, far, run, v, omega):
    world = run(far(ideal()), 0.02, [[v, 0.0, omega]])  # reaches the speed
    x, y, yaw = world.poses[0]
    centre = np.array([x - v / omega * np.sin(yaw), y + v / omega * np.cos(yaw)])
    radii = []
    run(world, 4.0, [[v, 0.0, omega]], each=lambda w: radii.append(np.hypot(*(w.poses[0, :2] - centre))))
    np.testing.assert_allclose(radii, abs(v / omega), rtol=1e-9)
    assert world.poses[0, 2] == pytest.approx(wrap(yaw + 4.0 * omega), abs=1e-9)


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


def test_straight_line_and_unicycle_does_not_move_sideways(ideal, far, run):
    base = {"acceleration": 1e6}
    world = run(far(ideal(base=base), n=2), 2.0, [[0.5, 0.7, 0.0], [-0.5, 0.0, 0.0]])
    np.testing.assert_allclose(world.poses, [[0.995, 0, 0], [-0.995, 10, 0]], atol=1e-9)  # the first step at half the speed


def test_omni_moves_along_its_command_in_its_own_frame(ideal, far, run):
    world = run(far(ideal(base={"kind": "omni"})), 1.0, [[0.3, 0.4, 0.0]])
    np.testing.assert_allclose(world.poses[0], [0.297, 0.396, 0.0], atol=1e-9)
    world = run(far(ideal(base={"kind": "omni"})), 3.0, [[0.0, 0.5, 1.0]])
    centre = np.array([-0.5, 0.0])  # to the side, v_y / omega away
    assert np.hypot(*(world.poses[0, :2] - centre)) == pytest.approx(0.5, rel=1e-2)


def test_stopping_distance_under_a_deceleration_limit(ideal, far, run):
    world = run(far(ideal(base=LIMITED)), 4.0, [[0.8, 0.0, 0.0]])
    # 1.6 s of acceleration cover v^2 / 2a; then full speed.
    assert world.poses[0, 0] == pytest.approx(0.8**2 / (2 * 0.5) + 0.8 * (4.0 - 1.6), abs=1e-9)
    begin = world.poses[0, 0]
    run(world, 3.0, [[0.0, 0.0, 0.0]])
    assert world.poses[0, 0] - begin == pytest.approx(0.8**2 / (2 * 0.8), abs=1e-9)
    np.testing.assert_array_equal(world.velocities, 0.0)


def test_turn_acceleration_limit(ideal, far, run):
    world = run(far(ideal(base=LIMITED)), 0.25, [[0.0, 0.0, 1.0]])
    assert world.poses[0, 2] == pytest.approx(0.5 * 2.0 * 0.24**2, abs=1e-9)  # 12 steps
    run(world, 0.76, [[0.0, 0.0, 1.0]])
    assert world.poses[0, 2] == pytest.approx(1.0 - 0.5 * 1.0**2 / 2.0, abs=1e-9)


def test_first_order_lag_follows_its_exponential(ideal, far, run):
    seen = []
    run(far(ideal(base={"lag": 0.3})), 1.0, [[0.5, 0.0, 0.0]], each=lambda w: seen.append(w.poses[0, 0]))
    t = 0.02 * np.arange(1, 51)
    np.testing.assert_allclose(seen, 0.5 * (t - 0.3 * (1 - np.exp(-t / 0.3))), atol=1e-3)


def test_commands_take_effect_after_the_delay(ideal, far, run):
    world = far(ideal(base={"delay_steps": 5}))
    run(world, 5 * 0.02, [[0.5, 0.0, 0.0]])
    np.testing.assert_array_equal(world.poses[0], 0.0)
    run(world, 0.02, [[0.5, 0.0, 0.0]])
    assert world.poses[0, 0] > 0.0


def test_speed_limits(ideal, far, run):
    base = {"kind": "omni", "max_speed": 0.5, "max_turn_rate": 1.0}
    world = run(far(ideal(base=base)), 1.0, [[30.0, 40.0, -50.0]])
    np.testing.assert_allclose(world.velocities[0], [0.3, 0.4, -1.0], atol=1e-12)


def test_a_silent_driver_times_out(ideal, far, run):
    world = far(ideal(base={"command_timeout": 0.5}))
    world.command(0, [0.5, 0.0, 0.0])
    run(world, 0.5)
    assert world.velocities[0, 0] == pytest.approx(0.5)
    run(world, 0.1)
    np.testing.assert_array_equal(world.velocities, 0.0)


@pytest.mark.parametrize(
    "velocity",
    [[np.nan, 0, 0], [0, 0, np.inf], [1, 2], [[1, 2, 3]], "abc", None, [None, 0, 0], ["a", 0, 0], []],
)
def test_a_bad_command_is_not_taken_and_changes_nothing(ideal, far, run, velocity):
    world = far(ideal())
    assert world.command(0, [0.2, 0.0, 0.0])
    assert not world.command(0, velocity)
    run(world, 0.1)
    np.testing.assert_allclose(world.velocities[0], [0.2, 0.0, 0.0])


@given(st.lists(st.tuples(anything, anything, anything), min_size=1, max_size=10), st.sampled_from(["unicycle", "omni"]))
def test_no_command_makes_a_pose_that_is_not_finite(ideal, far, run, commands, kind):
    world = far(ideal(base={"kind": kind, "speed_noise": 0.1, "lag": 0.1}))
    for command in commands:
        run(world, 0.06, [command])
        assert np.isfinite(world.poses).all()
        assert np.hypot(*world.velocities[0, :2]) <= 0.5 * 0.25 / 0.02 + 1e-9


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
        world = run(far(ideal(time_step, base), n=400), 2.0, [[0.4, 0.0, 0.0]] * 400)
        error = world.poses[:, 0] - 0.4 * (2.0 - time_step / 2)
        wanted = np.sqrt(((0.1 * 0.4) ** 2 + 0.03**2) * 2.0)
        assert abs(error.mean()) < 4.5 * wanted / 20
        assert error.std() == pytest.approx(wanted, rel=4.5 / np.sqrt(800))


def test_a_base_at_rest_stays_at_rest(ideal, far, run):
    world = run(far(ideal(base={"relative_noise": 0.5, "speed_noise": 0.5, "turn_noise": 0.5})), 1.0, [[0.0, 0.0, 0.0]])
    np.testing.assert_array_equal(world.poses, 0.0)
