import numpy as np
import pytest

from altmarl_ros.random_streams import fill_normal, make_streams
from altmarl_ros.simulation.physical.config import OdometryConfig
from altmarl_ros.simulation.physical.noise import Purpose
from altmarl_ros.simulation.physical.odometry import reckon
from altmarl_ros.simulation.physical.world import PhysicalWorld

N = 600
ERRORS = ("scale_error", "turn_scale_error", "distance_walk", "turn_walk", "heading_walk")
FEW = 4.5 / np.sqrt(2 * N)  # relative error of a standard deviation over N robots


def last_odometry(world, run, seconds, command):
    """The last odometry of every robot [n, 3], after `seconds`."""
    poses = np.full((len(world), 3), np.nan)

    def hear(world):
        said = world.odometry()
        poses[said.robots] = said.poses

    run(world, seconds, [command] * len(world), each=hear)
    return poses


def test_without_errors_odometry_is_the_way_from_the_start(ideal, run):
    starts = [[1.0, 2.0, 0.7], [5.0, -3.0, -2.0]]
    for origin in ("identity", "start"):
        world = PhysicalWorld(ideal(odometry={"origin": origin, "rate": 50.0}), [], starts, 0)
        odometry = last_odometry(world, run, 3.0, [0.4, 0.0, 0.6])
        if origin == "start":
            np.testing.assert_allclose(odometry, world.poses, atol=5e-3)  # wheels slip a little as they gain speed
            continue
        for (x, y, yaw), here, told in zip(starts, world.poses, odometry, strict=True):
            c, s = np.cos(yaw), np.sin(yaw)
            d_x, d_y = here[0] - x, here[1] - y
            np.testing.assert_allclose(told[:2], [c * d_x + s * d_y, c * d_y - s * d_x], atol=5e-3)
            assert np.cos(told[2] - here[2] + yaw) == pytest.approx(1.0, abs=1e-5)


def drift(command, seconds, time_step=0.02, **errors):
    """Final odometry of N robots whose wheels turn at a command [N, 3]."""
    config = OdometryConfig(**dict.fromkeys(ERRORS, 0.0) | errors)
    streams = make_streams(0, Purpose.ODOMETRY, range(N))
    scales = np.zeros((N, 2))
    fill_normal(streams, scales)
    scales = 1.0 + scales * [config.scale_error, config.turn_scale_error]
    pose, wheels = np.zeros((N, 3)), np.tile(np.array(command, dtype=float), (N, 1))
    settings = (time_step, False, config.distance_walk, config.turn_walk, config.heading_walk)
    for _ in range(round(seconds / time_step)):
        reckon(pose, wheels, scales, streams, settings)
    return pose


@pytest.mark.parametrize("time_step", [0.02, 0.005])
def test_drift_straight_ahead_has_the_variance_of_its_formula(time_step):
    x = drift([0.5, 0.0, 0.0], 4.0, time_step, scale_error=0.02, distance_walk=0.03)[:, 0]
    wanted = np.sqrt(0.02**2 * 2.0**2 + 0.03**2 * 2.0)
    assert (x - 2.0).std() == pytest.approx(wanted, rel=FEW)
    assert abs((x - 2.0).mean()) < 4.5 * wanted / np.sqrt(N)


def test_drift_of_yaw_when_turning_and_when_driving():
    yaw = drift([0.0, 0.0, 1.0], 2.0, turn_scale_error=0.05, turn_walk=0.04)[:, 2]
    assert (yaw - 2.0).std() == pytest.approx(np.sqrt((0.05 * 2.0) ** 2 + 0.04**2 * 2.0), rel=FEW)
    yaw = drift([0.5, 0.0, 0.0], 2.0, heading_walk=0.04)[:, 2]
    assert yaw.std() == pytest.approx(0.04, rel=FEW)


def test_a_robot_at_rest_does_not_drift(ideal, far, run):
    drift = {"rate": 50.0, "scale_error": 0.1, "distance_walk": 0.1, "turn_walk": 0.1, "heading_walk": 0.1}
    np.testing.assert_allclose(last_odometry(far(ideal(odometry=drift)), run, 1.0, [0, 0, 0]), 0.0, atol=1e-6)


def test_velocity_is_told_as_the_wheels_turn(ideal, far, run):
    world = run(far(ideal(base={"kind": "omni"}, odometry={"rate": 50.0})), 0.5, [[0.3, -0.2, 0.5]])
    np.testing.assert_allclose(world.odometry().velocities, [[0.3, -0.2, 0.5]], atol=1e-3)


def test_localisation_is_the_truth_with_noise_of_its_covariance(ideal, far, run):
    noise = {"rate": 50.0, "position_noise": 0.05, "yaw_noise": 0.02}
    world = far(ideal(localisation=noise, laser={"rate": 0.0}), n=20)
    errors = []
    run(world, 2.0, [[0.3, 0.0, 0.2]] * 20, each=lambda w: errors.append(w.localisation().poses - w.poses))
    errors = np.concatenate(errors)
    np.testing.assert_allclose(errors.std(axis=0), [0.05, 0.05, 0.02], rtol=4.5 / np.sqrt(2 * len(errors)))
    assert (np.abs(errors.mean(axis=0)) < 4.5 * np.array([0.05, 0.05, 0.02]) / np.sqrt(len(errors))).all()
    np.testing.assert_allclose(world.localisation().covariance, np.diag([0.05**2, 0.05**2, 0.02**2]))


@pytest.mark.slow
def test_sensors_speak_at_their_rates_and_not_all_at_once(ideal, far, run):
    world = far(ideal(odometry={"rate": 20.0}, localisation={"rate": 7.0}, laser={"rate": 0.0}), n=30)
    told, found, most = np.zeros(30), np.zeros(30), 0

    def hear(world):
        nonlocal most
        told[world.odometry().robots] += 1
        found[world.localisation().robots] += 1
        most = max(most, len(world.odometry().robots))
        np.testing.assert_array_equal(world.odometry().stamps, world.time)
        assert len(world.scans().robots) == 0

    run(world, 10.0, each=hear)
    assert (np.abs(told - 200) <= 1).all()
    assert (np.abs(found - 70) <= 1).all()
    assert most <= 15
