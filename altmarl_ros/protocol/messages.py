"""What coordinator and robots say to each other, as plain data; `msg/` holds the wire form."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True)
class Tick:
    """The broadcast of one tick: s_g(t), the decision that led to it (None at first), and who is polled."""

    session: int
    tick: int
    policy_id: int
    global_state: int
    global_action: int | None
    polled: tuple[int, ...]


@dataclass(frozen=True)
class Report:
    """A polled robot's local state at one tick, and the tag of the game whose state it is."""

    session: int
    tick: int
    robot_id: int
    local_state: int
    game_tag: int


def game_tag(game_hash: str) -> int:
    """16 bits of a game's content hash, so that a report can say whose local state it holds; 0 without a hash."""
    try:
        return int(game_hash[:4], 16)
    except ValueError:
        return 0


class Verdict(Enum):
    """What became of a report."""

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
