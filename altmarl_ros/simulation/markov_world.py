"""Simulates the simplest world, in which every robot is a Markov chain: s_i' ~ P_l(. | s_i, s_g, a_i).

Each robot has a random stream of its own from (seed, robot id), so that a run does not depend on the order in which robots
join or act. With a hidden state d robots move by P_l(. | s_i, s_g, a_i, d), d as `HiddenPath` draws it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.protocol.messages import is_newer
from altmarl_ros.simulation.hidden_path import Regimes

_OPEN_TICKS = 2
_MOST_OPEN = 16  # records; whoever sends commands of ever new ticks closes the oldest


@dataclass
class _Robot:
    state: int
    rng: np.random.Generator


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


def start_shares(game: TabularGame, seed: int) -> FloatArray:
    """Draw the distribution of the robots' first states from the game's start [S_l]."""
    shares: FloatArray = game.initial.draw_shares(1, np.random.default_rng([seed, 0]))[0]
    return shares


class MarkovWorld:
    """The robots of a simulated fleet, and the truth about each tick."""

    def __init__(self, game: TabularGame, seed: int) -> None:
        self._game, self._seed = game, seed
        self._shares, self._regimes = start_shares(game, seed), Regimes(game, seed)
        self._robots: dict[int, _Robot] = {}
        self._records: dict[tuple[int, int], _Record] = {}
        self._closed: deque[tuple[int, int]] = deque(maxlen=16)
        self._newest: tuple[int, int] | None = None

    def __len__(self) -> int:
        return len(self._robots)

    def __contains__(self, robot_id: int) -> bool:
        return robot_id in self._robots

    def join(self, robot_id: int) -> int:
        """Return the local state of a robot; a new one begins by the game's start distribution."""
        if robot_id not in self._robots:
            rng = np.random.default_rng([self._seed, 1, robot_id])
            self._robots[robot_id] = _Robot(int(rng.choice(self._game.n_local_states, p=self._shares)), rng)
        return self._robots[robot_id].state

    def leave(self, robot_id: int) -> None:
        """Take a robot out of the world."""
        self._robots.pop(robot_id, None)

    def command(self, session: int, tick: int, robot_id: int, s_g: int, a_l: int) -> int | None:
        """Move one robot; returns its state after that, or None for an unknown robot or numbers outside the game.

        A second command of the same tick, or one for a closed tick, moves nothing.
        """
        robot = self._robots.get(robot_id)
        if robot is None or not (0 <= s_g < self._game.n_global_states and 0 <= a_l < self._game.n_local_actions):
            return None
        if self._is_closed(session, tick):
            return robot.state
        for key, other in self._records.items():
            if key[0] != session or key[1] < tick:  # a robot that skipped a tick was then where it is now
                other.states.setdefault(robot_id, robot.state)
        record = self._records.setdefault((session, tick), _Record())
        record.commands[robot_id] = record.commands.get(robot_id, 0) + 1
        if record.commands[robot_id] > 1:
            return robot.state
        record.states[robot_id] = robot.state
        record.moves[robot_id] = a_l
        kernel, regime = self._regimes.kernel, self._regimes.at(s_g, self._regimes.hidden_state(session, tick))
        robot.state = kernel.rows.draw(kernel.row_at(robot.state, regime, a_l), robot.rng.random())
        return robot.state

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
