"""Compiles hot loops by numba, and keeps what was compiled on disk where there is a folder for it."""

from __future__ import annotations

from typing import Any, Callable

import numba


def njit(*, cache: bool = True, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """As `numba.njit`, but without a cache where no folder can be written.

    A package that was installed by another user, run by a user without a home, has none: numba then refuses to compile at all.
    Each process compiles anew there, which takes some seconds; NUMBA_CACHE_DIR names a folder.
    """

    def compiled(function: Callable[..., Any]) -> Any:
        try:
            return numba.njit(cache=cache, **options)(function)
        except RuntimeError as error:
            if "no locator available" not in str(error):
                raise
            return numba.njit(cache=False, **options)(function)

    return compiled
