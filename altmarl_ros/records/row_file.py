"""Rows that no longer fit into memory, in a temporary file that vanishes with the process."""

from __future__ import annotations

import json
import tempfile
import weakref
from pathlib import Path
from typing import IO, Any, Iterator

from altmarl_ros.errors import AltmarlError

_BUFFER = 1 << 16  # bytes


class RowFile:
    """A file of rows, each a name and JSON values; a disk that fails loses rows, which is said when they are read."""

    def __init__(self, folder: Path) -> None:
        """Rows are kept in this folder, which is made with the first of them."""
        self._folder = folder
        self._file: IO[bytes] | None = None
        self._failure: OSError | None = None

    def add(self, name: str, values: Any) -> None:
        """Append a row."""
        if self._failure is not None:
            return
        try:
            if self._file is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._file = tempfile.TemporaryFile(dir=self._folder, buffering=_BUFFER)  # noqa: SIM115, as long as we are
                weakref.finalize(self, self._file.close)
            self._file.write(json.dumps([name, values], separators=(",", ":"), default=_plain).encode() + b"\n")
        except OSError as error:
            self._failure = error

    def rows(self) -> Iterator[tuple[str, Any]]:
        """Iterate over the rows in the order in which they came; tuples have become lists.

        Raises:
            AltmarlError: the disk failed meanwhile.
        """
        if self._failure is None and self._file is not None:
            try:
                self._file.seek(0)
                for line in self._file:
                    name, values = json.loads(line)
                    yield name, values
                self._file.seek(0, 2)
            except OSError as error:
                self._failure = error
        if self._failure is not None:
            raise AltmarlError(f"{self._folder}: the record is incomplete: {self._failure.strerror or self._failure}")


def _plain(value: Any) -> Any:
    """Convert a number of numpy."""
    return value.item()
