"""What somebody outside the fleet knows of the hidden state, such as a warehouse system of its orders.

It is told as one weight for each hidden state: how likely what is known would be in it, up to a common factor. By Bayes' rule
the belief is multiplied by it, once, at the next tick:

    b(d) <- b(d) e(d) / sum_d b(d) e(d).

The newest message before a tick counts alone. Robots' reports may always overrule it: no weight counts for less than
`_LEAST` of the largest, so nobody can make a hidden state impossible. Whoever tells the same orders again with the same stamp
tells nothing new, and is not counted again.
"""

from __future__ import annotations

import math
from typing import Callable, Sequence

import numpy as np

from altmarl_ros.errors import AltmarlError

_LEAST = 1e-3


def bounded(weights: Sequence[float], hidden_states: int) -> tuple[float, ...]:
    """Return weights with a largest one of 1 and none below `_LEAST`, as float32, in which they are recorded [D].

    Raises:
        AltmarlError: there is another number of them, or one is negative or not finite, or all are 0.
    """
    if len(weights) != hidden_states:
        raise AltmarlError(f"{len(weights)} weights were told, the game has {hidden_states} hidden states")
    given = np.asarray(weights, dtype=np.float64)
    odd = np.flatnonzero(~(np.isfinite(given) & (given >= 0.0)))
    if len(odd):
        raise AltmarlError(f"weight {odd[0]} is {given[odd[0]]:g}, must be finite and not negative")
    if not given.max() > 0.0:
        raise AltmarlError("all weights are 0: no hidden state would be possible")
    return tuple(np.maximum(given / given.max(), _LEAST).astype(np.float32).tolist())


class EvidenceInbox:
    """Receives evidence and hands it to the next tick.

    Attributes:
        heard: number of messages that counted, or may count yet.
        refused: number of messages that were not valid.
    """

    def __init__(self, hidden_states: int, timeout: float, clock: Callable[[], float]) -> None:
        """What is known counts for `timeout` [s] by `clock`, which returns the present time [s]."""
        self._hidden_states, self._timeout, self._clock = hidden_states, timeout, clock
        self._weights: tuple[float, ...] = ()  # for the next tick
        self._known_at = -math.inf
        self._last: tuple[str, int] | None = None  # source and stamp
        self.heard = self.refused = 0

    @property
    def age(self) -> float:
        """Age of what was told last [s]; infinite before anything was."""
        return self._clock() - self._known_at

    def hear(self, weights: Sequence[float], source: str = "", stamp: int = 0, age: float = 0.0) -> bool:
        """Receive what was known `age` [s] ago; returns whether it is new and fresh.

        Args:
            weights: of the hidden states [D].
            source: who tells it.
            stamp: when it was known, by the sender's clock [ns]; 0: not told.
            age: of the message by its stamp [s]; negative where the sender's clock is ahead.

        Raises:
            AltmarlError: it is not valid; what was told before still counts.
        """
        try:
            known = bounded(weights, self._hidden_states)
        except AltmarlError:
            self.refused += 1
            raise
        if (stamp and (source, stamp) == self._last) or not age <= self._timeout:
            return False
        self._last = source, stamp
        self._weights, self._known_at = known, self._clock() - max(age, 0.0)
        self.heard += 1
        return True

    def take(self) -> tuple[float, ...]:
        """Return the weights that count at this tick [D], once; empty: nothing fresh was told since the last tick."""
        weights, self._weights = self._weights, ()
        return weights if 0.0 <= self.age <= self._timeout else ()
