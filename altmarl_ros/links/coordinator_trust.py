"""Whether an end of a link may trust who answered as the coordinator."""

from __future__ import annotations

from pathlib import Path

import zenoh

from altmarl_ros.errors import AltmarlError
from altmarl_ros.links.register import FILE_NAME, Register, load_register, stamp_of, utc_now


class CoordinatorTrust:
    """Reads the register in a folder of keys anew whenever it has changed; without one every valid certificate is trusted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stamp: tuple[int, int] | None = None
        self._register: Register | None = None

    def objection(self, session: zenoh.Session) -> str:
        """Return why a connection's other end is not trusted; empty: it is."""
        stamp = stamp_of(self._folder)
        if stamp is None:
            return ""
        try:
            if stamp != self._stamp:
                self._register, self._stamp = load_register(self._folder), stamp
        except AltmarlError as error:
            return str(error)
        now, entries = utc_now(), self._register.entries if self._register is not None else {}
        for link in session.info.links():
            name = link.auth_identifier or ""
            entry = entries.get(name)
            if entry is None or not entry.valid(now):
                return f"{name} is {entry.state(now) if entry is not None else 'not listed'} in {FILE_NAME}"
        return ""
