"""Keeps the results of tasks on disk, one file each.

Files are written atomically, and a file is used only if the hash in it matches its content.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from altmarl_ros.errors import AltmarlError
from altmarl_ros.experiments.task import Task
from altmarl_ros.files import write_atomically
from altmarl_ros.policies import PolicyBundle, load_bundle, save_bundle


class Cache:
    """A folder of results: JSON documents, and policy bundles in their own format."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, task: Task) -> Any | None:
        """Return the stored result, or None if there is none. A damaged file is removed and counts as none."""
        key = task.key
        for path, read in ((self._json(key), _read_json), (self._bundle(key), _read_bundle)):
            if path.is_file():
                try:
                    return read(path, task)
                except (AltmarlError, ValueError, KeyError, TypeError, OSError, RecursionError):
                    path.unlink(missing_ok=True)
        return None

    def store(self, task: Task, result: Any) -> None:
        """Write a result to disk.

        Raises:
            AltmarlError: the file cannot be written.
        """
        key = task.key
        if isinstance(result, PolicyBundle):
            save_bundle(result, self._bundle(key))
            return
        document = {"key": key, "sha256": _digest(key, result), "parameters": dict(task.parameters), "result": result}
        try:
            write_atomically(self._json(key), json.dumps(document, allow_nan=False).encode(), durable=False)
        except OSError as error:
            raise AltmarlError(f"{self.folder}: results cannot be kept: {error.strerror or error}") from None

    def _json(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"

    def _bundle(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.npz"


def _read_json(path: Path, task: Task) -> Any:
    document = json.loads(path.read_bytes())
    if document["key"] != task.key or document["sha256"] != _digest(task.key, document["result"]):
        raise ValueError("is damaged")
    return document["result"]


def _read_bundle(path: Path, task: Task) -> PolicyBundle:
    return load_bundle(path, task.game)


def _digest(key: str, result: Any) -> str:
    return hashlib.sha256(f"{key} {json.dumps(result, sort_keys=True, allow_nan=False)}".encode()).hexdigest()
