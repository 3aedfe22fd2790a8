"""What a film shows beside the map: what the coordinator believes and what the team earns, tick by tick."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games import TabularGame
from altmarl_ros.games.trajectory import UNKNOWN
from altmarl_ros.monitoring import by_place, demanded_places, drawn_places, robot_kinds
from altmarl_ros.records.run_record import RunRecord

HOLDS = 25
"""Ticks that a hidden state has to last for a crew to be worth sending."""


@dataclass(frozen=True, eq=False)
class Board:
    """The ticks of a run as figures.

    Attributes:
        title: of what the coordinator believes.
        names: of what it believes in [B].
        believed: how much of each, 0..1 [T, B].
        true: the true shares [T, B]; NaN: not known.
        demand: the place where the demand is [T]; -1: not known.
        rewards: of the team [T].
        heard: number of reports heard [T].
        robots: number of robots.
        k: reports that are asked for per tick.
        kinds: in which ways robots differ at a place; "": in none.
        kind_of: the way of every robot, by id, per tick.
    """

    title: str
    names: tuple[str, ...]
    believed: FloatArray
    true: FloatArray
    demand: NDArray[np.int64]
    rewards: FloatArray
    heard: NDArray[np.int64]
    robots: int
    k: int
    kinds: tuple[str, ...]
    kind_of: tuple[Mapping[int, int], ...]

    def telling_tick(self, ticks: int) -> int:
        """Return the first of so many ticks in which the demand moves most often and then stays a while."""
        known = self.demand
        moves = [
            t
            for t in range(1, len(known) - HOLDS)
            if known[t] >= 0 and known[t] != known[t - 1] and (known[t : t + HOLDS] == known[t]).all()
        ]
        if not moves:
            return 0
        starts = [max(0, t - HOLDS // 2) for t in moves]
        return max(starts, key=lambda start: (sum(start <= t <= start + ticks - HOLDS for t in moves), -start))


def make_board(record: RunRecord, game: TabularGame) -> Board:
    """Take the figures from a record: of the hidden state in a game that has one, otherwise of the robots' places."""
    T, n = record.local_state.shape
    hidden, demand = game.hidden, np.full(T, -1, dtype=np.int64)
    if hidden is not None and record.belief is not None and record.belief.shape[1] == len(hidden):
        title, names, believed = "What the coordinator believes", hidden.names, np.asarray(record.belief, dtype=np.float64)
        true = np.full(believed.shape, np.nan)
        if record.hidden_state is not None:
            known = np.flatnonzero(record.hidden_state != UNKNOWN)
            true[known] = np.eye(len(hidden))[record.hidden_state[known]]
            at = np.array([-1 if place is None else place for place in demanded_places(game)])
            demand[known] = at[record.hidden_state[known]]
    else:
        title, names = "Robots by place, estimated", drawn_places(game)[0]
        believed = np.array([by_place(game, row) for row in record.estimate])
        occupancy = record.occupancy(game.n_local_states)
        shares = occupancy / np.maximum(occupancy.sum(axis=1, keepdims=True), 1)
        true = np.array([by_place(game, row) for row in shares])
    kinds, kind_of_state = robot_kinds(game)
    ids = record.about.get("robot_ids", range(n))
    kind_of = tuple(
        {int(i): int(kind_of_state[state]) for i, state in zip(ids, row, strict=True) if state >= 0}
        for row in record.local_state.tolist()
    )
    return Board(
        title=title,
        names=names,
        believed=believed,
        true=true,
        demand=demand,
        rewards=record.rewards(game),
        heard=record.heard,
        robots=n,
        k=int(record.about.get("k", record.asked.max())),
        kinds=kinds,
        kind_of=kind_of,
    )
