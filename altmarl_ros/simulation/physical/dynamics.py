r"""How a base moves: commanded velocity -> speed controller -> wheels -> pose.

One time step dt, for a velocity v = (v_x, v_y, omega) in base_link and its target u:

    lag           dv = (1 - exp(-dt / lag)) (u - v), the exact step of dv/dt = (u - v) / lag
    acceleration  |dv_xy| <= a dt, or the deceleration's where dv brakes; |d omega| <= alpha dt
    wheels        the mean of v over the step, exact under constant acceleration, and white noise on it, whose density is
                  the root of (relative_noise v)^2 + speed_noise^2, as long as the base moves
    pose          exact for a constant velocity: the motion group's exponential map, arcs for a unicycle
                  (Thrun, Burgard and Fox, "Probabilistic Robotics", 2005, 5.3)

A seized wheel of a differential drive turns slower by a share q; with half the track b the sides run at v_x -/+ b omega.
Slip loses a share of the motion on the floor, while the wheels turn.
"""

from __future__ import annotations

from math import cos, hypot, pi, sin, sqrt

from altmarl_ros.compiled import njit
from altmarl_ros.random_streams import normal


@njit(nogil=True, cache=True)
def wrap(angle):  # type: ignore[no-untyped-def]
    """The angle in [-pi, pi) [rad]."""
    return angle - 2.0 * pi * ((angle + pi) // (2.0 * pi))


@njit(nogil=True, cache=True)
def advance(pose, i, x, y, turn):  # type: ignore[no-untyped-def]
    """Move pose[i] (x, y, yaw) by a constant body velocity times its duration: x, y [m], turn [rad]."""
    half = 0.5 * turn
    # The chord of the arc: sinc(half) times its length, turned by half.
    chord = 1.0 - half * half / 6.0 if abs(half) < 1e-4 else sin(half) / half
    c, s = cos(pose[i, 2] + half), sin(pose[i, 2] + half)
    pose[i, 0] += chord * (c * x - s * y)
    pose[i, 1] += chord * (s * x + c * y)
    pose[i, 2] = wrap(pose[i, 2] + turn)


@njit(nogil=True, cache=True)
def drive(state, target, faults, streams, base):  # type: ignore[no-untyped-def]
    """One time step of every base, in place.

    Args:
        state: pose [n, 3; m, m, rad; map]; velocity as the speed controller has it [n, 3; m/s, m/s, rad/s; base_link]; out,
            this step's velocity as the wheels turn, and over the floor [n, 3].
        target: the commanded velocity [n, 3].
        faults: share of the left and right wheel's speed that is lost [2, n], and of the motion [n].
        streams: of the drive [4, n], see `random_streams`.
        base: time step [s]; whether the base can move sideways; radius of the body, half the track [m]; max_speed,
            max_turn_rate, acceleration, deceleration and turn_acceleration; gain of the speed controller per step, in (0, 1];
            relative_noise, speed_noise and turn_noise.
    """
    (pose, velocity, wheels, driven), (seized, slip) = state, faults
    dt, lateral, radius, limits, gain, noise = base
    max_speed, max_turn_rate, acceleration, deceleration, turn_acceleration = limits
    relative, additive, turning = noise
    fastest = 0.5 * radius / dt  # whatever the noise: contacts rely on it
    for i in range(len(pose)):
        v_x, v_y, omega = velocity[i]
        u_x, u_y, u_omega = target[i]
        if not lateral:
            u_y = 0.0
        speed = hypot(u_x, u_y)
        if speed > max_speed:
            u_x, u_y = u_x * max_speed / speed, u_y * max_speed / speed
        u_omega = min(max(u_omega, -max_turn_rate), max_turn_rate)
        d_x, d_y, d_omega = gain * (u_x - v_x), gain * (u_y - v_y), gain * (u_omega - omega)
        most = (deceleration if d_x * v_x + d_y * v_y < 0.0 else acceleration) * dt
        size = hypot(d_x, d_y)
        if size > most:
            d_x, d_y = d_x * most / size, d_y * most / size
        d_omega = min(max(d_omega, -turn_acceleration * dt), turn_acceleration * dt)
        velocity[i, 0], velocity[i, 1], velocity[i, 2] = v_x + d_x, v_y + d_y, omega + d_omega
        v_x, v_y, omega = v_x + 0.5 * d_x, v_y + 0.5 * d_y, omega + 0.5 * d_omega

        left, right = seized[0, i], seized[1, i]
        if left > 0.0 or right > 0.0:
            v_left, v_right = (1.0 - left) * (v_x - radius * omega), (1.0 - right) * (v_x + radius * omega)
            v_x, v_y, omega = 0.5 * (v_left + v_right), (1.0 - max(left, right)) * v_y, 0.5 * (v_right - v_left) / radius
        a, b, c = normal(streams, i), normal(streams, i), normal(streams, i)
        if v_x != 0.0 or v_y != 0.0 or omega != 0.0:  # brakes hold a base at rest
            root = 1.0 / sqrt(dt)
            v_x += hypot(relative * v_x, additive) * a * root
            if lateral:
                v_y += hypot(relative * v_y, additive) * b * root
            omega += hypot(relative * omega, turning) * c * root
        speed = hypot(v_x, v_y)
        if speed > fastest:
            v_x, v_y = v_x * fastest / speed, v_y * fastest / speed
        wheels[i, 0], wheels[i, 1], wheels[i, 2] = v_x, v_y, omega
        grip = 1.0 - slip[i]
        driven[i, 0], driven[i, 1], driven[i, 2] = grip * v_x, grip * v_y, grip * omega
        advance(pose, i, dt * driven[i, 0], dt * driven[i, 1], dt * driven[i, 2])
