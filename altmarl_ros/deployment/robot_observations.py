"""What is observed of one robot and its coordinator before the robot is switched on; `readiness` judges it.

Ages are differences between stamps and the clock of the machine that observes, so a clock that is wrong shows as an age.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Mapping

from altmarl_ros.driving.governor_types import Reason
from altmarl_ros.driving.robot_topics import CommandTopic, NavigatorAction, Stream


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
        streams: topics that it subscribes to, by purpose: pose, odometry, scan, velocity (of Nav2).
        command: the topic of velocity commands; None: the node publishes none.
        navigator: the action to which its goals go; None: it drives by itself.
        coordinator: what was observed of its coordinator.
        game_hash: its own game; empty: unknown here.
        zone: the zone that it is in; empty: none, or unknown.
        nearest: distance of the nearest obstacle from the centre of the base [m]; infinite: none.
        clock: how far its clock is ahead of this machine's [s]; NaN: unknown.
        reasons: why it does not move, as it said last; None: it says nothing.
        said: all reasons that it gave lately; None: it says nothing.
        judged: the reasons that its own code finds for what is received here, where it says nothing.
        laser: from where the place of its laser is known.
    """

    node: str
    count: int = 0
    state: str = ""
    values: Mapping[str, Any] | None = None
    expected: Mapping[str, Any] = field(default_factory=dict)
    streams: Mapping[str, Stream] = field(default_factory=dict)
    command: CommandTopic | None = None
    navigator: NavigatorAction | None = None
    coordinator: CoordinatorObservations = field(default_factory=CoordinatorObservations)
    game_hash: str = ""
    zone: str = ""
    nearest: float = math.inf
    clock: float = math.nan
    reasons: tuple[str, ...] | None = None
    said: frozenset[Reason] | None = None
    judged: frozenset[Reason] = frozenset()
    laser: str = "scan.mount"

    @property
    def lacks(self) -> frozenset[Reason]:
        """Return what the robot lacks to drive: by its own word, else by its own code run here."""
        return self.judged if self.said is None else self.said
