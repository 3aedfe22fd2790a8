"""One Bellman sweep over all (s_g, c), and how its work is handed to threads.

The coordinator's process against a fixed local policy has the reward r_g(s_g, a) + R(c, s_g) and the
transitions P_g(s_g' | s_g, a), c' given (s_g, c) alone. A sweep computes

    V'(c, s_g) = R(c, s_g) + max_a [ r_g(s_g, a) + gamma sum_s' P_g(s' | s_g, a) E V(s', c') ].

The compiled loops release the interpreter lock, and nothing spins at barriers, so that a busy machine
makes a sweep slower in proportion and no more.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Callable, Iterable, Protocol

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.compiled import njit

_MUCH = 100_000  # count vectors
_SERIAL_BELOW = 20_000  # values; below, handing out work costs more than it saves


@dataclass(frozen=True, eq=False)
class GlobalProcess:
    """P_g [s_g, a, s_g'], r_g [s_g, a], local_reward R [rank of c, s_g], gamma."""

    P_g: FloatArray
    r_g: FloatArray
    local_reward: FloatArray
    gamma: float


@dataclass(frozen=True)
class Change:
    """Least and greatest change of V in a sweep."""

    low: float
    high: float

    @property
    def span(self) -> float:
        """High - low, the span seminorm of the change."""
        return self.high - self.low

    @classmethod
    def over(cls, parts: Iterable[tuple[float, float]]) -> Change:
        """The change over several parts of the states."""
        lows, highs = zip(*parts, strict=True)
        return cls(min(lows), max(highs))


class Workers:
    """A few threads, or none where the problem is too small for them."""

    def __init__(self, threads: int, values: int) -> None:
        self.count = (threads or available_cores()) if values >= _SERIAL_BELOW else 1
        self._pool = ThreadPoolExecutor(self.count) if self.count > 1 else None

    def map(self, work: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        """Results in the order of the items; the first exception is raised."""
        return list(self._pool.map(work, items) if self._pool else map(work, items))

    def slices(self, size: int) -> list[tuple[int, int]]:
        """Ranges that split `size` items evenly: one for each thread, several where there is much to do."""
        several = min(4, 1 + size // _MUCH)
        edges = np.linspace(0, size, several * self.count + 1 if self.count > 1 else 2).astype(int)
        return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool:
            self._pool.shutdown()


class Backup(Protocol):
    """The expectation over the next count vector.

    Attributes:
        name: one of the names in GLearnOptions.
        block: sweeps take V with a multiple of so many columns, those beyond S_g zero.
    """

    name: str
    block: int

    def expect(self, s_g: int, V: FloatArray, out: FloatArray) -> None:
        """Write E[V(c', .) | s_g, c] for all c into out; both [rank of c, columns]."""

    def sweep(
        self,
        process: GlobalProcess,
        V: FloatArray,
        out: FloatArray,
        policy: NDArray[np.uint16],
        workers: Workers,
    ) -> Change:
        """One Bellman sweep from V into out [rank of c, s_g in blocks], greedy actions into policy [rank of c, s_g]."""


class StatewiseSweep:
    """Sweeps for backups that compute the expectation for one s_g and all c at once."""

    block = 1

    def sweep(
        self: Backup,
        process: GlobalProcess,
        V: FloatArray,
        out: FloatArray,
        policy: NDArray[np.uint16],
        workers: Workers,
    ) -> Change:
        """See Backup. Global states share the threads, each thread with a buffer of its own."""
        buffers: SimpleQueue[FloatArray] = SimpleQueue()
        for _ in range(min(workers.count, V.shape[1])):
            buffers.put(np.empty_like(V))

        def improve(s_g: int) -> tuple[float, float]:
            expected = buffers.get()
            try:
                self.expect(s_g, V, expected)
                return _improve(  # type: ignore[no-any-return]
                    expected, process.P_g[s_g], process.r_g[s_g], process.local_reward, process.gamma, s_g, V, out, policy
                )
            finally:
                buffers.put(expected)

        return Change.over(workers.map(improve, range(V.shape[1])))


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


@njit(nogil=True, cache=True)
def _improve(expected, P_g, r_g, local_reward, gamma, s_g, V, out, policy):  # type: ignore[no-untyped-def]
    low, high = np.inf, -np.inf
    for c in range(V.shape[0]):
        best = -np.inf
        for a in range(P_g.shape[0]):
            future = 0.0
            for s in range(P_g.shape[1]):
                future += P_g[a, s] * expected[c, s]
            q = r_g[a] + gamma * future
            if q > best + 1e-12:
                best = q
                policy[c, s_g] = a
        value = best + local_reward[c, s_g]
        out[c, s_g] = value
        low = min(low, value - V[c, s_g])
        high = max(high, value - V[c, s_g])
    return low, high
