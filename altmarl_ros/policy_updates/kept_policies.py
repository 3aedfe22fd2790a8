"""The policies that a rollback can return to, as files that survive a restart.

A folder holds `policy_<id>.npz` of each, and `kept.json`, their ids from the newest to the oldest:

    {"format": "altmarl kept policies 1", "kept": ["8c12f0aa", ...]}
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from altmarl_ros.errors import AltmarlError
from altmarl_ros.files import write_output
from altmarl_ros.policies import PolicyBundle, save_bundle

_FORMAT = "altmarl kept policies 1"
_ID = re.compile(r"[0-9a-f]{8}")
_FILE = re.compile(r"policy_([0-9a-f]{8})\.npz")


class KeptPolicies:
    """The last policies that were in force."""

    def __init__(self, folder: Path) -> None:
        """Read the index; there need not be one.

        Raises:
            AltmarlError: the index is damaged.
        """
        self.folder = folder
        self._index = folder / "kept.json"
        self._ids = self._read()

    @property
    def ids(self) -> tuple[int, ...]:
        """From the newest to the oldest."""
        return tuple(self._ids)

    def path(self, policy_id: int) -> Path:
        """The file of a policy."""
        return self.folder / f"policy_{policy_id:08x}.npz"

    def save(self, bundle: PolicyBundle) -> Path:
        """Write a policy's file.

        Raises:
            AltmarlError: it cannot be written.
        """
        return save_bundle(bundle, self.path(bundle.policy_id))

    def before(self, policy_id: int) -> int | None:
        """The newest but that one, to which a rollback from it returns; None: there is none."""
        return next((kept for kept in self._ids if kept != policy_id), None)

    def put_in_force(self, policy_id: int, previous: int | None, most: int) -> None:
        """A saved policy took the place of `previous`, which is kept if it was saved; of more than `most` the oldest go.

        So do the files of all but as many others.

        Raises:
            AltmarlError: the index cannot be written.
        """
        ids = [kept for kept in self._ids if kept not in (policy_id, previous)]
        if previous is not None and self.path(previous).exists():
            ids.insert(0, previous)
        self._write(ids[:most])
        self._prune(policy_id, most)

    def returned_to(self, policy_id: int) -> None:
        """A kept policy is in force again; the one before it is the next to return to.

        Raises:
            AltmarlError: the index cannot be written.
        """
        self._write([kept for kept in self._ids if kept != policy_id])

    def _write(self, ids: list[int]) -> None:
        document = {"format": _FORMAT, "kept": [f"{kept:08x}" for kept in ids]}
        write_output(self._index, json.dumps(document).encode())
        self._ids = ids

    def _prune(self, in_force: int, most: int) -> None:
        # The latest of the others stay too: a record of the run is decided again by them.
        named = [(file, match) for file in self.folder.iterdir() if (match := _FILE.fullmatch(file.name))]
        others = [file for file, match in named if int(match[1], 16) not in (*self._ids, in_force)]
        for file in sorted(others, key=lambda file: file.stat().st_mtime_ns, reverse=True)[most:]:
            file.unlink(missing_ok=True)

    def _read(self) -> list[int]:
        try:
            document = json.loads(self._index.read_bytes())
        except FileNotFoundError:
            return []
        except (OSError, ValueError, RecursionError) as error:
            raise AltmarlError(f"{self._index}: is damaged: {error}") from None
        ids = document.get("kept") if isinstance(document, dict) and document.get("format") == _FORMAT else None
        if not isinstance(ids, list) or not all(isinstance(kept, str) and _ID.fullmatch(kept) for kept in ids):
            raise AltmarlError(f"{self._index}: is no index of kept policies")
        return [number for number in dict.fromkeys(int(kept, 16) for kept in ids) if self.path(number).is_file()]
