"""Connects to where tasks run, by joblib's backend names: processes or threads of this machine, or a cluster."""

from __future__ import annotations

import importlib
from contextlib import ExitStack, contextmanager
from typing import Callable, Iterator

import joblib

from altmarl_ros.errors import AltmarlError
from altmarl_ros.workers import available_cores

LOCAL = ("loky", "threading", "multiprocessing", "sequential")
CLUSTERS = ("dask", "ray")


class BackendError(AltmarlError):
    """The backend is unknown, or what it needs is missing."""


@contextmanager
def parallel(backend: str, jobs: int) -> Iterator[Callable[[], joblib.Parallel]]:
    """Context in which the yielded function makes a `joblib.Parallel` with `jobs` workers on the backend.

    With `jobs` 0 it uses every core, or the whole cluster. The Parallel yields results as they come where the backend can
    do so, and returns a list where it cannot.

    Raises:
        BackendError: naming the backend, or the package to install.
    """
    with ExitStack() as stack:
        try:
            if backend in _CONNECT:
                _CONNECT[backend](stack)
            workers = jobs or (available_cores() if backend in LOCAL else -1)
            stack.enter_context(joblib.parallel_config(backend=backend, n_jobs=workers))
        except ImportError as error:
            raise BackendError(f"backend {backend!r} needs {_NEEDS.get(backend, error.name)}; install it") from None
        except ValueError:
            raise BackendError(f"backend {backend!r} is unknown; known are {', '.join(LOCAL + CLUSTERS)}") from None
        yield _make_parallel


_NEEDS = {"dask": "the package dask[distributed]", "ray": "the package ray"}


def _connect_dask(stack: ExitStack) -> None:
    # Uses the scheduler at $DASK_SCHEDULER_ADDRESS; without one it starts its own on this machine.
    stack.enter_context(importlib.import_module("distributed").Client())


def _connect_ray(stack: ExitStack) -> None:
    # Uses the cluster at $RAY_ADDRESS; without one it starts its own on this machine.
    importlib.import_module("ray.util.joblib").register_ray()


_CONNECT: dict[str, Callable[[ExitStack], None]] = {"dask": _connect_dask, "ray": _connect_ray}


def _make_parallel() -> joblib.Parallel:
    for order in ("generator_unordered", "generator"):  # the first needs joblib 1.4; some backends support neither
        try:
            return joblib.Parallel(return_as=order)
        except ValueError:
            continue
    return joblib.Parallel()
