"""Says how many robots fit into each place of a game.

A place is a group of local states, such as all states of a robot at the dock. Without groups every local state is a place by
itself. A game file gives room as

    room: 0.1                       # every place has room for a tenth of the fleet, rounded down to whole robots
    room: {dock: 4, hall: 0.5}      # 4 robots, half of the fleet; places that are not named have no limit
    room: {default: 2, dock: 4}     # `default` is for all places that are not named
    room: slots                     # floors: as many robots as a zone has slots; also for one place, {dock: slots}
    places: {dock: [dock empty, dock loaded]}   # optional: which local states are one place

A whole number counts robots, a number with a decimal point is a share of the fleet. Robots that would enter a full place stay
where they were (games/holding.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError

IntArray = NDArray[np.int64]

DEFAULT = "default"
SLOTS = "slots"

_ROUNDING = 1e-9  # of a share times a number of robots


@dataclass(frozen=True, eq=False)
class Places:
    """Groups of local states that share room.

    Attributes:
        of: the place of each local state [S_l], every number 0..P-1 among them.
        names: one name per place [P].

    Raises:
        GameError: the numbers have a gap, or there are more or fewer names than places.
    """

    of: IntArray
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        of = np.array(self.of)
        if of.ndim != 1 or of.size == 0 or of.dtype.kind not in "iu":
            raise GameError("places must hold a whole number for every local state")
        if not np.array_equal(np.unique(of), np.arange(len(self.names))) or len(set(self.names)) != len(self.names):
            raise GameError(f"places must hold every number 0..{len(self.names) - 1}, one for each of as many distinct names")
        of = of.astype(np.int64)
        of.setflags(write=False)
        object.__setattr__(self, "of", of)

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def of_states(cls, local_state_names: Sequence[str]) -> Places:
        """Make every local state a place by itself."""
        return cls(np.arange(len(local_state_names)), tuple(local_state_names))

    @classmethod
    def grouped(cls, groups: Mapping[str, Sequence[str]], local_state_names: Sequence[str]) -> Places:
        """Make places from the names of their local states; a state that none of them names is a place by itself.

        Raises:
            GameError: naming the place, and the state that does not exist or belongs to another place already.
        """
        place_of: dict[str, str] = {}
        for place, states in groups.items():
            for state in states:
                if state not in local_state_names:
                    raise GameError(f"places.{place} names {state!r}, which is no local state")
                if state in place_of:
                    raise GameError(f"places.{place} names {state!r}, which is in {place_of[state]!r} already")
                place_of[state] = place
        own = [place_of.get(state, state) for state in local_state_names]
        twice = next((name for name, place in zip(local_state_names, own, strict=True) if name == place in groups), None)
        if twice is not None and twice not in groups[twice]:
            raise GameError(f"places.{twice} has the name of a local state that is not in it")
        empty = next((place for place in groups if place not in own), None)
        if empty is not None:
            raise GameError(f"places.{empty} has no local state")
        names = tuple(dict.fromkeys(own))
        number = {name: i for i, name in enumerate(names)}
        return cls(np.array([number[name] for name in own], dtype=np.int64), names)


@dataclass(frozen=True, eq=False)
class Room:
    """How many robots fit into each place.

    Attributes:
        places: the places.
        amount: robots, or share of the fleet, by place [P]; infinite where there is no limit.
        is_share: whether `amount` is a share of the fleet [P].

    Raises:
        GameError: naming the place whose room is no whole number of robots and no share of the fleet.
    """

    places: Places
    amount: FloatArray
    is_share: NDArray[np.bool_]

    def __post_init__(self) -> None:
        amount, is_share = np.array(self.amount, dtype=np.float64), np.array(self.is_share, dtype=np.bool_)
        for name, array in (("amount", amount), ("is_share", is_share)):
            if array.shape != (len(self.places),):
                raise GameError(f"room.{name} has shape {array.shape}, must be ({len(self.places)},), one for each place")
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        for name, value, share in zip(self.places.names, amount, is_share, strict=True):
            if np.isnan(value) or value < 0 or (value > 1 if share else np.isfinite(value) and value != round(value)):
                what = "a share of the fleet, 0.0 to 1.0" if share else "a whole number of robots"
                raise GameError(f"room of {name!r} is {value:g}, must be {what}")

    @classmethod
    def of_shares(cls, places: Places, shares: ArrayLike) -> Room:
        """Make room for shares of the fleet by place [P], or for the same share everywhere."""
        amount = np.array(np.broadcast_to(np.asarray(shares, dtype=np.float64), (len(places),)))
        return cls(places, amount, np.ones(len(places), dtype=np.bool_))

    @classmethod
    def written(cls, given: Any, places: Places, slots: Sequence[float] | None = None) -> Room:
        """Read the key `room` of a game file; `slots` are the numbers of slots by place of a floor.

        Raises:
            GameError: naming the place and the rule.
        """
        by_name = dict(given) if isinstance(given, Mapping) else {DEFAULT: given}
        unknown = next((key for key in by_name if key != DEFAULT and key not in places.names), None)
        if unknown is not None:
            known = ", ".join(places.names[:8]) + (", .." if len(places) > 8 else "")
            raise GameError(f"room names {str(unknown)[:40]!r}, which is no place; places are {known}")
        amount, is_share = np.full(len(places), np.inf), np.zeros(len(places), dtype=np.bool_)
        for i, name in enumerate(places.names):
            if name in by_name or DEFAULT in by_name:
                key = name if name in by_name else DEFAULT
                amount[i], is_share[i] = _amount(key, by_name[key], None if slots is None else slots[i])
        return cls(places, amount, is_share)

    def limits(self, n: int) -> IntArray:
        """The number of robots of a fleet of n that fit into each place [P]; n where there is no limit."""
        robots = np.where(self.is_share, np.floor(np.minimum(self.amount, 1.0) * n + _ROUNDING), np.minimum(self.amount, n))
        return np.asarray(np.minimum(robots, n), dtype=np.int64)

    def check_fits(self, n: int) -> None:
        """Check that n robots fit into all places together.

        Raises:
            GameError: they do not; the message says for how many there is room.
        """
        most = int(self.limits(n).sum())
        if most < n:
            raise GameError(f"{n} robots do not fit: all places together have room for {most}; {self.text(n)}")

    def text(self, n: int) -> str:
        """The room of a fleet of n in words, such as `room for 4 in dock, 10 in hall`."""
        limits = self.limits(n)
        return "room for " + _listed([f"{m} in {name}" for name, m in zip(self.places.names, limits, strict=True) if m < n])

    def by_place(self) -> dict[str, float | int | None]:
        """The room of each place as a game file says it: a number of robots, a share of the fleet, or None."""
        given = zip(self.places.names, self.amount, self.is_share, strict=True)
        return {name: None if np.isinf(amount) else float(amount) if share else int(amount) for name, amount, share in given}

    def words(self) -> str:
        """The room of every place in words, such as `dock 4 robots, hall 20 % of the fleet; at most 5 robots fit`."""
        parts = []
        for name, amount in self.by_place().items():
            if amount is not None:
                what = f"{amount} robots" if isinstance(amount, int) else f"{100 * amount:g} % of the fleet"
                parts.append(f"{name} {what}")
        shares, robots = float(self.amount[self.is_share].sum()), float(self.amount[~self.is_share].sum())
        if shares >= 1.0 - _ROUNDING or np.isinf(robots):
            return _listed(parts) or "no limit anywhere"
        return f"{_listed(parts)}; at most {int(robots / (1.0 - shares) + _ROUNDING)} robots fit"

    def doubled(self) -> Room:
        """The same room for a game with two copies of every local state, one after the other, in the same places."""
        places = Places(np.tile(self.places.of, 2), self.places.names)
        return Room(places, self.amount, self.is_share)


def _listed(parts: list[str], most: int = 6) -> str:
    return ", ".join(parts[:most]) + (f" and {len(parts) - most} more" if len(parts) > most else "")


def _amount(place: str, given: Any, slots: float | None) -> tuple[float, bool]:
    if given == SLOTS:
        if slots is None:
            raise GameError(f"room of {place!r} is 'slots', which only zones of a floor have (builder: floor)")
        return float(slots), False
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise GameError(f"room of {place!r} is {str(given)[:40]!r}, must be a whole number of robots or a share such as 0.1")
    if isinstance(given, float) and not 0.0 <= given <= 1.0:
        raise GameError(f"room of {place!r} is {given!r}, must be a whole number of robots or a share from 0.0 to 1.0")
    if given < 0:
        raise GameError(f"room of {place!r} is {given}, must not be negative")
    return float(given), isinstance(given, float)
