"""Writes files atomically, and reads files from untrusted sources within bounds.

A reader here takes regular files only, so that a pipe or a device cannot block it, reads no more than a stated number of
bytes, waits for a disk or a network folder no longer than LONGEST_READ, and answers with one line that says what is wrong.
"""

from __future__ import annotations

import errno
import io
import os
import stat
import tempfile
import threading
import zipfile
from pathlib import Path
from typing import Any, Hashable, Mapping

import numpy as np
import yaml
from numpy.typing import NDArray

from altmarl_ros.errors import AltmarlError

LONGEST_READ = 10.0
"""Time after which a file counts as unreadable [s]."""


def write_atomically(path: Path, content: bytes, durable: bool = True, *, private: bool = False) -> None:
    """Write under a temporary name in the same folder, then rename; readers see the old file or the whole new one.

    Args:
        path: the file; missing folders above it are made.
        content: all bytes of the file.
        durable: whether to flush to disk before the renaming, so that the file survives a power failure.
        private: whether its owner alone may read and write it (mode 0600), at every moment.

    Raises:
        OSError: the file cannot be written; nothing was changed at `path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        if not private:  # which it is as a temporary file
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def write_output(path: Path, content: bytes, *, private: bool = False) -> None:
    """Write a file that the user asked for, atomically; `private`: readable by its owner alone.

    Raises:
        AltmarlError: the file cannot be written; the message names it and the reason.
    """
    try:
        write_atomically(path, content, private=private)
    except OSError as error:
        raise AltmarlError(f"{path}: cannot be written: {error.strerror or error}") from None


def write_npz(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays of numbers as a compressed `.npz`, atomically.

    Raises:
        ValueError: the file cannot be written, with the reason; nothing was changed.
    """
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **dict(arrays))  # type: ignore[arg-type]
    try:
        write_atomically(path, buffer.getvalue())
    except OSError as error:
        raise ValueError(f"cannot be written: {error.strerror or error}") from None


def check_writable(path: Path) -> None:
    """Check that `path` can be written, by a temporary file beside it, before a long computation is made for it.

    Raises:
        AltmarlError: naming the file and the reason.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    except OSError as error:
        raise AltmarlError(f"{path}: cannot be written: {error.strerror or error}") from None


def read_regular(path: Path, most_bytes: int, advice: str = "") -> bytes:
    """The content of a regular file of at most `most_bytes`; never waits for a pipe or a device.

    Raises:
        ValueError: one line that says what is wrong with the file; with `advice` where it is too large.
    """
    content = first_bytes(path, most_bytes + 1)
    if len(content) > most_bytes:
        raise ValueError(f"is larger than {most_bytes} bytes{advice}")
    return content


def first_bytes(path: Path, size: int) -> bytes:
    """The first `size` bytes of a regular file, or all where it is shorter.

    Raises:
        ValueError: one line that says why it cannot be read.
    """
    found: list[bytes | ValueError] = []

    def read() -> None:
        try:
            found.append(_first_bytes(path, size))
        except ValueError as error:
            found.append(error)

    thread = threading.Thread(target=read, name="file", daemon=True)  # a dead network folder never answers
    thread.start()
    thread.join(LONGEST_READ)
    result = found[0] if found else ValueError(f"cannot be read: no answer within {LONGEST_READ:g} s")
    if isinstance(result, ValueError):
        raise result
    return result


def _first_bytes(path: Path, size: int) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # an ordinary open of a pipe waits for its writer
        try:
            mode = os.fstat(handle).st_mode
            if not stat.S_ISREG(mode):
                raise ValueError("is a folder" if stat.S_ISDIR(mode) else "is not a regular file")
            with open(handle, "rb", closefd=False) as file:
                return file.read(size)
        finally:
            os.close(handle)
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None


def read_npz(path: Path, most_bytes: int = 1 << 28) -> dict[str, NDArray[Any]]:
    """Read all arrays of an `.npz` file, which may hold only real numbers and at most `most_bytes` when unpacked.

    Raises:
        ValueError: the file cannot be read or breaks one of these rules; the message says which in one line.
    """
    content = read_regular(path, most_bytes)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as members:
            unpacked = sum(member.file_size for member in members.infolist())
            if unpacked > most_bytes:
                raise ValueError(f"holds {unpacked} bytes when unpacked, more than {most_bytes}")
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {name: np.asarray(archive[name]) for name in archive.files}
    except Exception as error:  # zipfile, zlib and numpy each have their own family for a damaged file
        raise ValueError(f"is not an .npz file of numbers: {error}") from None
    for name, array in arrays.items():
        if array.dtype.kind not in "biuf":
            raise ValueError(f"array {name!r} holds {array.dtype}, must hold real numbers")
    return arrays


def read_yaml(path: Path, most_bytes: int = 1 << 20) -> Any:
    """Read the document of a YAML file of at most `most_bytes`; keys that stand twice and aliases are refused.

    Raises:
        ValueError: the file cannot be read or breaks one of these rules; the message says which in one line.
    """
    return parse_yaml(read_regular(path, most_bytes, "; put arrays into an .npz file"))


def parse_yaml(text: str | bytes) -> Any:
    """Parse a YAML text; keys that stand twice and aliases are refused.

    Raises:
        ValueError: the text is no valid YAML or breaks one of these rules; the message says which in one line.
    """
    try:
        _check_events(text)
        return yaml.load(text, Loader=_StrictLoader)
    except Exception as error:  # PyYAML also raises whatever the constructor of a scalar raises, not only YAMLError
        raise ValueError(f"is not valid YAML: {' '.join(str(error).split()) or type(error).__name__}") from None


# The parser in C is ten times as fast, which is what bounds the time of a large file; it has no limit of depth of its own.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MOST_DEPTH = 100
_LONGEST_NUMBER = 1000
_NUMBER_TAGS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


def _check_events(text: str | bytes) -> None:
    """Raise YAMLError where a text holds aliases, which can explode in size, or is nested too deeply for a recursive reader."""
    depth = 0
    for event in yaml.parse(text, Loader=_SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not supported")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MOST_DEPTH:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise yaml.YAMLError(f"nested more than {_MOST_DEPTH} deep, line {line}")


class _StrictLoader(_SafeLoader):  # type: ignore[misc]
    """A safe loader that refuses duplicate keys, which hide mistakes, and endless numbers, which take long to convert."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """The mapping of a node; raises YAMLError where a key stands twice."""
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise yaml.YAMLError(f"a {type(key).__name__} cannot be a key, line {key_node.start_mark.line + 1}")
            if key in seen:
                raise yaml.YAMLError(f"key {key!r} stands twice, line {key_node.start_mark.line + 1}")
            seen.add(key)
        return super().construct_mapping(node, deep)

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        """The value of a node; raises YAMLError where it is a number of too many digits."""
        if node.tag in _NUMBER_TAGS and len(node.value) > _LONGEST_NUMBER:
            raise yaml.YAMLError(f"a number of {len(node.value)} characters, line {node.start_mark.line + 1}")
        return super().construct_object(node, deep)
