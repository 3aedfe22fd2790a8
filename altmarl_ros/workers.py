"""Distributes slices of work over threads, for compiled loops that release the interpreter lock."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import chain, pairwise
from typing import Any, Callable, Iterable, TypeVar

import numpy as np

_MUCH = 100_000  # items per slice of work
_SERIAL_BELOW = 20_000  # values; with fewer, distributing the work costs more than it saves
_LONG = 1_000_000  # operations, about a millisecond: a call that takes less is not distributed

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


class Workers:
    """A pool of threads that maps work over items; it works without threads if the problem is small."""

    def __init__(self, threads: int, values: int) -> None:
        self.count = (threads or available_cores()) if values >= _SERIAL_BELOW else 1
        self._pool = ThreadPoolExecutor(self.count) if self.count > 1 else None

    def map(self, work: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        """Apply `work` to every item and return the results in order; the first exception is raised."""
        given = list(items)
        return list(self._pool.map(work, given) if self._pool and len(given) > 1 else map(work, given))

    def slices(self, size: int) -> list[tuple[int, int]]:
        """Split `size` items evenly into ranges: one for each thread, or several if there are many items."""
        several = min(4, 1 + size // _MUCH)
        edges = np.linspace(0, size, several * self.count + 1 if self.count > 1 else 2).astype(int)
        return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool:
            self._pool.shutdown()


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0))


def in_slices(work: Callable[[slice], object], size: int, operations: float) -> None:
    """Do `work` on all of `size` independent items; a call of many operations is split into a slice for each core.

    `work` releases the interpreter lock, and treats every item alike whichever slice it is in.
    """
    cores = min(available_cores(), size) if operations >= _LONG else 1
    if cores <= 1:
        work(slice(0, size))
        return
    edges = np.linspace(0, size, cores + 1).astype(int).tolist()
    for _ in _shared_pool(os.getpid(), cores).map(work, [slice(first, last) for first, last in pairwise(edges)]):
        pass


def side_by_side(work: Callable[[ItemT], ResultT], items: Iterable[ItemT], threads: int = 0) -> list[ResultT]:
    """Do `work` on every item, a core for each as far as there are cores, and return the results in order.

    `work` is mostly calls that release the interpreter lock, and may itself call `in_slices`. At most `threads` items are
    worked on at once; 0 is as many as there are cores.
    """
    waiting = list(enumerate(items))
    others = min(threads or available_cores(), len(waiting)) - 1
    results: dict[int, ResultT] = {}
    shared = iter(waiting[1:])

    def work_through(mine: list[tuple[int, ItemT]]) -> None:
        for place, item in chain(mine, shared):
            results[place] = work(item)

    if others < 1:
        work_through(waiting[:1])
    else:
        with ThreadPoolExecutor(others) as pool:
            begun = [pool.submit(work_through, []) for _ in range(others)]
            # This thread takes the first item: what another allocates stays in a pool of memory of its own.
            work_through(waiting[:1])
            for each in begun:
                each.result()
    return [results[place] for place, _ in waiting]


@cache
def _shared_pool(process: int, threads: int) -> ThreadPoolExecutor:
    # One for each process: threads do not live on in a fork.
    return ThreadPoolExecutor(threads)
