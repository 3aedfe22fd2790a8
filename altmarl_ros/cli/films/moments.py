"""What each frame of a film of a recorded run shows: the robots' places and the coordinator's tick at one time.

A bag of a simulated floor holds where every robot was, once a simulated second; between them they are drawn on straight ways.
Of any other run the zones are known alone, tick by tick: robots go from their place in one zone to that in the next.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from altmarl_ros import __version__
from altmarl_ros.cli.films.board import Board, make_board
from altmarl_ros.cli.runs import is_bag, load_log, load_run
from altmarl_ros.errors import AltmarlError
from altmarl_ros.floors.floor_map import FloorMap
from altmarl_ros.games import TabularGame, find_floor_map, load_game
from altmarl_ros.monitoring import (
    Layout,
    RobotLocations,
    Scene,
    Tick,
    disc_layout,
    drawn_places,
    floor_layout,
    floor_places,
    make_scene,
    status_tick,
)
from altmarl_ros.records.robot_states import drawn_states
from altmarl_ros.records.rows import FloorRow, StatusRow
from altmarl_ros.records.run_log import RunLog
from altmarl_ros.records.run_record import RunRecord

TICK_SECONDS = 1.0
"""Time that a tick lasts in a run whose times are not known [s]."""

ABOUT = ("game_name", "game_hash", "robots", "k", "period", "seed")
"""What a film says of the run that it shows, beside the version of this package."""

_NONE = Tick(0, None, None, "before the first tick", (), frozenset(), frozenset())


@dataclass(frozen=True, eq=False)
class FilmedRun:
    """A run that can be filmed.

    Attributes:
        game: that was played.
        floor: on which it was; None: a game without one.
        layout: of its zones.
        placed: whether the robots' true places are known.
        begin: of the run [s].
        end: of the run [s].
        statuses: of the coordinator, in order.
        times: of the statuses [s].
        floors: the robots' true places, in order; empty where they are not known.
        zones: the robots' true zones by id, per status.
        board: figures of every status; None: there are none.
        about: the run, and the version of this package that films it.
    """

    game: TabularGame
    floor: FloorMap | None
    layout: Layout
    placed: bool
    begin: float
    end: float
    statuses: tuple[StatusRow, ...]
    times: tuple[float, ...]
    floors: tuple[FloorRow, ...]
    zones: tuple[Mapping[int, int], ...]
    board: Board | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    def scene(self, time: float) -> Scene:
        """Return what is there at a time [s]."""
        now = bisect_right(self.times, time + 1e-9) - 1
        tick = status_tick(self.statuses[now], self.game) if now >= 0 else _NONE
        zones = self.zones[max(now, 0)] if self.zones else None
        if self.placed:
            return make_scene(self.layout, tick, RobotLocations(poses=self._poses(time), zones=zones))
        here = make_scene(self.layout, tick, RobotLocations(zones=zones))
        if now + 1 >= len(self.zones) or now < 0:
            return here
        there = make_scene(self.layout, tick, RobotLocations(zones=self.zones[now + 1]))
        if there.ids != here.ids:
            return here
        share = (time - self.times[now]) / TICK_SECONDS
        return replace(here, places=(1.0 - share) * here.places + share * there.places)

    def scenes(self, step: float, most: int | None = None, begin: float | None = None) -> Iterator[tuple[int, Scene]]:
        """Iterate over the scenes of the run, each with the index of its status (-1: none yet).

        Args:
            step: between two scenes [s].
            most: number of scenes; None: all.
            begin: time of the first [s]; None: the run's begin.
        """
        first = self.begin if begin is None else begin
        count = int((self.end - first) / step) + 1
        for k in range(count if most is None else min(count, most)):
            time = first + k * step
            yield bisect_right(self.times, time + 1e-9) - 1, self.scene(time)

    def _poses(self, time: float) -> dict[int, tuple[float, float, float]]:
        """True poses at a time, between those that were recorded."""
        after = min(max(bisect_right([row.time for row in self.floors], time), 1), len(self.floors) - 1)
        first, second = self.floors[max(after - 1, 0)], self.floors[after]
        share = (time - first.time) / (second.time - first.time) if second.time > first.time else 0.0
        share = min(max(share, 0.0), 1.0)
        poses = {}
        for robot_id in first.places.keys() & second.places.keys():
            (x0, y0), (x1, y1) = first.places[robot_id], second.places[robot_id]
            yaw, turned = first.headings.get(robot_id, 0.0), second.headings.get(robot_id, 0.0)
            turn = (turned - yaw + np.pi) % (2.0 * np.pi) - np.pi
            poses[robot_id] = (x0 + share * (x1 - x0), y0 + share * (y1 - y0), yaw + share * turn)
        return poses


def load_filmed_run(path: Path) -> FilmedRun:
    """Read a record (.npz) or a bag.

    Raises:
        AltmarlError: it cannot be read, or does not name its game.
    """
    record = load_run(path)
    source = record.about.get("game")
    if not isinstance(source, str):
        raise AltmarlError(f"{path}: does not say its game")
    game = load_game(source)
    floor = _floor_of(source, game)
    places = drawn_places(game)[0]
    layout = floor_layout(floor, places) if floor is not None else disc_layout(places)
    zones = tuple(_zones(record, states, drawn_places(game)[1]) for states in drawn_states(record.local_state, record.about))
    log = load_log(path) if is_bag(path) else RunLog()
    board = make_board(record, game) if len(record.tick) else None
    about = {name: record.about[name] for name in ABOUT if name in record.about} | {"version": __version__}
    if len(log.floors) > 1:
        floors = tuple(sorted(log.floors.values(), key=lambda row: row.time))
        keys = zip(record.session.tolist(), record.tick.tolist(), strict=True)
        statuses = tuple(log.statuses[key] for key in keys)
        times = tuple(status.stamp for status in statuses)
        return FilmedRun(
            game, floor, layout, True, floors[0].time, floors[-1].time, statuses, times, floors, zones, board, about
        )
    statuses = tuple(_status(record, t) for t in range(len(record.tick)))
    times = tuple(TICK_SECONDS * t for t in range(len(statuses)))
    return FilmedRun(game, floor, layout, False, 0.0, TICK_SECONDS * len(statuses), statuses, times, (), zones, board, about)


def _floor_of(source: str, game: TabularGame) -> FloorMap | None:
    floor = find_floor_map(source)
    return floor if floor is not None and floor_places(floor, drawn_places(game)[0]) is not None else None


def _zones(record: RunRecord, states: NDArray[np.int64], place_of: NDArray[np.int64]) -> dict[int, int]:
    ids = record.about.get("robot_ids", range(len(states)))
    return {int(i): int(place_of[state]) for i, state in zip(ids, states.tolist(), strict=True) if state >= 0}


def _status(record: RunRecord, t: int) -> StatusRow:
    return StatusRow(
        stamp=TICK_SECONDS * t,
        session=int(record.session[t]),
        tick=int(record.tick[t]),
        policy_id=0,
        global_state=int(record.global_state[t]),
        global_action=int(record.global_action[t]),
        asked=int(record.asked[t]),
        heard=int(record.heard[t]),
        rung=int(record.rung[t]),
        report_bytes=int(record.report_bytes[t]),
        latency=float(record.latency[t]),
        live=record.local_state.shape[1],
        sampling_error=0.0,
        estimate=tuple(record.estimate[t].tolist()),
        belief=() if record.belief is None else tuple(record.belief[t].tolist()),
    )
