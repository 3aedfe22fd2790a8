"""Grades how well one robot drives, for `/diagnostics`."""

from __future__ import annotations

import math

from altmarl_ros.driving.governor_types import Command, Reason, State
from altmarl_ros.driving.sensor_health import WORK_REASONS
from altmarl_ros.monitoring.health import Finding, Level
from altmarl_ros.monitoring.tick_expectation import Standing

_FOR_WANT_OF_TICKS = frozenset({Reason.TICK_SILENT, Reason.NO_POLICY, Reason.CLOCK_JUMPED})
_AT_THE_START = frozenset(
    {*_FOR_WANT_OF_TICKS, *WORK_REASONS, Reason.NO_DRIVER, Reason.NO_NAVIGATOR, Reason.POSE_STALE, Reason.SCAN_STALE}
)
_WORTH_A_WARNING = frozenset({Reason.LEFT_AREA, Reason.NAVIGATOR_SILENT, Reason.NO_WAY})
_BLOCKING = frozenset({Reason.OBSTACLE, Reason.BLIND, Reason.LEFT_AREA})


def is_blocked(command: Command) -> bool:
    """Whether something in the robot's way keeps it from moving at all, though nothing else does."""
    halts = any(reason.halts for reason in command.reasons)
    return command.state is State.STOPPED and not halts and bool(_BLOCKING & set(command.reasons))


def drive_finding(
    robot_id: int,
    command: Command,
    *,
    standing: Standing,
    starting: bool,
    blocked: float,
    patience: float,
    advice: str = "",
    pose_age: float,
    tick_age: float,
    emergency_stop: bool,
    zone: str,
    operated: str = "",
    crowded: bool = False,
    charge: float = math.nan,
) -> Finding:
    """Grade the drive of one robot.

    Something that halts it is an error, except for what is still missing at the start. Something in its way is none while the
    robot goes slower or waits for it to pass, and a warning after that.

    Args:
        robot_id: the robot's id.
        command: that its governor gave last.
        standing: how the robot stands with the coordinator.
        starting: whether the robot was started so lately that its sensors and its driver need not be there.
        blocked: for how long something in its way has kept it from moving [s]; 0: nothing does.
        patience: how long that may be without a warning [s].
        advice: what to do about ticks that do not come in time; empty: nothing.
        pose_age: age of the newest pose [s]; infinite: none came.
        tick_age: age of the newest tick [s]; infinite: none came.
        emergency_stop: whether an emergency stop is pressed.
        zone: name of the zone that it is in; empty: none.
        operated: what it does for an operator, in words; empty: it acts by its policy.
        crowded: whether it finds no free slot in the zone that it drives to.
        charge: share of its battery's capacity that is left; NaN: it is not told.
    """
    reasons = set(command.reasons)
    excused: frozenset[Reason] = frozenset()
    if standing is Standing.WAITING:
        excused = _AT_THE_START if starting else _FOR_WANT_OF_TICKS
    elif starting:
        excused = _AT_THE_START - {Reason.TICK_SILENT}
    halting = {reason for reason in reasons if reason.halts} - excused - {Reason.HELD}
    paused = {Reason.TICK_SILENT} if standing is Standing.PAUSED else set()
    level = Level.OK
    if halting - paused and Reason.NOT_ACTIVE not in reasons:
        level = Level.ERROR
    elif halting or _WORTH_A_WARNING & reasons or blocked > patience or crowded:
        level = Level.WARN
    texts = [reason.value for reason in command.reasons]
    state = "blocked" if blocked > 0.0 else command.state.value
    notes = [f"for {blocked:.0f} s"] if blocked > 0.0 else []
    notes += ["no slot of its zone is free"] if crowded else []
    notes += [operated] if operated else []
    if Reason.TICK_SILENT in reasons:
        notes += [standing.value] if standing in (Standing.WAITING, Standing.PAUSED) else [advice] if advice else []
    message = state + (f": {', '.join(texts)}" if texts else "") + (f" ({'; '.join(notes)})" if notes else "")
    velocity = command.velocity
    return Finding(
        f"robot {robot_id}",
        level,
        message,
        {
            "zone": zone,
            "operator": operated or "none",
            "state": state,
            "reasons": ", ".join(texts) or "none",
            "emergency stop": "pressed" if emergency_stop else "released",
            "pose age [s]": pose_age,
            "tick age [s]": tick_age,
            "speed [m/s]": velocity.speed,
            "turn rate [rad/s]": velocity.yaw,
            **({"battery [%]": round(100.0 * charge, 1)} if math.isfinite(charge) else {}),
        },
    )
