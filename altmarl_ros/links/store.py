"""Keeps what a link has fetched by its hash, so that a policy that a robot has had before does not cross again."""

from __future__ import annotations

import contextlib
from hashlib import blake2b
from pathlib import Path

from altmarl_ros.errors import AltmarlError
from altmarl_ros.files import read_regular, write_output

_DIGEST_BYTES = 16
_KEPT = 8


def digest_of(content: bytes) -> str:
    """Return the hash by which a content is called, in hexadecimal digits."""
    return blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()


class Store:
    """The newest contents in a folder, one file each; without a folder, in memory."""

    def __init__(self, folder: Path | None, kept: int = _KEPT) -> None:
        """Keep at most `kept` contents."""
        self._folder, self._kept = folder, kept
        self._memory: dict[str, bytes] = {}

    def find(self, digest: str, most_bytes: int) -> bytes | None:
        """Return the content of this hash; None where it is not kept, or its file is damaged."""
        if digest in self._memory or self._folder is None:
            return self._memory.get(digest)
        try:
            content = read_regular(self._path(digest), most_bytes)
        except ValueError:
            return None
        if digest_of(content) != digest:
            return None
        self._remember(digest, content)
        return content

    def keep(self, content: bytes) -> None:
        """Keep a content; a disk that is full keeps the link from nothing."""
        digest = digest_of(content)
        self._remember(digest, content)
        if self._folder is not None:
            with contextlib.suppress(AltmarlError, OSError):
                write_output(self._path(digest), content, private=True)
                files = sorted(self._folder.glob("*.state"), key=lambda path: path.stat().st_mtime, reverse=True)
                for path in files[self._kept :]:
                    path.unlink()

    def _remember(self, digest: str, content: bytes) -> None:
        self._memory.pop(digest, None)
        self._memory[digest] = content
        while len(self._memory) > self._kept:
            del self._memory[next(iter(self._memory))]

    def _path(self, digest: str) -> Path:
        assert self._folder is not None
        return self._folder / f"{digest}.state"
