"""Robots in an operator's hand: which they are, what they do for whom, and how they come back into the estimate.

A robot that an operator holds or sends does not act by its policy. It stays on the roster, and leaves the draw and the number
n of robots that the coordinator reckons with, until it is given back. That keeps the estimate of the others unbiased:

    taken       x the shares of n robots, i one of them that was chosen without regard to its state: E x_without_i = E x, so the
                estimate stays as it is, for n - 1 robots
    given back  in state s: x' = ((n - 1) x + e_s) / n holds exactly, and the estimate follows (`observation/joining.py`)

where e_s is the unit vector of s. The robot tells s when it is given back. A robot that the coordinator polled and moved by
the policy meanwhile, as if nothing had happened, would bias it by up to 1 / n.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Mapping

from altmarl_ros.errors import AltmarlError

LONGEST_NAME = 64
"""Most characters of an operator's name."""

_MOST_REMOVED = 1000


class Control(IntEnum):
    """What a robot acts by, with the numbers of msg/RobotHello."""

    BY_POLICY = 0
    HELD = 1
    SENT = 2
    REMOVED = 3


@dataclass(frozen=True)
class Operated:
    """What an operator has a robot do instead of its policy.

    Attributes:
        control: HELD, SENT or REMOVED.
        operator: name of the operator.
    """

    control: Control
    operator: str

    def __str__(self) -> str:
        """Return it in words, such as `held by anna`."""
        return f"{self.control.name.lower()} by {self.operator}"


def on_roster(operated: Mapping[int, Operated]) -> int:
    """Return how many of these robots are on the roster still: all but those that were removed."""
    return sum(each.control is not Control.REMOVED for each in operated.values())


def check_operator(name: str) -> str:
    """Return the name of an operator.

    Raises:
        AltmarlError: it is empty, too long, or has characters that cannot be printed in one line.
    """
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable() or not name.strip():
        raise AltmarlError(f"an operator's name has 1 to {LONGEST_NAME} printable characters, {name[:LONGEST_NAME]!r} has not")
    return name


class OperatedRobots:
    """The robots of a roster that are in an operator's hand, those that left it so, and those that came back."""

    def __init__(self) -> None:
        self._here: dict[int, Operated] = {}  # on the roster
        self._gone: dict[int, Operated] = {}  # removed from it
        self._returned: dict[int, int] = {}  # local states by id, since the last tick

    def __contains__(self, robot_id: int) -> bool:
        return robot_id in self._here

    def find(self, robot_id: int) -> Operated | None:
        """Return what an operator has a robot of the roster do; None: it acts by its policy, or is not on the roster."""
        return self._here.get(robot_id)

    @property
    def on_roster(self) -> int:
        """Number of robots that are on the roster and out of the draw."""
        return len(self._here)

    def take(self, robot_id: int, operated: Operated) -> None:
        """Note that an operator has a robot of the roster."""
        self._gone.pop(robot_id, None)
        self._returned.pop(robot_id, None)
        self._here[robot_id] = operated

    def give_back(self, robot_id: int, local_state: int | None) -> None:
        """Note that a robot of the roster acts by its policy, from local state s_l (None: not known) on."""
        before = self._here.pop(robot_id, None) or self._gone.pop(robot_id, None)
        if before is not None and local_state is not None:
            self._returned[robot_id] = local_state

    def leave(self, robot_id: int, operated: Operated | None) -> None:
        """Note that a robot left the roster; `operated`: because an operator removed it."""
        self._here.pop(robot_id, None)
        self._gone.pop(robot_id, None)
        self._returned.pop(robot_id, None)
        if operated is not None:
            self._gone[robot_id] = operated
            while len(self._gone) > _MOST_REMOVED:
                del self._gone[next(iter(self._gone))]

    def take_returned(self) -> dict[int, int]:
        """Return what robots that came back since the last call told of their local states, by id, the first one first."""
        returned, self._returned = self._returned, {}
        return returned

    def listed(self, most: int) -> list[tuple[int, Operated]]:
        """Return up to `most` robots in an operator's hand by id, those on the roster first."""
        return [*sorted(self._here.items()), *sorted(self._gone.items())][:most]
