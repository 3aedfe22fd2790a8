"""Defines a Bellman sweep over all (s_g, c), and distributes its work over threads.

Against a fixed local policy the coordinator plays a process with reward r_g(s_g, a) + R(c, s_g); s_g moves by
P_g(s_g' | s_g, a), and c' depends on (s_g, c) alone. A sweep computes

    V'(c, s_g) = R(c, s_g) + max_a [ r_g(s_g, a) + gamma sum_s' P_g(s' | s_g, a) E V(s', c') ].

The compiled loops release the interpreter lock, and no thread spins at a barrier. So a busy machine slows a sweep down
only in proportion to its load.
"""

from __future__ import annotations

from dataclasses import dataclass
from queue import SimpleQueue
from typing import Iterable, Protocol

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.compiled import njit
from altmarl_ros.workers import Workers


@dataclass(frozen=True, eq=False)
class GlobalProcess:
    """The coordinator's process against a fixed local policy.

    Attributes:
        P_g: global transitions [s_g, a, s_g'].
        r_g: global reward [s_g, a].
        local_reward: R, the mean local reward of the k robots [rank of c, s_g].
        gamma: discount per tick.
    """

    P_g: FloatArray
    r_g: FloatArray
    local_reward: FloatArray
    gamma: float


@dataclass(frozen=True)
class Change:
    """The least and the greatest change of V in a sweep."""

    low: float
    high: float

    @property
    def span(self) -> float:
        """The span seminorm of the change, high - low."""
        return self.high - self.low

    @classmethod
    def over(cls, parts: Iterable[tuple[float, float]]) -> Change:
        """Combine the (low, high) of several parts of the states."""
        lows, highs = zip(*parts, strict=True)
        return cls(min(lows), max(highs))


class Backup(Protocol):
    """Computes the expectation over the next count vector, and sweeps with it.

    Attributes:
        name: one of BACKUPS.
        block: the number of columns of V in a sweep is a multiple of it; columns beyond S_g are zero.
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
        """Do a Bellman sweep from V into out [rank of c, s_g in blocks]; write greedy actions to policy [rank of c, s_g]."""


class StatewiseSweep:
    """Implements the sweep for backups that compute the expectation for one s_g and all c at once."""

    block = 1

    def sweep(
        self: Backup,
        process: GlobalProcess,
        V: FloatArray,
        out: FloatArray,
        policy: NDArray[np.uint16],
        workers: Workers,
    ) -> Change:
        """See Backup. The threads share the global states; each thread has its own buffer."""
        buffers: SimpleQueue[FloatArray] = SimpleQueue()
        for _ in range(min(workers.count, V.shape[1])):
            buffers.put(np.empty_like(V))

        def improve(s_g: int) -> tuple[float, float]:
            expected = buffers.get()
            try:
                self.expect(s_g, V, expected)
                reward = (process.r_g[s_g], process.local_reward)
                return _improve(s_g, (process.P_g[s_g], expected, process.gamma), reward, V, (out, policy))  # type: ignore[no-any-return]
            finally:
                buffers.put(expected)

        return Change.over(workers.map(improve, range(V.shape[1])))


@njit(nogil=True, cache=True)
def _improve(s_g, future_of, reward, V, results):  # type: ignore[no-untyped-def]
    """Improve the policy at one s_g for all c; returns the least and the greatest change of V.

    results = (V', policy), both [rank of c, s_g], are written in place;
    future_of = (P_g [a, s_g'], expected V [rank of c, s_g'], gamma); reward = (r_g [a], R [rank of c, s_g]).
    """
    P_g, expected, gamma = future_of
    r_g, local_reward = reward
    out, policy = results
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
