"""The messages between coordinator and robots, as plain data; `msg/` holds the wire form."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from altmarl_ros.protocol.roster_page import RosterPage


@dataclass(frozen=True)
class Tick:
    """The broadcast of one tick.

    Attributes:
        session: session of the coordinator.
        tick: number of the tick in its session.
        policy_id: id of the policy by which all act.
        global_state: s_g(t).
        global_action: a_g(t - 1), which led to that state; None at first.
        polled: ids of the robots that are asked to report.
        mark: of the coordinator's pledge (`pledge.py`), the same in all its ticks.
        secret: of that pledge, in the message by which a coordinator gives its session up, which begins no tick; else 0.
        policy_digest: of the local policy that is meant (`held_policies.py`); 0: not told.
        roster: a part of the coordinator's roster, None where nothing is told of it.
    """

    session: int
    tick: int
    policy_id: int
    global_state: int
    global_action: int | None
    polled: tuple[int, ...]
    mark: int = 0
    secret: int = 0
    policy_digest: int = 0
    roster: RosterPage | None = None


@dataclass(frozen=True)
class Report:
    """The answer of a polled robot.

    Attributes:
        session: session of the tick that is answered.
        tick: number of that tick.
        robot_id: id of the robot.
        local_state: s_l in which the robot received the tick.
        game_tag: `game_tag` of the game whose state that is.
    """

    session: int
    tick: int
    robot_id: int
    local_state: int
    game_tag: int


def game_tag(game_hash: str) -> int:
    """16 bits of a game's content hash, by which a report names the game of its local state; 0 without a hash."""
    try:
        return int(game_hash[:4], 16)
    except ValueError:
        return 0


class Verdict(Enum):
    """The coordinator's verdict on a report; docs/explanation/protocol.md explains each."""

    ACCEPTED = "accepted"
    LATE = "late"
    DUPLICATE = "duplicate"
    FOREIGN = "foreign"
    NOT_POLLED = "not_polled"
    UNKNOWN = "unknown"
    WRONG_GAME = "wrong_game"
    OUT_OF_RANGE = "out_of_range"


_EPOCH = 1_735_689_600.0  # 2025-01-01T00:00:00Z as a Unix time [s]
_MODULUS = 1 << 32


def new_session(unix_time: float, last: int | None = None) -> int:
    """The session that starts at `unix_time` [s], newer than `last` even if the clock went backwards."""
    session = int((unix_time - _EPOCH) * 10) % _MODULUS
    if last is not None and not is_newer(session, last):
        session = (last + 1) % _MODULUS
    return session


def is_newer(session: int, than: int) -> bool:
    """Whether `session` started after `than`."""
    return 0 < (session - than) % _MODULUS < _MODULUS // 2
