"""What is observed of one robot and its coordinator before the robot is switched on; `readiness` judges it.

Ages are differences between stamps and the clock of the machine that observes, so a clock that is wrong shows as an age.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Mapping


@dataclass(frozen=True)
class Stream:
    """What was observed on one of the robot's topics.

    Attributes:
        topic: full name.
        wanted: message type that the robot subscribes to.
        publishers: names of the nodes that publish it, maybe with another type.
        offered: message types that they publish.
        messages: number of messages that came.
        intervals: times between them [s].
        age: median age by their stamps [s]; NaN where no message came or none is stamped.
        refused: what is wrong with a message, such as its frame; empty: nothing.
    """

    topic: str
    wanted: str
    publishers: tuple[str, ...] = ()
    offered: frozenset[str] = frozenset()
    messages: int = 0
    intervals: tuple[float, ...] = ()
    age: float = math.nan
    refused: str = ""


@dataclass(frozen=True)
class CommandTopic:
    """What was observed on the topic of the base's velocity commands.

    Attributes:
        topic: full name.
        type: message type that the robot publishes.
        publishers: names of the nodes that publish it.
        subscribers: names of the nodes that subscribe to it.
        subscribed_types: message types that they subscribe to.
    """

    topic: str
    type: str
    publishers: tuple[str, ...] = ()
    subscribers: tuple[str, ...] = ()
    subscribed_types: frozenset[str] = frozenset()


@dataclass(frozen=True)
class CoordinatorObservations:
    """What was observed of the coordinator.

    Attributes:
        publishers: names of the nodes that publish ticks.
        longest_lease: longest lease of their liveliness [s]; infinite: one promises none.
        period: time between ticks [s]; None: the coordinator did not say.
        last_tick: age of the newest tick [s]; infinite: none is known.
        clock: how far its clock is ahead of this machine's [s]; NaN: unknown.
        game_hash: game of the policy that is in force; empty: no policy was heard.
    """

    publishers: tuple[str, ...] = ()
    longest_lease: float = math.inf
    period: float | None = None
    last_tick: float = math.inf
    clock: float = math.nan
    game_hash: str = ""


@dataclass(frozen=True)
class RobotObservations:
    """What was observed of one robot.

    Attributes:
        node: full name of its node.
        count: number of nodes with that name.
        state: state of its life cycle; empty: it did not say.
        values: its parameters; None: it did not say.
        expected: parameters that the fleet file gives it.
        streams: its sensor topics by purpose: pose, odometry, scan.
        command: the topic of velocity commands; None: the node publishes none.
        coordinator: what was observed of its coordinator.
        game_hash: its own game; empty: unknown here.
        zone: the zone that it is in; empty: none, or unknown.
        nearest: distance of the nearest obstacle from the centre of the base [m]; infinite: none.
        clock: how far its clock is ahead of this machine's [s]; NaN: unknown.
        reasons: why it does not move, as it says; None: it is not active yet and says nothing.
    """

    node: str
    count: int = 0
    state: str = ""
    values: Mapping[str, Any] | None = None
    expected: Mapping[str, Any] = field(default_factory=dict)
    streams: Mapping[str, Stream] = field(default_factory=dict)
    command: CommandTopic | None = None
    coordinator: CoordinatorObservations = field(default_factory=CoordinatorObservations)
    game_hash: str = ""
    zone: str = ""
    nearest: float = math.inf
    clock: float = math.nan
    reasons: tuple[str, ...] | None = None
