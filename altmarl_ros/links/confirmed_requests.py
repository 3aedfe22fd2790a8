"""What an end of a link says until the other end has confirmed it."""

from __future__ import annotations

import threading


class ConfirmedRequests:
    """The newest message of each flow of requests, and which instance of the coordinator's end confirmed which.

    A coordinator's end that has started anew has forgotten what its predecessor confirmed: it is told again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: dict[str, tuple[int, bytes]] = {}  # number and message, by flow
        self._confirmed: dict[str, tuple[bytes, int]] = {}  # instance and number, by flow

    def say(self, name: str, message: bytes) -> None:
        """Replace what is said in the flow `name`."""
        with self._lock:
            number, _ = self._newest.get(name, (0, b""))
            self._newest[name] = (number + 1, message)

    def unconfirmed(self, instance: bytes) -> dict[str, tuple[int, bytes]]:
        """Return number and message, by flow, of what this instance of the coordinator's end has not confirmed."""
        with self._lock:
            return {name: said for name, said in self._newest.items() if self._confirmed.get(name) != (instance, said[0])}

    def confirm(self, name: str, instance: bytes, number: int) -> None:
        """Note that an instance has confirmed the message of this number."""
        with self._lock:
            self._confirmed[name] = (instance, number)
