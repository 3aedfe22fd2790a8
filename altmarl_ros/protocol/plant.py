"""The global plant: what s_g is the state of, and what the coordinator's decisions move.

A virtual plant is simulated by the coordinator itself: s_g' ~ P_g(. | s_g, a_g). An external one is a machine (a lift, a
conveyor, a server) that is told each decision and tells its state. What it told counts for `timeout` seconds; a state that
the game does not have makes s_g unknown until the next good one. A tick begins in the newest state, and none without one.
"""

from __future__ import annotations

from typing import Callable, Protocol

import numpy as np

from altmarl_ros.errors import AltmarlError
from altmarl_ros.games.tabular import TabularGame


class Plant(Protocol):
    """What a coordinator needs of either."""

    @property
    def state(self) -> int | None:
        """s_g at present; None while it is not known."""

    def act(self, action: int) -> None:
        """a_g was decided in the present state."""

    def resume(self, state: int, action: int | None) -> None:
        """Go on from another coordinator's s_g, and its a_g where that was heard."""


class VirtualPlant:
    """s_g as the game's kernel moves it."""

    def __init__(self, game: TabularGame, rng: np.random.Generator, state: int | None = None) -> None:
        """`state` is s_g at first; None: drawn from the game's start."""
        S_g = game.n_global_states
        if state is not None and not 0 <= state < S_g:
            raise AltmarlError(f"global state is {state}, must be below {S_g}")
        self._P_g, self._rng = game.P_g, rng
        self._state = int(rng.choice(S_g, p=game.initial.rho_g)) if state is None else state

    @property
    def state(self) -> int:
        """s_g, always known."""
        return self._state

    def act(self, action: int) -> None:
        """Draw the next s_g."""
        self._state = int(self._rng.choice(len(self._P_g), p=self._P_g[self._state, action]))

    def resume(self, state: int, action: int | None) -> None:
        """The state moves with the coordinator."""
        self._state = state
        if action is not None:
            self.act(action)


class ExternalPlant:
    """s_g as a machine tells it.

    Attributes:
        refused: states told that the game does not have.
    """

    def __init__(self, n_global_states: int, timeout: float, clock: Callable[[], float]) -> None:
        """`timeout` of a state [s] by `clock`, which gives the present time [s]."""
        if not timeout > 0:
            raise AltmarlError(f"timeout of the plant is {timeout} s, must be positive")
        self._n_global_states, self._timeout, self._clock = n_global_states, timeout, clock
        self._told: int | None = None
        self._time = -np.inf
        self.refused = 0

    def hear(self, state: int, age: float = 0.0) -> None:
        """The plant's state of `age` seconds ago; one older than the state that is known changes nothing."""
        now = self._clock()
        time = now - max(age, 0.0)
        if time < self._time <= now:
            return
        self._time = time
        self._told = state if 0 <= state < self._n_global_states else None
        self.refused += self._told is None

    @property
    def age(self) -> float:
        """Seconds since the plant was as it told last; infinite before it told anything."""
        return self._clock() - self._time

    @property
    def state(self) -> int | None:
        """The newest s_g; None while it is too old, or from the future of a clock that jumped back."""
        return self._told if 0.0 <= self.age <= self._timeout else None

    @property
    def trouble(self) -> str:
        """Why s_g is not known; empty while it is."""
        if self.state is not None:
            return ""
        if self._time == -np.inf:
            return "the global plant has not told its state yet"
        if not 0.0 <= self.age <= self._timeout:
            return f"the global plant told its state {self.age:.3g} s ago, which counts for {self._timeout:g} s"
        return f"the global plant is in a state that the game does not have, its states are 0..{self._n_global_states - 1}"

    def act(self, action: int) -> None:
        """Whoever holds the coordinator tells the machine."""

    def resume(self, state: int, action: int | None) -> None:
        """The machine is where it is."""
