"""A latched stop that whoever comes by cannot release: the one that pressed it can, or a second word that names who did.

Messages do not tell who sent them. What is known is who could have: the participants that publish on the topic. While there is
one, it is the one that pressed and the one that releases. As soon as there are several, a release is in doubt and does not
count, and the second word is asked for.
"""

from __future__ import annotations

from typing import Mapping

UNKNOWN = "unknown"
"""Name of a presser that the middleware does not name."""


class StopLatch:
    """One stop.

    Attributes:
        pressed: whether nothing may move.
    """

    def __init__(self) -> None:
        self.pressed = False
        self._by: dict[bytes, str] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of those who may have pressed it, in alphabetical order; empty while it is released."""
        return tuple(sorted(set(self._by.values()))) or ((UNKNOWN,) if self.pressed else ())

    def press(self, senders: Mapping[bytes, str]) -> None:
        """Press it; `senders` are all participants that could have sent the message, and their names."""
        self.pressed = True
        self._by.update(senders)

    def release(self, senders: Mapping[bytes, str]) -> bool:
        """Release it if that can only come from who pressed it; returns whether it is released."""
        if self.pressed and len(senders) == 1 and senders.keys() == self._by.keys():
            self._clear()
        return not self.pressed

    def release_by_name(self, name: str) -> bool:
        """Release it by the second word, the name of who pressed it; returns whether it is released."""
        if name in self.names:
            self._clear()
        return not self.pressed

    def _clear(self) -> None:
        self.pressed = False
        self._by.clear()
