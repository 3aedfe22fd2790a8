"""Holds what robots and coordinator did in a run: the part of a record that a game can explain.

The rows of a trajectory are ticks, its columns are robots. A row follows the row before it if both have the same session
and consecutive tick numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError
from altmarl_ros.games.tabular import TabularGame

IntArray = NDArray[np.int64]

UNKNOWN = -1
"""Stands for the local state of a robot that is not there, and for the action of a robot that did not act."""

_SERIES = ("session", "tick", "global_state", "global_action")
_TABLES = ("local_state", "local_action")


@dataclass(frozen=True, eq=False)
class Trajectory:
    """States and actions of n robots and their coordinator over T ticks.

    Attributes:
        session: number of the session of each tick [T].
        tick: number of each tick in its session [T].
        global_state: s_g(t) [T].
        global_action: a_g(t) [T].
        local_state: s_i(t), UNKNOWN where it is not known [T, n].
        local_action: a_i(t), taken in s_i(t); UNKNOWN where the robot took none [T, n].
        hidden_state: d(t), UNKNOWN where it is not known [T]; None: it never is, or there is none.

    Raises:
        GameError: an array does not hold integers or has another shape; the message names it.
    """

    session: IntArray
    tick: IntArray
    global_state: IntArray
    global_action: IntArray
    local_state: IntArray
    local_action: IntArray
    hidden_state: IntArray | None = None

    def __post_init__(self) -> None:
        names = (*_SERIES, *_TABLES, *(() if self.hidden_state is None else ("hidden_state",)))
        for name in names:
            object.__setattr__(self, name, np.asarray(getattr(self, name)))
        for name in names:
            array: IntArray = getattr(self, name)
            table = name in _TABLES
            expected, axes = (self.local_state.shape, "[T, n]") if table else (self.local_state.shape[:1], "[T]")
            if array.ndim != (2 if table else 1) or array.shape != expected or array.dtype.kind not in "iu":
                raise GameError(f"{name} has shape {array.shape} of {array.dtype}, must be integers {axes}, here {expected}")

    @classmethod
    def joined(cls, runs: Sequence[Trajectory]) -> Trajectory:
        """Join several runs into one with distinct sessions; in the ticks of a smaller fleet the last robots are UNKNOWN."""
        robots = max(run.local_state.shape[1] for run in runs)
        columns = {name: [np.asarray(getattr(run, name), dtype=np.int64) for run in runs] for name in (*_SERIES, *_TABLES)}
        columns["session"] = [
            np.cumsum(~run.follows) + sum(len(other.tick) for other in runs[:i]) for i, run in enumerate(runs)
        ]
        for name in _TABLES:
            columns[name] = [
                np.pad(table, ((0, 0), (0, robots - table.shape[1])), constant_values=UNKNOWN) for table in columns[name]
            ]
        if any(run.hidden_state is not None for run in runs):
            columns["hidden_state"] = [
                np.full(len(run.tick), UNKNOWN) if run.hidden_state is None else run.hidden_state for run in runs
            ]
        return cls(**{name: np.concatenate(parts) for name, parts in columns.items()})

    @property
    def follows(self) -> NDArray[np.bool_]:
        """Whether each tick follows the tick in the row before [T]; false for the first row."""
        chained = (np.diff(self.session) == 0) & (np.diff(self.tick) == 1)
        return np.concatenate([np.zeros(min(1, len(self.tick)), dtype=bool), chained])

    @property
    def acted(self) -> NDArray[np.bool_]:
        """Whether each robot was there and acted [T, n]."""
        return np.asarray((self.local_state != UNKNOWN) & (self.local_action != UNKNOWN))

    def occupancy(self, n_local_states: int) -> IntArray:
        """Count the robots in each local state [T, S_l]."""
        return np.stack([(self.local_state == j).sum(axis=1) for j in range(n_local_states)], axis=1)

    def rewards(self, game: TabularGame, belief: FloatArray | None = None) -> FloatArray:
        """Compute the team reward of each tick over the robots that acted [T]; it is r_g alone where none did.

        `belief` is the probability of each hidden state [T, D], under which the reward is expected where d(t) is not known.

        Raises:
            GameError: robots earn by a hidden state, which is not known of every tick, and there is no belief.
        """
        local = np.zeros(len(self.tick))
        if game.hidden is None:
            local = self._local_rewards(game.r_l, self.global_state)
        elif game.hidden.rewards_alike:
            local = self._local_rewards(game.hidden.r_l, self.global_state)
        else:
            weights = self._hidden_weights(game, belief)
            for d in np.flatnonzero(weights.any(axis=0)):
                regimes = game.hidden.regimes(np.full(len(self.tick), d), self.global_state)
                local += weights[:, d] * self._local_rewards(game.hidden.r_l, regimes)
        return np.asarray(game.r_g[self.global_state, self.global_action] + local)

    def _local_rewards(self, r_l: FloatArray, regime: IntArray) -> FloatArray:
        """The mean reward of the robots that acted [T], by a table over regimes [s_l, regime, a_l]."""
        acted = self.acted
        taken = r_l[np.maximum(self.local_state, 0), regime[:, None], np.maximum(self.local_action, 0)]
        return np.asarray(np.where(acted, taken, 0.0).sum(axis=1) / np.maximum(acted.sum(axis=1), 1))

    def _hidden_weights(self, game: TabularGame, belief: FloatArray | None) -> FloatArray:
        """The probability of each hidden state [T, D]: 1 where it is known, else as believed."""
        if belief is None or belief.shape[1] != game.n_hidden_states:
            d = self.known_hidden_state(game)
            assert d is not None
            return np.eye(game.n_hidden_states)[d]
        d = np.full(len(self.tick), UNKNOWN) if self.hidden_state is None else self.hidden_state
        believed = belief / np.maximum(belief.sum(axis=1, keepdims=True), 1e-300)
        return np.where((d == UNKNOWN)[:, None], believed, np.eye(game.n_hidden_states)[np.maximum(d, 0)])

    def known_hidden_state(self, game: TabularGame) -> IntArray | None:
        """Return d(t) [T], None in a game without a hidden state.

        Raises:
            GameError: the game has a hidden state, which is not known of every tick.
        """
        if game.hidden is None:
            return None
        if self.hidden_state is None or (self.hidden_state == UNKNOWN).any():
            raise GameError(f"what robots do in game {game.name!r} depends on its hidden state, which the record lacks")
        return self.hidden_state

    def check(self, game: TabularGame) -> None:
        """Raise GameError, which names the array and the entry, unless all states and actions are the game's."""
        hidden = [("hidden_state", game.n_hidden_states, UNKNOWN)] if self.hidden_state is not None else []
        for name, size, least in (
            ("global_state", game.n_global_states, 0),
            ("global_action", game.n_global_actions, 0),
            ("local_state", game.n_local_states, UNKNOWN),
            ("local_action", game.n_local_actions, UNKNOWN),
            *hidden,
        ):
            array: IntArray = getattr(self, name)
            wrong = (array < least) | (array >= size)
            if wrong.any():
                index = tuple(int(i) for i in np.argwhere(wrong)[0])
                raise GameError(f"{name}{list(index)} is {array[index]}, must be below {size} for game {game.name!r}")
        if self.hidden_state is not None and game.hidden is None:
            raise GameError(f"the record has a hidden state, game {game.name!r} has none")
