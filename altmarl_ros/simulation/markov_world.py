"""Simulates the simplest world, in which every robot is a Markov chain: s_i' ~ P_l(. | s_i, s_g, a_i).

Each robot has a random stream of its own from (seed, robot id), so that a run does not depend on the order in which robots
join or act. With a hidden state d robots move by P_l(. | s_i, s_g, a_i, d), d as `HiddenPath` draws it.

Where places have room for some robots only, the moves of a tick are settled together, once every robot has acted or the next
tick has begun: who would enter a full place stays where it was (games/holding.py). Priorities come from streams of their own,
so that which robots are held back does not depend on the order of commands either. A robot that acts after its tick was settled
enters if there is room at that moment. A share of the fleet is one of the robots that are in the world.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Mapping

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError
from altmarl_ros.games.holding import held_back
from altmarl_ros.games.room import Room
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.protocol.messages import is_newer
from altmarl_ros.simulation.hidden_path import Regimes

PRIORITIES = 3
"""Purpose of the random streams that decide who enters a place with too little room."""

_OPEN_TICKS = 2
_MOST_OPEN = 16  # records; whoever sends commands of ever new ticks closes the oldest


@dataclass
class _Robot:
    state: int
    rng: np.random.Generator
    priorities: np.random.Generator | None  # None where there is room everywhere


@dataclass(frozen=True)
class Truth:
    """True states and actions of one tick, for every robot in order of id; action None: did not act.

    A crowd that is too large to be listed has `counts` alone: robots by local state and action, row-major. `hidden_state` is
    d(t), None where there is none or it is not known.
    """

    session: int
    tick: int
    robot_ids: tuple[int, ...]
    local_states: tuple[int, ...]
    local_actions: tuple[int | None, ...]
    actions: tuple[int, ...]
    counts: tuple[int, ...] = ()
    hidden_state: int | None = None

    def occupancy(self, n_local_states: int) -> NDArray[np.int64]:
        """Return the number of robots in each local state [S_l]."""
        if self.counts:
            return np.asarray(np.reshape(self.counts, (n_local_states, -1)).sum(axis=1), dtype=np.int64)
        return np.bincount(self.local_states, minlength=n_local_states).astype(np.int64)


@dataclass
class _Record:
    states: dict[int, int] = field(default_factory=dict)
    moves: dict[int, int] = field(default_factory=dict)
    commands: dict[int, int] = field(default_factory=dict)
    wanted: dict[int, int] = field(default_factory=dict)  # states that robots move to if there is room


@dataclass(frozen=True)
class SettledMoves:
    """Where robots are after a tick whose moves had to wait for those of others."""

    session: int
    tick: int
    states: Mapping[int, int]


@dataclass
class HeldCount:
    """How often robots were held back at full places.

    Attributes:
        held: robot-ticks in which a robot was held back.
        robot_ticks: robot-ticks in which a robot acted.
    """

    held: int = 0
    robot_ticks: int = 0

    def add(self, held: int, acted: int) -> None:
        """Count one tick."""
        self.held += held
        self.robot_ticks += acted

    def __str__(self) -> str:
        share = 100.0 * self.held / max(self.robot_ticks, 1)
        return f"robots were held back at full places in {share:.1f} % of {self.robot_ticks:,} robot-ticks"


def start_shares(game: TabularGame, seed: int) -> FloatArray:
    """Draw the distribution of the robots' first states from the game's start [S_l]."""
    shares: FloatArray = game.initial.draw_shares(1, np.random.default_rng([seed, 0]))[0]
    return shares


class MarkovWorld:
    """The robots of a simulated fleet, and the truth about each tick.

    Attributes:
        held_back: how often robots were held back; None where there is room everywhere.
    """

    def __init__(self, game: TabularGame, seed: int) -> None:
        self._game, self._seed = game, seed
        self._shares, self._regimes = start_shares(game, seed), Regimes(game, seed)
        self._robots: dict[int, _Robot] = {}
        self._records: dict[tuple[int, int], _Record] = {}
        self._closed: deque[tuple[int, int]] = deque(maxlen=16)
        self._newest: tuple[int, int] | None = None
        self._moving: set[int] = set()  # robots whose move waits for those of others
        self._settled: list[SettledMoves] = []
        self.held_back = None if game.room is None else HeldCount()

    def __len__(self) -> int:
        return len(self._robots)

    def __contains__(self, robot_id: int) -> bool:
        return robot_id in self._robots

    def type_number(self, name: str) -> int:
        """The number of the type of that name; 0 in a game without types, for an empty name.

        Raises:
            GameError: there is no such type.
        """
        types = self._game.types
        if types is None:
            if name:
                raise GameError(f"type {name[:32]!r} is unknown: the game {self._game.name!r} has no types")
            return 0
        return types.index(name)

    def join(self, robot_id: int, robot_type: int = 0) -> int:
        """Return the local state of a robot; a new one begins by the game's start distribution.

        A robot that has a type is told where it is, as a local state of its type; so it is by `command` and `settled_moves`.
        """
        if robot_id not in self._robots:
            rng = np.random.default_rng([self._seed, 1, robot_id])
            priorities = None if self._game.room is None else np.random.default_rng([self._seed, PRIORITIES, robot_id])
            shares, first = self._shares, 0
            if self._game.types is not None:
                block = self._game.types.block(robot_type)
                shares, first = self._shares[block] / self._shares[block].sum(), block.start
            self._robots[robot_id] = _Robot(first + int(rng.choice(len(shares), p=shares)), rng, priorities)
        return self._told(self._robots[robot_id].state)

    def _told(self, state: int) -> int:
        types = self._game.types
        return state if types is None else state % types.n_places

    def leave(self, robot_id: int) -> None:
        """Take a robot out of the world."""
        self._robots.pop(robot_id, None)
        self._moving.discard(robot_id)

    def is_moving(self, robot_id: int) -> bool:
        """Return whether a robot's move waits for those of others, so that its local state is not known."""
        return robot_id in self._moving

    def command(self, session: int, tick: int, robot_id: int, s_g: int, a_l: int) -> int | None:
        """Move one robot; returns its state after that, or None for an unknown robot or numbers outside the game.

        A second command of the same tick, or one for a closed tick, moves nothing. Where places have room for some robots
        only, the result is None and `settled_moves` tells the state later.
        """
        robot = self._robots.get(robot_id)
        if robot is None or not (0 <= s_g < self._game.n_global_states and 0 <= a_l < self._game.n_local_actions):
            return None
        if self._is_closed(session, tick):
            return None if self.is_moving(robot_id) else self._told(robot.state)
        if self.is_moving(robot_id):
            self._settle_before(session, tick)
        for key, other in self._records.items():
            if key[0] != session or key[1] < tick:  # a robot that skipped a tick was then where it is now
                other.states.setdefault(robot_id, robot.state)
        record = self._records.setdefault((session, tick), _Record())
        record.commands[robot_id] = record.commands.get(robot_id, 0) + 1
        if record.commands[robot_id] > 1:
            return None if self.is_moving(robot_id) else self._told(robot.state)
        record.states[robot_id] = robot.state
        record.moves[robot_id] = a_l
        kernel, regime = self._regimes.kernel, self._regimes.at(s_g, self._regimes.hidden_state(session, tick))
        state = kernel.rows.draw(kernel.row_at(robot.state, regime, a_l), robot.rng.random())
        if self._game.room is not None:
            record.wanted[robot_id] = state
            self._moving.add(robot_id)
            return None
        robot.state = state
        return self._told(state)

    def settled_moves(self) -> list[SettledMoves]:
        """Return the moves that were settled since the last call, those of ticks among them in which every robot has acted."""
        for key, record in self._records.items():
            if record.wanted and (self._all_moved(record) or self._is_past(key)):
                self._settle(key, record)
        settled, self._settled = self._settled, []
        return settled

    def _is_past(self, key: tuple[int, int]) -> bool:
        return self._newest is not None and (key[0] != self._newest[0] or key[1] < self._newest[1])

    def _settle_before(self, session: int, tick: int) -> None:
        for key, record in self._records.items():
            if key != (session, tick):
                self._settle(key, record)

    def _settle(self, key: tuple[int, int], record: _Record) -> None:
        room, wanted = self._game.room, {i: state for i, state in record.wanted.items() if i in self._robots}
        record.wanted = {}
        if not wanted or room is None or self.held_back is None:
            return
        held = self._held_back(room, wanted)
        for robot_id, state in wanted.items():
            if robot_id not in held:
                self._robots[robot_id].state = state
        self._moving -= wanted.keys()
        self.held_back.add(len(held), len(wanted))
        self._settled.append(SettledMoves(*key, {i: self._told(self._robots[i].state) for i in wanted}))

    def _held_back(self, room: Room, wanted: Mapping[int, int]) -> set[int]:
        place, ids = room.places.of, list(self._robots)
        origin = place[[self._robots[i].state for i in ids]]
        target = place[[wanted.get(i, self._robots[i].state) for i in ids]]
        priority = np.zeros(len(ids))
        for at, i in enumerate(ids):
            priorities = self._robots[i].priorities
            if i in wanted and priorities is not None:
                priority[at] = priorities.random()
        held = held_back(origin, target, priority, room.limits(len(ids)))
        return {ids[at] for at in np.flatnonzero(held)}

    def hear_tick(self, session: int, tick: int) -> None:
        """Note that the coordinator began a tick; like the robots, the world follows the newest session until it is silent."""
        last = self._newest
        if last is None or is_newer(session, last[0]) or (session == last[0] and tick > last[1]):
            self._newest = (session, tick)
            self._records.setdefault((session, tick), _Record())

    def closed_ticks(self, final: bool = False) -> list[Truth]:
        """Return the ticks that every robot answered, or that are too old to be answered; all of them if `final`."""
        truths = []
        for key in list(self._records):
            record = self._records[key]
            old = self._newest is not None and (key[0] != self._newest[0] or key[1] <= self._newest[1] - _OPEN_TICKS)
            if final or old or len(self._records) > _MOST_OPEN or self._all_moved(record):
                self._settle(key, record)
                truths.append(self._truth(*key, record))
                del self._records[key]
                self._closed.append(key)
        if final:
            self._newest = None
        return truths

    def _all_moved(self, record: _Record) -> bool:
        return 0 < len(self._robots) <= len(record.moves) and self._robots.keys() <= record.moves.keys()

    def _is_closed(self, session: int, tick: int) -> bool:
        if (session, tick) in self._closed:
            return True
        return self._newest is not None and session == self._newest[0] and tick <= self._newest[1] - _OPEN_TICKS

    def _truth(self, session: int, tick: int, record: _Record) -> Truth:
        ids = tuple(sorted(self._robots.keys() | record.states.keys()))
        return Truth(
            session,
            tick,
            ids,
            tuple(record.states[i] if i in record.states else self._robots[i].state for i in ids),
            tuple(record.moves.get(i) for i in ids),
            tuple(record.commands.get(i, 0) for i in ids),
            hidden_state=self._regimes.hidden_state(session, tick),
        )
