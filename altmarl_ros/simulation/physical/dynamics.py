r"""What a base's driver does: commanded velocity -> speed controller -> what the wheels are told; MuJoCo does the rest.

One time step dt, for a velocity v = (v_x, v_y, omega) in base_link and its target u:

    lag           dv = (1 - exp(-dt / lag)) (u - v), the exact step of dv/dt = (u - v) / lag
    acceleration  |dv_xy| <= a dt, or the deceleration's where dv brakes; |d omega| <= alpha dt
    noise         white, on what the wheels do, with the density sqrt((relative_noise v)^2 + speed_noise^2), as long as the
                  base moves

A seized wheel of a differential drive turns slower by a share q; with half the track b the sides run at v_x -/+ b omega.
Slip loses a share of the motion on the floor, while the wheels turn.
"""

from __future__ import annotations

from math import cos, hypot, pi, sin, sqrt

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.compiled import njit
from altmarl_ros.random_streams import normal


@njit(nogil=True, cache=True)
def wrap(angle):  # type: ignore[no-untyped-def]
    """The angle in [-pi, pi) [rad]."""
    return angle - 2.0 * pi * ((angle + pi) // (2.0 * pi))


@njit(nogil=True, cache=True)
def advance(pose, i, x, y, turn):  # type: ignore[no-untyped-def]
    """Move pose[i] (x, y, yaw) by a constant body velocity times its duration: x, y [m], turn [rad].

    Exact: the motion group's exponential map, arcs for a unicycle (Thrun, Burgard and Fox, 2005, 5.3).
    """
    half = 0.5 * turn
    # The chord of the arc: sinc(half) times its length, turned by half.
    chord = 1.0 - half * half / 6.0 if abs(half) < 1e-4 else sin(half) / half
    c, s = cos(pose[i, 2] + half), sin(pose[i, 2] + half)
    pose[i, 0] += chord * (c * x - s * y)
    pose[i, 1] += chord * (s * x + c * y)
    pose[i, 2] = wrap(pose[i, 2] + turn)


def body_motion(before: FloatArray, after: FloatArray) -> FloatArray:
    """Return the constant body velocity times its duration that leads from poses to others: the inverse of `advance`.

    Args:
        before: poses [n, 3; m, m, rad; map].
        after: those that follow [n, 3].

    Returns:
        Way ahead and to the left [m] and turn [rad], in base_link [n, 3].
    """
    turn = (after[:, 2] - before[:, 2] + pi) % (2.0 * pi) - pi
    half = 0.5 * turn
    chord = np.where(np.abs(half) < 1e-4, 1.0 - half * half / 6.0, np.sin(half) / np.where(half == 0.0, 1.0, half))
    c, s = np.cos(before[:, 2] + half), np.sin(before[:, 2] + half)
    x, y = (after[:, :2] - before[:, :2]).T
    return np.stack([(c * x + s * y) / chord, (c * y - s * x) / chord, turn], axis=1)


@njit(nogil=True, cache=True)
def control(state, target, faults, streams, base):  # type: ignore[no-untyped-def]
    """One time step of every speed controller, in place.

    Args:
        state: velocity as the speed controller has it [n, 3; m/s, m/s, rad/s; base_link]; out, what the wheels are told at the
            beginning and at the end of the step, noise on it, and what of it is lost to slip, a mean over the step [n, 3].
        target: the commanded velocity [n, 3].
        faults: share of the left and right wheel's speed that is lost [2, n], and of the motion [n].
        streams: of the drive [4, n], see `random_streams`.
        base: time step [s]; whether the base can move sideways; half the track [m]; max_speed, max_turn_rate, acceleration,
            deceleration and turn_acceleration; gain of the speed controller per step, in (0, 1]; relative_noise, speed_noise
            and turn_noise.
    """
    (velocity, begin, end, noise, lost), (seized, slip) = state, faults
    dt, lateral, track, limits, gain, (relative, additive, turning) = base
    max_speed, max_turn_rate, acceleration, deceleration, turn_acceleration = limits
    root = 1.0 / sqrt(dt)
    for i in range(len(velocity)):
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

        broken = (seized[0, i], seized[1, i], track)
        _wheels(begin, i, (v_x, v_y, omega), broken)
        _wheels(end, i, (v_x + d_x, v_y + d_y, omega + d_omega), broken)
        a, b, c = normal(streams, i), normal(streams, i), normal(streams, i)
        m_x, m_y, m_omega = 0.5 * (begin[i] + end[i])
        moves = m_x != 0.0 or m_y != 0.0 or m_omega != 0.0  # brakes hold a base at rest
        noise[i, 0] = hypot(relative * m_x, additive) * a * root if moves else 0.0
        noise[i, 1] = hypot(relative * m_y, additive) * b * root if moves and lateral else 0.0
        noise[i, 2] = hypot(relative * m_omega, turning) * c * root if moves else 0.0
        grip = 1.0 - slip[i]
        lost[i, 0] = slip[i] * (m_x + noise[i, 0])
        lost[i, 1] = slip[i] * (m_y + noise[i, 1])
        lost[i, 2] = slip[i] * (m_omega + noise[i, 2])
        for axis in range(3):
            begin[i, axis] *= grip
            end[i, axis] *= grip
            noise[i, axis] *= grip


@njit(nogil=True, cache=True)
def _wheels(out, i, velocity, broken):  # type: ignore[no-untyped-def]
    """Write to out[i] what seized wheels leave of a body velocity: shares of left and right that are lost, half the track."""
    (v_x, v_y, omega), (left, right, track) = velocity, broken
    if left > 0.0 or right > 0.0:
        v_left, v_right = (1.0 - left) * (v_x - track * omega), (1.0 - right) * (v_x + track * omega)
        v_x, v_y, omega = 0.5 * (v_left + v_right), (1.0 - max(left, right)) * v_y, 0.5 * (v_right - v_left) / track
    out[i, 0], out[i, 1], out[i, 2] = v_x, v_y, omega
