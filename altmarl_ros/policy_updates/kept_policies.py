"""The policies to which a rollback can return, as files that survive a restart.

A folder holds `policy_<id>.npz` of each policy, and in `kept.json` their ids from the newest to the oldest:

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
    """The last policies that were in force, in one folder.

    Attributes:
        folder: the folder.
    """

    def __init__(self, folder: Path) -> None:
        """Read the index of the folder, if there is one.

        Raises:
            AltmarlError: the index is damaged.
        """
        self.folder = folder
        self._index = folder / "kept.json"
        self._ids = self._read()

    @property
    def ids(self) -> tuple[int, ...]:
        """Ids of the kept policies, from the newest to the oldest."""
        return tuple(self._ids)

    def path(self, policy_id: int) -> Path:
        """The file of a policy, whether or not it exists."""
        return self.folder / f"policy_{policy_id:08x}.npz"

    def save(self, bundle: PolicyBundle) -> Path:
        """Write a policy's file.

        Raises:
            AltmarlError: the file cannot be written.
        """
        return save_bundle(bundle, self.path(bundle.policy_id))

    def before(self, policy_id: int) -> int | None:
        """The id to which a rollback from this policy returns, the newest of the others; None: there is none."""
        return next((kept for kept in self._ids if kept != policy_id), None)

    def put_in_force(self, policy_id: int, previous: int | None, most: int) -> None:
        """Note that a saved policy took the place of `previous`, which is kept if it was saved.

        Of more than `most` kept policies the oldest are dropped. As many files of policies that are not kept stay too.

        Raises:
            AltmarlError: the index cannot be written.
        """
        ids = [kept for kept in self._ids if kept not in (policy_id, previous)]
        if previous is not None and self.path(previous).exists():
            ids.insert(0, previous)
        self._write(ids[:most])
        self._prune(policy_id, most)

    def returned_to(self, policy_id: int) -> None:
        """Note that a kept policy is in force again, so that the next rollback returns to the one before it.

        Raises:
            AltmarlError: the index cannot be written.
        """
        self._write([kept for kept in self._ids if kept != policy_id])

    def _write(self, ids: list[int]) -> None:
        document = {"format": _FORMAT, "kept": [f"{kept:08x}" for kept in ids]}
        write_output(self._index, json.dumps(document).encode())
        self._ids = ids

    def _prune(self, in_force: int, most: int) -> None:
        # The latest of the others stay too, since a replay of the run needs them.
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
