"""Who may join: a hello is data from outside, and everything that its hearer remembers of it has a bound."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_CAPACITY = 100_000
"""Robots on a roster or in a world where nobody sets another bound."""

NAME_LENGTH = 255
"""Characters of the longest node name, as of a DDS topic name."""


@dataclass(frozen=True)
class Admission:
    """Whoever plays the game of that content hash may join, up to `capacity` robots."""

    game_hash: str
    capacity: int

    def refusal(self, name: str, game_hash: str, known: bool, members: int) -> str | None:
        """Why a robot may not join, None if it may.

        Args:
            name: of its node.
            game_hash: of the game that it was set up for; empty: any.
            known: whether it is one of those present.
            members: how many those are.
        """
        if game_hash not in ("", self.game_hash):
            return f"it plays game {game_hash[:16]!r}, this fleet {self.game_hash}"
        if len(name) > NAME_LENGTH:
            return f"its name has {len(name)} characters, more than {NAME_LENGTH}"
        if not known and members >= self.capacity:
            return f"there are {members} robots already, as many as `roster.capacity` allows"
        return None
