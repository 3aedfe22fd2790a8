"""The global plant: the system whose state is s_g, and which the coordinator's decisions move.

The coordinator simulates a virtual plant itself: s_g' ~ P_g(. | s_g, a_g). An external plant is a machine (a lift, a conveyor,
a server) that receives each decision and publishes its state. A published state counts for `timeout` seconds; one that the
game does not have makes s_g unknown until the next valid one. A tick begins in the newest state, and without one none begins.
"""

from __future__ import annotations

from typing import Callable, Protocol

import numpy as np

from altmarl_ros.errors import AltmarlError
from altmarl_ros.games.tabular import TabularGame


class Plant(Protocol):
    """What a coordinator needs of a plant of either kind."""

    @property
    def state(self) -> int | None:
        """The present s_g; None while it is not known."""

    def act(self, action: int) -> None:
        """Act by a_g, which was decided in the present state."""

    def resume(self, state: int, action: int | None) -> None:
        """Go on from another coordinator's s_g, and its a_g if that is known."""


class VirtualPlant:
    """A plant that is simulated by the game's kernel P_g."""

    def __init__(self, game: TabularGame, rng: np.random.Generator, state: int | None = None) -> None:
        """`state` is the first s_g; None draws it from the game's start.

        Raises:
            AltmarlError: the game has no such state.
        """
        S_g = game.n_global_states
        if state is not None and not 0 <= state < S_g:
            raise AltmarlError(f"global state is {state}, must be below {S_g}")
        self._P_g, self._rng = game.global_kernel, rng
        self._state = int(rng.choice(S_g, p=game.initial.rho_g)) if state is None else state

    @property
    def state(self) -> int:
        """The present s_g, which is always known."""
        return self._state

    def act(self, action: int) -> None:
        """Draw the next s_g."""
        self._state = int(self._rng.choice(self._P_g.shape[0], p=self._P_g.row(self._state, action)))

    def resume(self, state: int, action: int | None) -> None:
        """Continue from the other coordinator's s_g; its a_g, if known, moves it once."""
        self._state = state
        if action is not None:
            self.act(action)


class ExternalPlant:
    """A plant that is a machine and publishes its state.

    Attributes:
        refused: number of published states that the game does not have.
    """

    def __init__(self, n_global_states: int, timeout: float, clock: Callable[[], float]) -> None:
        """A state counts for `timeout` [s] by `clock`, which returns the present time [s].

        Raises:
            AltmarlError: the timeout is not positive.
        """
        if not timeout > 0:
            raise AltmarlError(f"timeout of the plant is {timeout} s, must be positive")
        self._n_global_states, self._timeout, self._clock = n_global_states, timeout, clock
        self._told: int | None = None
        self._time = -np.inf
        self.refused = 0

    def hear(self, state: int, age: float = 0.0) -> None:
        """Receive the state that the plant had `age` seconds ago; one older than the state that is known changes nothing."""
        now = self._clock()
        time = now - max(age, 0.0)
        if time < self._time <= now:
            return
        self._time = time
        self._told = state if 0 <= state < self._n_global_states else None
        self.refused += self._told is None

    @property
    def age(self) -> float:
        """Age of the newest state [s]; infinite before there is one."""
        return self._clock() - self._time

    @property
    def state(self) -> int | None:
        """The newest s_g; None while it is too old, or from the future since the clock jumped back."""
        return self._told if 0.0 <= self.age <= self._timeout else None

    @property
    def trouble(self) -> str:
        """The reason why s_g is not known; empty while it is."""
        if self.state is not None:
            return ""
        if self._time == -np.inf:
            return "the global plant has not told its state yet"
        if not 0.0 <= self.age <= self._timeout:
            return f"the global plant told its state {self.age:.3g} s ago, which counts for {self._timeout:g} s"
        return f"the global plant is in a state that the game does not have, its states are 0..{self._n_global_states - 1}"

    def act(self, action: int) -> None:
        """Do nothing: the node that holds the coordinator publishes the decision for the machine."""

    def resume(self, state: int, action: int | None) -> None:
        """Do nothing: the machine is in the state that it publishes."""
