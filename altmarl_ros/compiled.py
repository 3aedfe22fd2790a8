"""Compiles hot loops by numba at their first call, and keeps what was compiled on disk where there is a folder for it.

Importing numba takes longer than all that most processes do until they are ready. So it is imported by the first call, and
a process that calls no compiled function, such as `altmarl --help` or a robot that only walks on its zones, starts without.
"""

from __future__ import annotations

from functools import cached_property, update_wrapper
from typing import Any, Callable


class CompiledFunction:
    """A function that numba compiles at its first call, or when another compiled function that calls it is compiled."""

    def __init__(self, function: Callable[..., Any], *, cache: bool, options: dict[str, Any]) -> None:
        update_wrapper(self, function)
        self._function, self._cache, self._options = function, cache, options

    def __call__(self, *arguments: Any) -> Any:
        """Call it, with positional arguments only."""
        return self.dispatcher(*arguments)

    @cached_property
    def dispatcher(self) -> Any:
        """The function as numba has it, without a cache where no folder can be written.

        A package that was installed by another user, run by a user without a home, has none: numba then refuses to compile at
        all. Each process compiles anew there, which takes some seconds; NUMBA_CACHE_DIR names a folder.
        """
        import numba

        try:
            return numba.njit(cache=self._cache, **self._options)(self._function)
        except RuntimeError as error:
            if "no locator available" not in str(error):
                raise
            return numba.njit(cache=False, **self._options)(self._function)

    @property
    def _numba_type_(self) -> Any:
        # numba's name for the type that a global of a compiled function has; so compiled functions may call each other.
        return self.dispatcher._numba_type_


def load_numba() -> None:
    """Import numba before it is needed, where the first call of a compiled function must not wait for it."""
    import numba  # noqa: F401


def njit(*, cache: bool = True, **options: Any) -> Callable[[Callable[..., Any]], CompiledFunction]:
    """As `numba.njit`, but numba is imported and the function compiled at the first call; see `CompiledFunction`."""
    return lambda function: CompiledFunction(function, cache=cache, options=options)
