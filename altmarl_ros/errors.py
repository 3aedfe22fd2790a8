"""Errors that a user can cause and mend; all derive from `AltmarlError`."""

from __future__ import annotations

_LONGEST_SHOWN = 80  # characters


def shown(value: object) -> str:
    """Write a value from outside into a message, in one line: shortened, texts quoted, and what is not printable escaped."""
    if isinstance(value, str):
        return repr(_short(value))
    return _short(" ".join(repr(value).split()))


def bounds(low: float | None, high: float | None) -> str:
    """Write what bounds a number, in the words that follow "must be": `in 0..5`, `at least 0` or `at most 5`."""
    if low is None or high is None:
        return f"at most {high:g}" if low is None else f"at least {low:g}"
    return f"in {low:g}..{high:g}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."


class AltmarlError(Exception):
    """Base class of these errors: the message names the culprit in one line; commands print it and exit with code 2."""


class GameError(AltmarlError):
    """A game or the file that describes it breaks a rule."""


class BundleError(AltmarlError):
    """A policy bundle is missing or damaged, is no bundle, or was made for another game."""


class ResourceError(AltmarlError):
    """A computation would need more memory than allowed, or a file of the installed package is missing."""
