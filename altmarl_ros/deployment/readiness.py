"""Whether one robot may move: what was seen of it and of its coordinator, judged before it is switched on.

What a robot needs is what its governor asks for (governor.py); each check names what is missing and who has to mend it.
Ages are by stamps and by the clock of the machine that looks, so a clock that is wrong shows as an age.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Mapping

from altmarl_ros.deployment.checks import Check, Outcome
from altmarl_ros.driving.limits import Limits

_CLOCKS_APART = 0.1  # s, beyond what a message takes
_SAME = 1e-6


@dataclass(frozen=True)
class Stream:
    """What was heard on one of a robot's topics.

    Attributes:
        topic: full name.
        wanted: type that the robot reads.
        writers: nodes that write it, by name; theirs may be another type.
        offered: types that they write.
        messages: that came.
        intervals: between them [s].
        age: median, by their stamps [s]; NaN where nothing came or nothing is stamped.
        refused: what is wrong with a message, such as its frame; empty: nothing.
    """

    topic: str
    wanted: str
    writers: tuple[str, ...] = ()
    offered: frozenset[str] = frozenset()
    messages: int = 0
    intervals: tuple[float, ...] = ()
    age: float = math.nan
    refused: str = ""


@dataclass(frozen=True)
class CommandTopic:
    """The topic of the base's velocities.

    Attributes:
        topic: full name.
        type: that the robot writes.
        writers: nodes that write it, by name.
        readers: nodes that read it, by name.
        read_types: types that they read.
    """

    topic: str
    type: str
    writers: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()
    read_types: frozenset[str] = frozenset()


@dataclass(frozen=True)
class CoordinatorSeen:
    """What was seen of the coordinator.

    Attributes:
        writers: nodes that write ticks, by name.
        longest_lease: of their liveliness [s]; infinite: they promise none.
        period: time between ticks [s]; None: the coordinator did not say.
        last_tick: age of the newest tick [s]; infinite: none was heard or told of.
        clock: how far its clock is ahead of this machine's [s]; NaN: unknown.
        game_hash: of the policy that is in force; empty: none was heard.
    """

    writers: tuple[str, ...] = ()
    longest_lease: float = math.inf
    period: float | None = None
    last_tick: float = math.inf
    clock: float = math.nan
    game_hash: str = ""


@dataclass(frozen=True)
class RobotSeen:
    """What was seen of one robot.

    Attributes:
        node: full name of its node.
        count: of nodes with that name.
        state: of its life cycle; empty: it did not say.
        values: its parameters; None: it did not say.
        expected: parameters by the fleet file.
        streams: its sensors by what they are for: pose, odometry, scan.
        command: the topic of the base; None: the node writes none.
        coordinator: whom it hears.
        game_hash: of its own game; empty: unknown here.
        zone: it is in; empty: unknown.
        nearest: obstacle, from the centre of the base [m]; infinite: none.
        clock: how far its clock is ahead of this machine's [s]; NaN: unknown.
        reasons: why it stands, as it says; None: it says nothing before it is active.
    """

    node: str
    count: int = 0
    state: str = ""
    values: Mapping[str, Any] | None = None
    expected: Mapping[str, Any] = field(default_factory=dict)
    streams: Mapping[str, Stream] = field(default_factory=dict)
    command: CommandTopic | None = None
    coordinator: CoordinatorSeen = field(default_factory=CoordinatorSeen)
    game_hash: str = ""
    zone: str = ""
    nearest: float = math.inf
    clock: float = math.nan
    reasons: tuple[str, ...] | None = None


def judge(seen: RobotSeen, limits: Limits | None) -> list[Check]:
    """All checks in the order in which they have to be mended; `limits` of the base, if its parameters make sense."""
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


def _node(seen: RobotSeen) -> Check:
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


def _settings(seen: RobotSeen, limits: Limits | None) -> Check:
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
    """`carried`: another topic carries on between two messages of this one."""
    bad: Outcome = "failed" if needed else "warning"
    if not stream.writers:
        return Check(name, bad, f"nobody writes {stream.topic}", f"start what publishes {stream.wanted}, or remap the topic")
    who = ", ".join(stream.writers)
    if stream.offered and stream.wanted not in stream.offered:
        detail = f"{who} writes {', '.join(sorted(stream.offered))} to {stream.topic}"
        return Check(name, bad, detail, f"the robot reads {stream.wanted}: set pose.source, or remap the topic")
    if stream.refused:
        return Check(name, bad, f"{stream.topic}: {stream.refused}", "set frames.* and frame_prefix, or mend the driver")
    if not stream.messages:
        remedy = "look at the driver; a reader gets nothing from a writer whose quality of service is incompatible"
        if carried:
            remedy = "AMCL says nothing before its initial pose is set"
        return Check(name, bad, f"{who} writes {stream.topic}, but nothing comes", remedy)
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


def _zone(seen: RobotSeen) -> Check:
    if seen.zone:
        return Check("zone", "ok", f"the robot is in {seen.zone!r}")
    remedy = "localise it (initial pose), or drive it by hand into a zone; altmarl floor show draws them"
    return Check("zone", "failed", "the pose is in no zone of the floor, or not known", remedy)


def _nearest(seen: RobotSeen) -> list[Check]:
    radius = float((seen.values or {})["robot.radius"])
    if not math.isfinite(seen.nearest):
        return []
    detail = f"the nearest obstacle is {seen.nearest:.2f} m from the robot's centre"
    if seen.nearest < radius:
        remedy = f"inside its outline of {radius:g} m: set scan.mount.*, or filter the robot itself out of the scan"
        return [Check("clearance", "failed", detail, remedy)]
    return [Check("clearance", "ok", detail)]


def _command(seen: RobotSeen) -> Check:
    name, command, values = "command", seen.command, seen.values or {}
    if command is None:
        if values["drive.kind"] == "none":
            return Check(name, "ok", "none, a dry run")
        return Check(name, "failed", "the robot writes no velocities", "configure it")
    others = [writer for writer in command.writers if writer != seen.node]
    if not command.readers:
        return Check(name, "failed", f"nobody reads {command.topic}", "start the base's driver, or remap the topic")
    if command.type not in command.read_types:
        detail = f"{', '.join(command.readers)} reads {', '.join(sorted(command.read_types))} from {command.topic}"
        return Check(name, "failed", detail, f"the robot writes {command.type}: set drive.stamped")
    detail = f"{command.topic}, {command.type}, read by {', '.join(command.readers)}"
    if others:
        remedy = "two hands at one wheel: stop them, or let a multiplexer such as twist_mux choose"
        return Check(name, "failed", f"{detail}; {', '.join(others)} write it as well", remedy)
    return Check(name, "ok", detail)


def _coordinator(seen: RobotSeen) -> Check:
    name, coordinator = "coordinator", seen.coordinator
    who = ", ".join(coordinator.writers)
    if not coordinator.writers:
        return Check(name, "failed", "nobody writes ticks", "start the coordinator; fleet_prefix must be the same")
    timeout = float((seen.values or {})["timeout.coordinator"])
    if coordinator.longest_lease > timeout + _SAME:
        remedy = "set the coordinator's tick.lease to at most the robot's timeout.coordinator, or the robot hears no tick"
        return Check(
            name, "failed", f"{who} has a lease of {coordinator.longest_lease:g} s, the robot waits {timeout:g} s", remedy
        )
    return Check(name, "ok", f"{who}, gone after {timeout:g} s of silence")


def _ticks(seen: RobotSeen) -> Check:
    name, coordinator = "tick", seen.coordinator
    timeout = float((seen.values or {})["timeout.tick"])
    if not coordinator.writers:
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


def _policy(seen: RobotSeen) -> Check:
    theirs = seen.coordinator.game_hash
    if not theirs:
        return Check("policy", "failed", "the coordinator announces none", "start the coordinator with a policy")
    if not seen.game_hash:
        return Check("policy", "warning", f"for game {theirs}", "the robot's game is not known here: compare by hand")
    if theirs != seen.game_hash:
        detail = f"for game {theirs}, the robot plays {seen.game_hash}"
        return Check("policy", "failed", detail, "give robot and coordinator the same game file")
    return Check("policy", "ok", f"for the robot's game {theirs}")


def _clocks(seen: RobotSeen) -> Check:
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


def _rest(seen: RobotSeen) -> Check:
    if seen.reasons is None:
        return Check("robot", "warning", "says nothing before it is active", "activate it when all else is right")
    if seen.reasons:
        return Check("robot", "warning", f"stands: {', '.join(seen.reasons)}", "docs/how-to/robot.md says what clears each")
    return Check("robot", "ok", "nothing holds it")


def _same(actual: object, wanted: object) -> bool:
    if isinstance(actual, float) and isinstance(wanted, float):
        return math.isclose(actual, wanted, rel_tol=_SAME, abs_tol=_SAME)
    return actual == wanted
