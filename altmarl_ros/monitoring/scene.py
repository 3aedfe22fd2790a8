"""Makes the scene of one tick: every robot's place, heading and part in the tick, and the labels of the zones."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Iterable, Mapping

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.monitoring.drawn_places import by_place, drawn_places
from altmarl_ros.monitoring.layout import Layout
from altmarl_ros.monitoring.places_of_interest import sent_places, served_places
from altmarl_ros.monitoring.tick_view import likely_hidden
from altmarl_ros.records.rows import StatusRow

MOST_DOTS = 2000
"""Largest number of dots that stand for a crowd of which only numbers are known."""

Pose = tuple[float, float, float]
"""x, y, yaw [m, m, rad; map]."""


@dataclass(frozen=True)
class Tick:
    """What the coordinator said of the last decided tick.

    Attributes:
        number: of the tick.
        zone, next_zone: places that s_g and a_g stand for; None: they stand for none.
        caption: where the coordinator is, what it decides and the reports in one line.
        estimate: estimated share of the robots per local state.
        polled, heard: ids of the robots that were polled, and that were heard.
    """

    number: int
    zone: int | None
    next_zone: int | None
    caption: str
    estimate: tuple[float, ...]
    polled: frozenset[int]
    heard: frozenset[int]


@dataclass(frozen=True, eq=False)
class Scene:
    """All that is drawn of one tick.

    Attributes:
        layout: zones and walls.
        labels: one per zone.
        caption: text above all zones.
        zone, next_zone: zones that s_g and a_g stand for; None: they stand for none.
        ids: of the robots; empty where dots stand for a crowd.
        places: of the robots or dots [robot, xy; m].
        headings: yaw of the robots; NaN: not known [robot; rad].
        polled, heard: whether each was polled in this tick, and heard [robot].
    """

    layout: Layout
    labels: tuple[str, ...]
    caption: str
    zone: int | None
    next_zone: int | None
    ids: tuple[int, ...]
    places: FloatArray
    headings: FloatArray
    polled: np.ndarray
    heard: np.ndarray

    @property
    def size(self) -> float:
        """Width of a drawn robot [m]: as suits the zones, or smaller where many robots would hide each other."""
        room = min(zone.radius for zone in self.layout.zones)
        return min(self.layout.scale, room / float(np.sqrt(max(1, len(self.places)))))


@dataclass
class RobotLocations:
    """Where every robot is, by the best source there is: its true pose, its true zone, or the zone that it reported last.

    Attributes:
        most: largest number of robots whose reports are remembered.
        poses: true poses on a simulated floor, by robot.
        zones: true zones, by robot; None: no simulation publishes them.
        counts: number of robots per zone, of a crowd of which only numbers are known; None: of no such crowd.
    """

    most: int = 100_000
    poses: Mapping[int, Pose] = field(default_factory=dict)
    zones: Mapping[int, int] | None = None
    counts: tuple[int, ...] | None = None
    _reported: OrderedDict[int, int] = field(default_factory=OrderedDict)

    def hear(self, answers: Iterable[tuple[int, int]]) -> None:
        """Take note of the zones that robots reported; beyond `most` robots the oldest reports are forgotten."""
        for robot_id, zone in answers:
            self._reported[robot_id] = zone
            self._reported.move_to_end(robot_id)
        while len(self._reported) > self.most:
            self._reported.popitem(last=False)

    def leave(self, robot_ids: Iterable[int]) -> None:
        """Forget robots that left the fleet."""
        for robot_id in robot_ids:
            self._reported.pop(robot_id, None)

    def known(self) -> Mapping[int, int]:
        """Return the best known zone of each robot."""
        return self._reported if self.zones is None else self.zones


def status_tick(status: StatusRow, game: TabularGame, polled: frozenset[int] = frozenset()) -> Tick:
    """Return what is drawn of a coordinator's status: its decision, its estimate and what it believes is hidden."""
    served, sent = served_places(game), sent_places(game)
    names = game.global_action_names
    action = names[status.global_action] if status.global_action < len(names) else str(status.global_action)
    zone = served[status.global_state] if status.global_state < len(served) else None
    where = f"state {status.global_state}" if zone is None else drawn_places(game)[0][zone]
    caption = f"tick {status.tick}: coordinator in {where}, decides {action}, heard {status.heard} of {status.asked}"
    if game.hidden is not None and len(status.belief) == len(game.hidden):
        likely = (f"{game.hidden.names[d]} {status.belief[d]:.2f}" for d in likely_hidden(status.belief))
        caption += f", hidden state {' or '.join(likely)}"
    return Tick(
        number=status.tick,
        zone=zone,
        next_zone=sent[status.global_action] if status.global_action < len(sent) else None,
        caption=caption,
        estimate=by_place(game, status.estimate),
        polled=polled,
        heard=frozenset(robot_id for robot_id, _ in status.answers),
    )


def make_scene(layout: Layout, tick: Tick, robots: RobotLocations) -> Scene:
    """Make the scene of a tick; robots at places that the layout lacks are left out."""
    L = layout.n_places
    if robots.counts is not None:
        ids: tuple[int, ...] = ()
        places, each = _dots(layout, robots.counts)
        headings = np.full(len(places), np.nan)
        caption = f"{tick.caption}; a dot is {each:g} robots" if each > 1 else tick.caption
        shown = list(robots.counts)
    else:
        zones = {i: zone for i, zone in robots.known().items() if zone < L and i not in robots.poses}
        ids = tuple(sorted({*zones, *robots.poses}))
        places, headings = _placed(layout, ids, zones, robots.poses)
        caption = tick.caption
        known = robots.known()
        shown = np.bincount([zone for zone in known.values() if zone < L], minlength=L).tolist()
    count = "seen" if robots.zones is None and robots.counts is None else "there"
    labels = tuple(
        f"{zone.name}\n{shown[j]} {count}, estimate {100 * tick.estimate[j]:.0f} %" if j < len(tick.estimate) else zone.name
        for j, zone in enumerate(layout.zones)
    )
    polled, heard = (np.array([i in chosen for i in ids], dtype=bool) for chosen in (tick.polled, tick.heard))
    if not ids:
        polled = heard = np.zeros(len(places), dtype=bool)
    return Scene(layout, labels, caption, tick.zone, tick.next_zone, ids, places, headings, polled, heard)


def _placed(
    layout: Layout, ids: tuple[int, ...], zones: Mapping[int, int], poses: Mapping[int, Pose]
) -> tuple[FloatArray, FloatArray]:
    places, headings = np.zeros((len(ids), 2)), np.full(len(ids), np.nan)
    at = np.array([zones.get(i, -1) for i in ids], dtype=np.int64)
    ranks = np.arange(len(ids), dtype=np.float64)
    for zone in np.unique(at[at >= 0]):
        here = at == zone
        places[here] = layout.places(int(zone), ranks[here], len(ids))
    for row, i in enumerate(ids):
        if i in poses:
            x, y, headings[row] = poses[i]
            places[row] = x, y
    return places, headings


def _dots(layout: Layout, counts: tuple[int, ...]) -> tuple[FloatArray, float]:
    """Place dots for a crowd; returns their places and how many robots each stands for."""
    each = max(1.0, float(np.ceil(sum(counts) / MOST_DOTS)))
    parts = [
        layout.places(zone, np.arange(round(count / each), dtype=np.float64), max(1, round(max(counts) / each)))
        for zone, count in enumerate(counts[: layout.n_places])
    ]
    return np.vstack(parts) if parts else np.zeros((0, 2)), each
