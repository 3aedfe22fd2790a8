"""Runs tasks on several processes, except those whose results are kept from earlier."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Callable, Iterable, Iterator, Protocol, Sequence

import joblib

from altmarl_ros.experiments.backends import parallel
from altmarl_ros.experiments.cache import Cache
from altmarl_ros.experiments.task import Task


class ProgressCallback(Protocol):
    """Called at every result with the kind of the tasks, how many are done, and how many there are."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """Take note of the progress."""


@dataclass
class TaskRunner:
    """Runs the tasks of an experiment; to be used in a `with` statement.

    Attributes:
        cache: results that are kept.
        jobs: tasks that run at the same time, each on one thread; 0: one per core.
        backend: where they run, by joblib's name.
        on_progress: called at every result.
        computed: number of tasks that were run.
        found: number of tasks whose results were found in the cache.
    """

    cache: Cache
    jobs: int = 1
    backend: str = "loky"
    on_progress: ProgressCallback = lambda what, done, total: None
    computed: int = 0
    found: int = 0
    _stack: ExitStack = field(default_factory=ExitStack)
    _make_parallel: Callable[[], joblib.Parallel] | None = None

    def map(self, what: str, tasks: Sequence[Task]) -> list[Any]:
        """Return the tasks' results in their order; each is kept at once, so that an interruption loses little."""
        by_key = {task.key: task for task in tasks}
        results: dict[str, Any] = {}
        for key, task in by_key.items():
            stored = self.cache.load(task)
            if stored is not None:
                results[key] = stored
        self.found += len(results)
        self.on_progress(what, len(results), len(by_key))
        missing = sorted((key for key in by_key if key not in results), key=lambda key: -by_key[key].cost)
        for key, result in self._run({key: by_key[key] for key in missing}):
            self.cache.store(by_key[key], result)
            results[key] = result
            self.computed += 1
            self.on_progress(what, len(results), len(by_key))
        return [results[task.key] for task in tasks]

    def __enter__(self) -> TaskRunner:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self._make_parallel = None

    def _run(self, tasks: dict[str, Task]) -> Iterator[tuple[str, Any]]:
        if not tasks:
            return
        if self._make_parallel is None:  # only once: connecting to a cluster takes time
            self._make_parallel = self._stack.enter_context(parallel(self.backend, self.jobs))
        for chunk in _chunks(self._make_parallel(), list(tasks.items())):
            yield from self._make_parallel()(joblib.delayed(_run)(key, task) for key, task in chunk)


def _chunks(parallel: joblib.Parallel, items: list[tuple[str, Task]]) -> Iterable[list[tuple[str, Task]]]:
    # A backend that returns all results at once gets a few tasks at a time, so that their results are kept early.
    size = len(items) if parallel.return_generator else 4 * joblib.effective_n_jobs(parallel.n_jobs)
    return [items[first : first + size] for first in range(0, len(items), size)]


def _run(key: str, task: Task) -> tuple[str, Any]:
    return key, task.run()
