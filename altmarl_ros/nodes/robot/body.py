"""What a robot acts through: a body in the simulated Markov world, or a vehicle."""

from __future__ import annotations

from typing import Callable, Protocol

from altmarl_ros.monitoring.health import Finding
from altmarl_ros.protocol.messages import Tick


class Body(Protocol):
    """Of one robot."""

    @property
    def local_state(self) -> int | None:
        """Present s_l; None while it is not known, or changes."""
        ...

    def enter(self, changed: Callable[[], None]) -> None:
        """Begin; `changed` is called whenever the local state is another one."""
        ...

    def hear_tick(self, now: float) -> None:
        """The coordinator spoke at time `now` [s]."""
        ...

    def act(self, tick: Tick, local_action: int) -> None:
        """Act in a tick, once."""
        ...

    def leave(self) -> None:
        """End; what moves is brought to rest first."""
        ...

    def brake(self, dt: float) -> bool:
        """Brake for `dt` [s], on the way to the end of the process; whether all is at rest."""
        ...

    def drain(self, timeout: float) -> None:
        """Wait until the last words have arrived, at most `timeout` [s]."""
        ...

    def finding(self) -> Finding | None:
        """For /diagnostics; None if there is nothing to say about one robot."""
        ...

    def close(self) -> None:
        """Let go of what the node does not destroy by itself."""
        ...
