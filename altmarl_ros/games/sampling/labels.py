"""The declared states and actions of a simulator: what it calls them, and their numbers in the tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Mapping, Sequence

from altmarl_ros.errors import GameError, shown

_KEYS = {"states": ("global", "local", "hidden"), "actions": ("global", "local")}


@dataclass(frozen=True)
class Labels:
    """The labels of every set, in the order of their numbers; `hidden` is empty without a hidden state."""

    global_states: tuple[Any, ...]
    local_states: tuple[Any, ...]
    global_actions: tuple[Any, ...]
    local_actions: tuple[Any, ...]
    hidden_states: tuple[Any, ...] = ()

    @classmethod
    def declared(cls, states: Mapping[str, Sequence[Any]], actions: Mapping[str, Sequence[Any]]) -> Labels:
        """Take the labels from `states` (global, local, optionally hidden) and `actions` (global, local).

        Raises:
            GameError: a set is missing, empty, unknown or has a label twice.
        """
        found: dict[str, tuple[Any, ...]] = {}
        for what, given in (("states", states), ("actions", actions)):
            unknown = next((key for key in given if key not in _KEYS[what]), None)
            if unknown is not None:
                raise GameError(f"{what} has {shown(unknown)}, known are {', '.join(_KEYS[what])}")
            for key in _KEYS[what]:
                labels = tuple(given.get(key, ()))
                if not labels and key != "hidden":
                    raise GameError(f"{what}[{key!r}] is missing or empty")
                if len(set(labels)) != len(labels):
                    raise GameError(f"{what}[{key!r}] has a label twice")
                found[f"{key}_{what}"] = labels
        return cls(**found)

    @property
    def sizes(self) -> tuple[int, int, int, int, int]:
        """(S_g, A_g, S_l, A_l, D); D is 1 without a hidden state."""
        sets = self.global_states, self.global_actions, self.local_states, self.local_actions
        S_g, A_g, S_l, A_l = map(len, sets)
        return S_g, A_g, S_l, A_l, max(1, len(self.hidden_states))

    def number(self, which: str, label: Any) -> int:
        """The number of a label that the simulator gave for a set of states.

        Raises:
            GameError: it is not declared; the message names it.
        """
        try:
            return self._numbers[which][label]
        except (KeyError, TypeError):
            what = which.replace("_states", " state")
            raise GameError(f"the simulator gave the {what} {shown(label)}, which is not declared") from None

    @cached_property
    def _numbers(self) -> dict[str, dict[Any, int]]:
        sets = ("global_states", "local_states", "hidden_states")
        return {which: {label: i for i, label in enumerate(getattr(self, which))} for which in sets}
