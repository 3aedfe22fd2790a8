"""Judges whether one robot is ready to move, from what was observed of it and of its coordinator.

A robot needs what its governor asks for (see `driving.governor`). Each check names what is missing and what to do about it.
"""

from __future__ import annotations

import math
from typing import Any, Mapping

from altmarl_ros.deployment.checks import Check, Outcome
from altmarl_ros.deployment.robot_observations import RobotObservations, Stream
from altmarl_ros.driving.limits import Limits

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
    checks += [
        _stream(seen.streams[name], name, _longest(values, name), needed, name == "pose" and "odometry" in seen.streams)
        for name, needed in (("pose", True), ("odometry", True), ("scan", bool(values["scan.required"])))
        if name in seen.streams
    ]
    return [
        *checks,
        _zone(seen),
        *_nearest(seen),
        _command(seen),
        _coordinator(seen),
        _ticks(seen),
        _policy(seen),
        _clocks(seen),
        _rest(seen),
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
    other = [
        f"{key} is {values.get(key)!r}, in the file {wanted!r}"
        for key, wanted in seen.expected.items()
        if not _same(values.get(key), wanted)
    ]
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


def _longest(values: Mapping[str, Any], name: str) -> float:
    return float(values["timeout.scan" if name == "scan" else "timeout.pose"])


def _stream(stream: Stream, name: str, longest: float, needed: bool, carried: bool) -> Check:
    """Check one sensor topic; `carried`: another topic fills the time between two messages of this one."""
    bad: Outcome = "failed" if needed else "warning"
    if not stream.publishers:
        return Check(name, bad, f"nobody publishes {stream.topic}", f"start what publishes {stream.wanted}, or remap the topic")
    who = ", ".join(stream.publishers)
    if stream.offered and stream.wanted not in stream.offered:
        detail = f"{who} publishes {', '.join(sorted(stream.offered))} on {stream.topic}"
        return Check(name, bad, detail, f"the robot subscribes to {stream.wanted}: set pose.source, or remap the topic")
    if stream.refused:
        return Check(name, bad, f"{stream.topic}: {stream.refused}", "set frames.* and frame_prefix, or mend the driver")
    if not stream.messages:
        remedy = "look at the driver; its quality of service may be incompatible with the robot's subscription"
        if carried:
            remedy = "AMCL says nothing before its initial pose is set"
        return Check(name, bad, f"{who} publishes {stream.topic}, but nothing comes", remedy)
    slowest = max(stream.intervals, default=math.inf)
    rate = f"{len(stream.intervals) / sum(stream.intervals):.1f} Hz" if stream.intervals else "one message"
    detail = f"{stream.topic} from {who}, {rate}, {1e3 * stream.age:.0f} ms old"
    if stream.age > longest:
        return Check(name, bad, detail, f"older than its timeout, {longest:g} s: is the clock of its machine right (chrony)?")
    if stream.age < -_CLOCKS_APART:
        return Check(name, bad, detail, "stamps are ahead of this machine's clock: set the clocks (chrony)")
    if slowest > longest and not carried:
        return Check(name, bad, f"{detail}, {slowest:.2f} s between two", f"longer than its timeout, {longest:g} s")
    return Check(name, "ok", detail)


def _zone(seen: RobotObservations) -> Check:
    if seen.zone:
        return Check("zone", "ok", f"the robot is in {seen.zone!r}")
    remedy = "localise it (initial pose), or drive it by hand into a zone; altmarl floor show draws them"
    return Check("zone", "failed", "the pose is in no zone of the floor, or not known", remedy)


def _nearest(seen: RobotObservations) -> list[Check]:
    radius = float((seen.values or {})["robot.radius"])
    if not math.isfinite(seen.nearest):
        return []
    detail = f"the nearest obstacle is {seen.nearest:.2f} m from the robot's centre"
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
    if not command.subscribers:
        return Check(name, "failed", f"nobody subscribes to {command.topic}", "start the base's driver, or remap the topic")
    if command.type not in command.subscribed_types:
        detail = f"{', '.join(command.subscribers)} expects {', '.join(sorted(command.subscribed_types))} on {command.topic}"
        return Check(name, "failed", detail, f"the robot publishes {command.type}: set drive.stamped")
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
    if coordinator.period is not None and timeout <= coordinator.period:
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
        return Check("clock", "failed", detail, "set the clocks of all machines by NTP or PTP (chrony)")
    return Check("clock", "ok", detail)


def _rest(seen: RobotObservations) -> Check:
    if seen.reasons is None:
        return Check("robot", "warning", "says nothing before it is active", "activate it when all else is right")
    if seen.reasons:
        return Check("robot", "warning", f"stands: {', '.join(seen.reasons)}", "docs/how-to/robot.md says what clears each")
    return Check("robot", "ok", "nothing holds it")


def _same(actual: object, wanted: object) -> bool:
    if isinstance(actual, float) and isinstance(wanted, float):
        return math.isclose(actual, wanted, rel_tol=_SAME, abs_tol=_SAME)
    return actual == wanted
