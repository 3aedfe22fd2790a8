"""The register of a fleet's certificates: whom the authority has vouched for, until when, and whose was revoked.

It holds nothing secret. The authority writes it, and a coordinator's link reads it: a certificate that the register does not
list as valid may do nothing, even if the authority has signed it.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, Optional

import yaml
from pydantic import BaseModel, ValidationError

from altmarl_ros.errors import AltmarlError
from altmarl_ros.files import read_yaml, write_output
from altmarl_ros.links.identity import Identity, read_common_name

FILE_NAME = "register.yaml"
"""Name of the file in the folder of keys."""

MOST_ENTRIES = 20_000
"""Largest number of certificates in a register."""


class _Line(BaseModel, extra="forbid"):
    name: str
    expires: datetime
    revoked: Optional[datetime] = None


class _Document(BaseModel, extra="forbid"):
    certificates: Dict[str, _Line] = {}


@dataclass(frozen=True)
class Entry:
    """One certificate.

    Attributes:
        identity: whose it is.
        name: of its holder, after which its files are called.
        expires: when it ends, in UTC.
        revoked: when it was revoked, in UTC; None: it was not.
    """

    identity: Identity
    name: str
    expires: datetime
    revoked: datetime | None = None

    def valid(self, now: datetime) -> bool:
        """Whether the holder may speak at this time."""
        return self.revoked is None and now < self.expires

    def state(self, now: datetime) -> str:
        """Say in a word whether the holder may speak at this time: valid, expired or revoked."""
        if self.revoked is not None:
            return "revoked"
        return "valid" if now < self.expires else "expired"


@dataclass(frozen=True)
class Register:
    """All certificates of an authority, by common name, in the order in which they were made."""

    entries: Mapping[str, Entry]

    def valid(self, now: datetime) -> tuple[Entry, ...]:
        """Return the certificates whose holders may speak at this time."""
        return tuple(entry for entry in self.entries.values() if entry.valid(now))

    def holder(self, name: str, now: datetime) -> Entry | None:
        """Return the valid certificate of this name; None where there is none."""
        return next((entry for entry in self.valid(now) if entry.name == name), None)

    def robot(self, robot_id: int, now: datetime) -> Entry | None:
        """Return the valid certificate of a robot by its id; None where there is none."""
        wanted = ("robot", str(robot_id))
        return next((entry for entry in self.valid(now) if (entry.identity.role, entry.identity.id) == wanted), None)

    def with_entry(self, entry: Entry) -> Register:
        """Return a register that has this certificate too.

        Raises:
            AltmarlError: the register is full.
        """
        if len(self.entries) >= MOST_ENTRIES:
            raise AltmarlError(f"the register holds {MOST_ENTRIES} certificates, the most that it may: begin a new authority")
        return Register({**self.entries, entry.identity.common_name: entry})

    def with_revoked(self, entry: Entry, now: datetime) -> Register:
        """Return a register in which one certificate is revoked from this time on."""
        return Register({**self.entries, entry.identity.common_name: replace(entry, revoked=now)})


def utc_now() -> datetime:
    """Return the present time in UTC, in whole seconds."""
    return datetime.now(timezone.utc).replace(microsecond=0)


def load_register(folder: Path) -> Register:
    """Read the register in a folder of keys.

    Raises:
        AltmarlError: there is none, or it is damaged; the message names the file.
    """
    path = folder / FILE_NAME
    try:
        document = _Document(**_mapping(read_yaml(path, 1 << 24)))
        if len(document.certificates) > MOST_ENTRIES:
            raise ValueError(f"holds more than {MOST_ENTRIES} certificates")
        entries = {
            common_name: Entry(read_common_name(common_name), line.name, _utc(line.expires), _utc_or_none(line.revoked))
            for common_name, line in document.certificates.items()
        }
    except ValidationError as error:
        first = error.errors()[0]
        raise AltmarlError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except (ValueError, AltmarlError) as error:
        raise AltmarlError(f"{path}: {error}") from None
    return Register(entries)


def stamp_of(folder: Path) -> tuple[int, int] | None:
    """Return what tells one state of the register in a folder from the next; None where there is no register."""
    try:
        status = (folder / FILE_NAME).stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino


def save_register(folder: Path, register: Register) -> None:
    """Write the register into a folder of keys, as a whole or not at all.

    Raises:
        AltmarlError: the file cannot be written.
    """
    lines: dict[str, dict[str, Any]] = {}
    for common_name, entry in register.entries.items():
        lines[common_name] = {"name": entry.name, "expires": entry.expires}
        if entry.revoked is not None:
            lines[common_name]["revoked"] = entry.revoked
    write_output(folder / FILE_NAME, yaml.safe_dump({"certificates": lines}, sort_keys=False).encode())


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let one command at a time change a folder of keys; others wait.

    Raises:
        AltmarlError: the folder cannot be written.
    """
    path = folder / ".lock"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise AltmarlError(f"{path}: cannot be written: {error.strerror or error}") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _mapping(document: Any) -> dict[str, Any]:
    if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
        raise ValueError("must hold `certificates`")
    return document


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=timezone.utc) if time.tzinfo is None else time.astimezone(timezone.utc)


def _utc_or_none(time: datetime | None) -> datetime | None:
    return None if time is None else _utc(time)
