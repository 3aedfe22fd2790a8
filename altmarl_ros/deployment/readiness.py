"""Judges whether one robot is ready to move, from what was observed of it and of its coordinator.

A robot needs what its governor asks for, and whether it has that is judged by the robot itself: by the reasons that it
publishes, also before it is active, else by the same code (`driving.sensor_health`) on what is received here. What is seen of
its topics says why something is missing, and what to do about it.
"""

from __future__ import annotations

import math
from typing import Any, Collection, Mapping

from altmarl_ros.deployment.checks import Check
from altmarl_ros.deployment.robot_observations import RobotObservations
from altmarl_ros.driving.governor_types import OnSilence, Reason, by_severity
from altmarl_ros.driving.limits import Limits
from altmarl_ros.driving.robot_topics import Fault, Stream, command_fault, navigator_fault, stream_fault
from altmarl_ros.driving.sensor_health import DRIVER_REASONS, POSE_REASONS, SCAN_REASONS

_CLOCKS_APART = 0.1  # s that clocks may differ, besides the time that a message takes
_SAME = 1e-6


def check_readiness(seen: RobotObservations, limits: Limits | None) -> list[Check]:
    """Return all checks, in the order in which faults have to be mended.

    Args:
        seen: what was observed.
        limits: of the base; None: the robot's parameters give no valid limits.
    """
    if seen.count == 0 or seen.values is None:
        return [_node(seen)]
    values = seen.values
    checks = [_node(seen), _settings(seen, limits)]
    if values["body"] != "drive":
        return checks
    return [
        *checks,
        *_sensors(seen),
        _zone(seen),
        *_nearest(seen),
        *_navigation(seen),
        _command(seen),
        _coordinator(seen),
        _ticks(seen),
        _policy(seen),
        _clocks(seen),
        _rest(seen),
    ]


def differences(values: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    """Say which parameters differ from what the fleet file gives them."""
    return [
        f"{key} is {values.get(key)!r}, in the file {wanted!r}"
        for key, wanted in expected.items()
        if not _same(values.get(key), wanted)
    ]


def _node(seen: RobotObservations) -> Check:
    name = "node"
    if seen.count == 0:
        remedy = "start it, or mend discovery: altmarl netcheck; ROS_DOMAIN_ID must be the same"
        return Check(name, "failed", f"no node {seen.node}", remedy)
    if seen.count > 1:
        return Check(name, "failed", f"{seen.count} nodes are called {seen.node}", "stop all but one")
    if seen.values is None:
        remedy = "is it one of many in a `robots` process? A physical robot has a process of its own"
        return Check(name, "failed", f"{seen.node} tells no parameters", remedy)
    if seen.state not in ("inactive", "active"):
        remedy = "configure it (lifecycle service change_state): the reason it gives is in its log"
        return Check(name, "failed", f"{seen.node} is {seen.state or 'in no state that it tells'}", remedy)
    return Check(name, "ok", f"{seen.node} is {seen.state}")


def _settings(seen: RobotObservations, limits: Limits | None) -> Check:
    name, values = "settings", seen.values or {}
    if values["body"] != "drive":
        return Check(name, "failed", f"body is {values['body']!r}", "set the parameter body to drive")
    other = differences(values, seen.expected)
    if other:
        return Check(name, "failed", "; ".join(other), "start the robot by the fleet file as it is now")
    if limits is None:
        return Check(name, "failed", "the limits contradict each other", "see the log of the robot")
    way = limits.forward**2 / (2.0 * limits.braking) + limits.forward * float(values["margin.reaction"])
    detail = (
        f"{values['drive.kind']}, {values['drive.base']} base of radius {values['robot.radius']:g} m, at most "
        f"{limits.forward:g} m/s and {limits.turn:g} rad/s; at rest {way:.2f} m after an obstacle shows"
    )
    if values["drive.kind"] == "none":
        return Check(name, "warning", detail, "a dry run: it says what it would do and commands nothing")
    return Check(name, "ok", detail)


_SENSORS = {"pose": POSE_REASONS, "odometry": POSE_REASONS, "scan": SCAN_REASONS}


def _sensors(seen: RobotObservations) -> list[Check]:
    """Check the sensor topics: the robot judges whether it has its data, and what is seen here says why not."""
    streams = {name: seen.streams[name] for name in _SENSORS if name in seen.streams}
    faults = {name: _sensor_fault(seen, name, stream) for name, stream in streams.items()}
    checks = []
    for name, stream in streams.items():
        fault, missing = faults[name], seen.lacks & _SENSORS[name]
        explained = any(other is not None and _SENSORS[of] == _SENSORS[name] for of, other in faults.items())
        if missing and not explained:
            fault = _unexplained(missing)
        checks.append(_sensor(seen, name, stream, fault))
    return checks


def _sensor(seen: RobotObservations, name: str, stream: Stream, fault: Fault | None) -> Check:
    missing = seen.lacks & _SENSORS[name]
    rate = f"{len(stream.intervals) / sum(stream.intervals):.1f} Hz" if stream.intervals else "one message"
    detail = f"{stream.topic} from {', '.join(stream.publishers)}, {rate if stream.messages else 'silent'}"
    detail += f", {1e3 * stream.age:.0f} ms old" if math.isfinite(stream.age) else ""
    if fault is not None and missing:
        return Check(name, "failed", fault.detail, fault.remedy)
    if fault is not None and _is_carried(seen, name) and stream.publishers:
        return Check(name, "ok", f"{detail}; the robot has its pose, which odometry continues")
    if fault is not None:
        detail = f"{fault.detail}; the robot can do without, or hears more than is heard here"
        return Check(name, "warning", detail, fault.remedy)
    if stream.age < -_CLOCKS_APART:
        return Check(name, "warning", detail, "stamps are ahead of this machine's clock: set the clocks (chrony)")
    return Check(name, "ok", detail)


def _is_carried(seen: RobotObservations, name: str) -> bool:
    """Return whether another topic fills the time between two messages of this one."""
    return name == "pose" and "odometry" in seen.streams


def _sensor_fault(seen: RobotObservations, name: str, stream: Stream) -> Fault | None:
    """Return what is wrong with a sensor topic, as far as is seen here."""
    fault = stream_fault(stream)
    if fault is not None:
        return fault
    values = seen.values or {}
    parameter = "timeout.scan" if name == "scan" else "timeout.pose"
    longest, carried = float(values[parameter]), _is_carried(seen, name)
    who = f"{stream.topic} from {', '.join(stream.publishers)}"
    if not stream.messages:
        remedy = "look at the driver; its quality of service may be incompatible with the robot's subscription"
        return Fault(f"{who}: nothing comes", "AMCL says nothing before its initial pose is set" if carried else remedy)
    if carried:
        return None
    if stream.age > longest:
        remedy = f"older than {parameter}, {longest:g} s: is the clock of its machine right (chrony)?"
        return Fault(f"{who}: {1e3 * stream.age:.0f} ms old", remedy)
    slowest = max(stream.intervals, default=math.inf)
    if slowest > longest:
        rate = f"{slowest:.2f} s between two" if stream.intervals else "one message"
        return Fault(f"{who}: {rate}", f"longer than its timeout: set {parameter} above it, it is {longest:g} s")
    return None


def _unexplained(missing: Collection[Reason]) -> Fault:
    reasons = ", ".join(reason.value for reason in by_severity(missing))
    return Fault(f"the robot says: {reasons}", "it does not receive what is received here: look at the network and at its log")


def _navigation(seen: RobotObservations) -> list[Check]:
    """Check who takes the robot's goals, and who sends the velocities to them, where another one drives the robot."""
    if seen.navigator is None:
        return []
    action, missing = seen.navigator.action, seen.lacks & _GOALS
    fault = navigator_fault(seen.navigator)
    if fault is None and missing:
        why = ", ".join(reason.value for reason in by_severity(missing))
        fault = Fault(f"{action}: {why}", "see the log of Nav2: is it active, and is the goal free on its map?")
    checks = [_fault_or("navigator", fault, missing, f"{action} by {', '.join(seen.navigator.servers)}")]
    velocity = seen.streams.get("velocity")
    if velocity is not None:
        fault, silent = stream_fault(velocity), seen.lacks & {Reason.NAVIGATOR_SILENT}
        if fault is None and silent:
            remedy = "look at Nav2's controller; its last stage has to be remapped to cmd_vel_nav"
            fault = Fault(f"{velocity.topic}: no velocity comes for a goal that is under way", remedy)
        checks.append(_fault_or("velocity", fault, silent, f"{velocity.topic} from {', '.join(velocity.publishers)}"))
    return checks


def _fault_or(name: str, fault: Fault | None, missing: Collection[Reason], detail: str) -> Check:
    """Return a check that fails where the robot lacks something, and warns where only what is seen here is wrong."""
    if fault is None:
        return Check(name, "ok", detail)
    return Check(name, "failed" if missing else "warning", fault.detail, fault.remedy)


_GOALS = frozenset(reason for reason in Reason if reason.from_navigator and reason.halts)


def _zone(seen: RobotObservations) -> Check:
    if seen.zone:
        return Check("zone", "ok", f"the robot is in {seen.zone!r}")
    remedy = "localise it (initial pose), or drive it by hand into a zone; altmarl floor show draws them"
    return Check("zone", "failed", "the pose is in no zone of the floor, or not known", remedy)


def _nearest(seen: RobotObservations) -> list[Check]:
    radius = float((seen.values or {})["robot.radius"])
    if not math.isfinite(seen.nearest):
        return []
    detail = f"the nearest obstacle is {seen.nearest:.2f} m from the robot's centre, the laser's place by {seen.laser}"
    if seen.nearest < radius:
        remedy = f"inside its outline of {radius:g} m: set scan.mount.*, or filter the robot itself out of the scan"
        return [Check("clearance", "failed", detail, remedy)]
    return [Check("clearance", "ok", detail)]


def _command(seen: RobotObservations) -> Check:
    name, command, values = "command", seen.command, seen.values or {}
    if command is None:
        if values["drive.kind"] == "none":
            return Check(name, "ok", "none, a dry run")
        return Check(name, "failed", "the robot publishes no velocities", "configure it")
    others = [publisher for publisher in command.publishers if publisher != seen.node]
    missing = seen.lacks & DRIVER_REASONS
    fault = command_fault(command) or (_unexplained(missing) if missing else None)
    if fault is not None:
        return _fault_or(name, fault, missing, "")
    detail = f"{command.topic}, {command.type}, received by {', '.join(command.subscribers)}"
    if others:
        remedy = "only one may command the base: stop them, or let a multiplexer such as twist_mux choose"
        return Check(name, "failed", f"{detail}; {', '.join(others)} publish it too", remedy)
    return Check(name, "ok", detail)


def _coordinator(seen: RobotObservations) -> Check:
    name, coordinator = "coordinator", seen.coordinator
    who = ", ".join(coordinator.publishers)
    if not coordinator.publishers:
        return Check(name, "failed", "nobody publishes ticks", "start the coordinator; fleet_prefix must be the same")
    timeout = float((seen.values or {})["timeout.coordinator"])
    if coordinator.longest_lease > timeout + _SAME:
        remedy = "set the coordinator's tick.lease to at most the robot's timeout.coordinator, or the robot hears no tick"
        return Check(
            name, "failed", f"{who} has a lease of {coordinator.longest_lease:g} s, the robot waits {timeout:g} s", remedy
        )
    return Check(name, "ok", f"{who}, gone after {timeout:g} s of silence")


def _ticks(seen: RobotObservations) -> Check:
    name, coordinator = "tick", seen.coordinator
    timeout = float((seen.values or {})["timeout.tick"])
    if not coordinator.publishers:
        return Check(name, "failed", "none", "start the coordinator")
    holds = (seen.values or {})["on_silence"] == OnSilence.HOLD.value
    if holds and coordinator.period is not None and timeout <= coordinator.period:
        remedy = "set the robot's timeout.tick above the coordinator's tick.period, or it stops between ticks"
        return Check(name, "failed", f"every {coordinator.period:g} s, but timeout.tick is {timeout:g} s", remedy)
    if coordinator.last_tick > timeout:
        heard = "none heard" if math.isinf(coordinator.last_tick) else f"the last came {coordinator.last_tick:.1f} s ago"
        remedy = "the coordinator waits for start.robots, is inactive or paused: see its log and /fleet/status"
        return Check(name, "warning", heard, remedy)
    every = f"every {coordinator.period:g} s, " if coordinator.period is not None else ""
    return Check(name, "ok", f"{every}the last came {coordinator.last_tick:.1f} s ago")


def _policy(seen: RobotObservations) -> Check:
    theirs = seen.coordinator.game_hash
    if not theirs:
        return Check("policy", "failed", "the coordinator announces none", "start the coordinator with a policy")
    if not seen.game_hash:
        return Check("policy", "warning", f"for game {theirs}", "the robot's game is not known here: compare by hand")
    if theirs != seen.game_hash:
        detail = f"for game {theirs}, the robot plays {seen.game_hash}"
        return Check("policy", "failed", detail, "give robot and coordinator the same game file")
    return Check("policy", "ok", f"for the robot's game {theirs}")


def _clocks(seen: RobotObservations) -> Check:
    apart = {"robot": seen.clock, "coordinator": seen.coordinator.clock}
    known = {who: ahead for who, ahead in apart.items() if math.isfinite(ahead)}
    if not known:
        return Check(
            "clock", "warning", "nothing stamped was heard of robot and coordinator", "look again when they are active"
        )
    detail = ", ".join(f"{who} {1e3 * ahead:+.0f} ms" for who, ahead in known.items()) + " from this machine"
    if max(abs(ahead) for ahead in known.values()) > _CLOCKS_APART:
        remedy = "set the clocks of all machines by NTP or PTP (chrony), unless messages are that late"
        return Check("clock", "warning", detail, remedy)
    return Check("clock", "ok", detail)


def _rest(seen: RobotObservations) -> Check:
    if seen.reasons is None:
        return Check("robot", "warning", "says nothing", "configure it, and look at its log")
    if Reason.NOT_ACTIVE.value in seen.reasons:
        others = ", ".join(reason for reason in seen.reasons if reason != Reason.NOT_ACTIVE.value)
        detail = "is not active" + (f", and lacks: {others}" if others else "")
        return Check("robot", "warning", detail, "activate it when all else is right")
    if seen.reasons:
        return Check("robot", "warning", f"stands: {', '.join(seen.reasons)}", "docs/how-to/robot.md says what clears each")
    return Check("robot", "ok", "nothing holds it")


def _same(actual: object, wanted: object) -> bool:
    if isinstance(actual, float) and isinstance(wanted, float):
        return math.isclose(actual, wanted, rel_tol=_SAME, abs_tol=_SAME)
    return actual == wanted
