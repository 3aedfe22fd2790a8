"""Whether a coordinator lives, by what the middleware says of the writers of ticks: how many are alive, how many are not.

Which of them fell silent it does not say (DDS 1.4, 2.2.4.2: LIVELINESS_CHANGED). So any loss counts as the coordinator's,
a standby's too, until that writer is back, or a tick was heard while some writer is alive.
"""

from __future__ import annotations


class Liveliness:
    """Of those who may speak as the coordinator.

    Attributes:
        lost: whether one of them fell silent or left, and none has spoken since.
    """

    def __init__(self) -> None:
        self.lost = False
        self._alive = self._silent = 0
        self._spoken = False  # since the loss

    def change(self, alive: int, silent: int) -> None:
        """There are so many writers that are alive, and so many that are not."""
        if alive < self._alive or silent > self._silent:
            self.lost, self._spoken = True, False
        elif alive > self._alive and (silent < self._silent or self._spoken):
            self.lost = False
        self._alive, self._silent = alive, silent

    def heard(self) -> None:
        """A tick came; a late one, of a coordinator that is gone, does not bring it back."""
        self._spoken = True
        if self._alive:
            self.lost = False
