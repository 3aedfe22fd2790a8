"""Robots that differ: the types of a fleet, each with its number of robots and with its own motion and rewards.

A robot's type never changes. Inside, the type is a part of the local state: with T types and P local states of each, such as
zones, state t * P + p is that of a robot of type t at p. Kernels of such states are block-diagonal, and what learns, simulates
and decides need not know more than that. Robots and people go on speaking of the P states of one type, which are called places
here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError, shown

IntArray = NDArray[np.int64]

MOST_TYPES = 32
"""Largest number of types: every one has a topic on which its policy is told."""

_LONGEST_NAME = 32  # characters


@dataclass(frozen=True, eq=False)
class RobotTypes:
    """The types of a fleet.

    Attributes:
        names: one name per type [T].
        number: robots of each type, or weights of which only the ratios matter [T].
        place_names: one name for each local state of one type [P].

    Raises:
        GameError: naming the type whose name or number breaks a rule.
    """

    names: tuple[str, ...]
    number: FloatArray
    place_names: tuple[str, ...]

    def __post_init__(self) -> None:
        number = np.array(self.number, dtype=np.float64)
        number.setflags(write=False)
        object.__setattr__(self, "number", number)
        if not 1 <= len(self.names) <= MOST_TYPES or number.shape != (len(self.names),):
            raise GameError(f"types: {len(self.names)} names and {number.size} numbers, must be one each for 1 to {MOST_TYPES}")
        if len(set(self.names)) != len(self.names):
            raise GameError("types: names must be distinct")
        for name, amount in zip(self.names, number, strict=True):
            if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
                raise GameError(f"types: name {shown(name)} must be 1 to {_LONGEST_NAME} printable characters")
            if not 0.0 < amount < np.inf:
                raise GameError(f"types: the number of {shown(name)} is {amount:g}, must be positive")

    def __len__(self) -> int:
        return len(self.names)

    @property
    def n_places(self) -> int:
        """P, the number of local states of one type."""
        return len(self.place_names)

    @cached_property
    def shares(self) -> FloatArray:
        """The share of each type in the fleet [T]; they sum to 1."""
        return np.asarray(self.number / self.number.sum())

    @cached_property
    def by_state(self) -> FloatArray:
        """The share in the fleet of each state's type [T * P]."""
        return np.repeat(self.shares, self.n_places)

    def state_names(self) -> tuple[str, ...]:
        """A name for each pair of type and place [T * P], such as `dock, carrier`."""
        return tuple(f"{place}, {name}" for name in self.names for place in self.place_names)

    def numbers(self, n: int) -> IntArray:
        """The number of robots of each type in a fleet of n [T]: what the shares say, rounded by the largest remainders."""
        exact = self.shares * n
        whole = np.floor(exact + 1e-9).astype(np.int64)
        left = n - int(whole.sum())
        most = np.argsort(whole - exact, kind="stable")[: max(left, 0)]
        whole[most] += 1
        return whole

    def index(self, name: str) -> int:
        """The number of the type with that name.

        Raises:
            GameError: there is none; the message tells the names.
        """
        if name not in self.names:
            raise GameError(f"type {shown(name)} is unknown; types are {', '.join(self.names)}")
        return self.names.index(name)

    def block(self, t: int) -> slice:
        """The states of a type."""
        return slice(t * self.n_places, (t + 1) * self.n_places)

    def by_place(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        """Values [.., T * P] summed over the types at each place [.., P]."""
        return np.asarray(values.reshape(*values.shape[:-1], len(self), self.n_places).sum(axis=-2))

    def by_type(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        """Values [.., T * P] summed over the places of each type [.., T]."""
        return np.asarray(values.reshape(*values.shape[:-1], len(self), self.n_places).sum(axis=-1))
