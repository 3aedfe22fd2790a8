"""The interface between a robot node and what it acts through: a robot of the simulated Markov world, or a vehicle."""

from __future__ import annotations

from typing import Callable, Protocol

from altmarl_ros.monitoring.health import Finding
from altmarl_ros.monitoring.tick_expectation import TickExpectation
from altmarl_ros.protocol.agent import Answer


class Body(Protocol):
    """What one robot acts through."""

    @property
    def local_state(self) -> int | None:
        """Present s_l; None while it is not known, or changes."""
        ...

    def enter(self, changed: Callable[[], None]) -> None:
        """Begin to work; `changed` is called whenever the local state has changed."""
        ...

    def tick_received(self, now: float) -> None:
        """Note that a tick of the coordinator came at time `now` [s]."""
        ...

    def act(self, answer: Answer) -> None:
        """Carry out the action of an answer to a tick; called at most once per tick."""
        ...

    def hold(self) -> None:
        """Stop, and wait: an operator holds the robot."""
        ...

    def send(self, zone: str) -> str:
        """Drive to a zone, by its name or number, and wait there: an operator sends the robot; returns the zone's name.

        Raises:
            AltmarlError: there is no such zone, or no way there is known.
        """
        ...

    def release(self) -> None:
        """Stand until the next action: the operator has given the robot back."""
        ...

    @property
    def at_rest(self) -> bool:
        """Whether the robot is told to stand."""
        ...

    @property
    def standing(self) -> str:
        """What bars all motion at present; empty: nothing."""
        ...

    def leave(self) -> None:
        """Stop working; a vehicle is brought to rest first."""
        ...

    def brake(self, dt: float) -> bool:
        """Brake for `dt` [s] before the process ends; returns whether the robot is at rest."""
        ...

    def drain(self, timeout: float) -> None:
        """Wait until the last messages have arrived, at most `timeout` [s]."""
        ...

    def finding(self, expected: TickExpectation, operated: str = "") -> Finding | None:
        """Return what /diagnostics says of this robot alone; None: nothing.

        Args:
            expected: by when its next tick has to come.
            operated: what it does for an operator, in words; empty: it acts by its policy.
        """
        ...

    def close(self) -> None:
        """Release what the node does not destroy by itself."""
        ...
