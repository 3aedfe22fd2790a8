"""Reads the arguments of a launch file, which are texts, and refuses what they cannot mean by the argument's name."""

from __future__ import annotations

import math
from typing import Mapping, Sequence

from altmarl_ros.errors import AltmarlError

LOG_LEVELS = ("debug", "info", "warn", "error", "fatal")

_FLAGS = {"true": True, "1": True, "false": False, "0": False}


class LaunchArguments:
    """The arguments of one launch file, as they were given."""

    def __init__(self, given: Mapping[str, str]) -> None:
        """`given`: texts by name."""
        self._given = dict(given)

    def text(self, name: str) -> str:
        """Return an argument as it is."""
        return self._given[name]

    def flag(self, name: str) -> bool:
        """Return a truth value.

        Raises:
            AltmarlError: naming the argument, which is neither true nor false.
        """
        text = self._given[name].strip().lower()
        if text not in _FLAGS:
            raise self._refusal(name, "true or false")
        return _FLAGS[text]

    def whole(self, name: str) -> int:
        """Return a whole number.

        Raises:
            AltmarlError: naming the argument, which is none.
        """
        try:
            return int(self._given[name])
        except ValueError:
            raise self._refusal(name, "a whole number") from None

    def number(self, name: str) -> float:
        """Return a finite number.

        Raises:
            AltmarlError: naming the argument, which is none.
        """
        try:
            value = float(self._given[name])
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self._refusal(name, "a number")
        return value

    def optional_number(self, name: str) -> float | None:
        """Return a finite number; None where the argument is empty.

        Raises:
            AltmarlError: naming the argument, which is neither.
        """
        return self.number(name) if self._given[name].strip() else None

    def choice(self, name: str, choices: Sequence[str]) -> str:
        """Return one of some texts.

        Raises:
            AltmarlError: naming the argument, which is none of them, and the choices.
        """
        text = self._given[name].strip()
        if text not in choices:
            raise self._refusal(name, f"one of {', '.join(choices)}")
        return text

    def _refusal(self, name: str, rule: str) -> AltmarlError:
        return AltmarlError(f"launch argument {name!r} is {self._given[name]!r}, must be {rule}")
