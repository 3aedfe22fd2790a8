"""Draws the path of a hidden state, which every process that simulates robots of a fleet computes for itself.

    d(0) ~ rho_d,   d(t+1) ~ P_d(. | d(t)),   one uniform number per tick from the stream [seed, 4, session]

So d(t) is a function of seed, session and tick, and the robots of all processes move by the same one without being told. Only
the truth that a simulation publishes tells it, which the coordinator does not read. A new session begins a new path, as if the
hidden state changed between the two.
"""

from __future__ import annotations

from collections import OrderedDict, deque

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.compiled import njit
from altmarl_ros.games.hidden import HiddenState
from altmarl_ros.games.kernels import LocalKernel
from altmarl_ros.games.tabular import TabularGame

_STREAM = 4  # beside those of the start (0), of robots (1, 2) and of who enters a full place (3)
_REMEMBERED = 64  # ticks
_MOST_SESSIONS = 8
_DRAWN = 1 << 16  # uniform numbers at a time

LONGEST = 1 << 20
"""Ticks after which a path repeats, so that whoever names a tick far ahead does not keep a simulator busy."""


class HiddenPath:
    """The hidden states of the sessions of one simulated fleet."""

    def __init__(self, hidden: HiddenState, seed: int) -> None:
        self._first = np.cumsum(hidden.rho_d)[None]
        self._next, self._seed = np.ascontiguousarray(hidden.cumulative), seed
        self._sessions: OrderedDict[int, _Path] = OrderedDict()
        self.at(0, 1)  # compiled before the first tick
        self._sessions.clear()

    def at(self, session: int, tick: int) -> int:
        """Return d at a tick of a session; a tick that is long past is computed again from the first one on."""
        tick %= LONGEST
        path = self._sessions.pop(session, None)
        if path is None or not path.remembers(tick):
            path = _Path(np.random.default_rng([self._seed, _STREAM, session]), self._first)
        path.advance(tick, self._next)
        self._sessions[session] = path
        while len(self._sessions) > _MOST_SESSIONS:
            self._sessions.popitem(last=False)
        return path.at(tick)


class Regimes:
    """What simulated robots move by: a kernel, and its regime at each tick.

    Attributes:
        kernel: movement of robots by regime (d, s_g); by s_g in a game without a hidden state.
    """

    kernel: LocalKernel

    def __init__(self, game: TabularGame, seed: int) -> None:
        self._hidden = game.hidden
        self._path = None if game.hidden is None else HiddenPath(game.hidden, seed)
        self.kernel = game.local_kernel if game.hidden is None else game.hidden.local_kernel

    def hidden_state(self, session: int, tick: int) -> int | None:
        """Return d at a tick of a session; None in a game without a hidden state."""
        return None if self._path is None else self._path.at(session, tick)

    def at(self, s_g: int, d: int | None) -> int:
        """Return the number of the regime (d, s_g), or s_g without d."""
        return s_g if self._hidden is None or d is None else d * self._hidden.n_global_states + s_g


class _Path:
    def __init__(self, rng: np.random.Generator, first: NDArray[np.float64]) -> None:
        self._rng, self._tick = rng, 0
        self._newest: deque[int] = deque(_walk(0, first, rng.random(1)).tolist(), maxlen=_REMEMBERED)

    def remembers(self, tick: int) -> bool:
        return tick > self._tick - len(self._newest)

    def advance(self, tick: int, following: NDArray[np.float64]) -> None:
        while self._tick < tick:
            steps = min(tick - self._tick, _DRAWN)
            self._newest.extend(_walk(self._newest[-1], following, self._rng.random(steps))[-_REMEMBERED:].tolist())
            self._tick += steps

    def at(self, tick: int) -> int:
        return int(self._newest[tick - self._tick - 1])


@njit(cache=True)
def _walk(d, following, chances):  # type: ignore[no-untyped-def]
    """Draw the next states by inverse transform from d on [T]; `following` [d, d'] is cumulative."""
    states = np.empty(len(chances), dtype=np.int64)
    for t in range(len(chances)):
        after = 0
        while after < following.shape[1] - 1 and following[d, after] <= chances[t]:
            after += 1
        states[t] = d = after
    return states
