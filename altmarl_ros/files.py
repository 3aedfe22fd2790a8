"""Writes files atomically, and reads YAML and `.npz` files from untrusted sources."""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any, Mapping

import numpy as np
import yaml
from numpy.typing import NDArray

from altmarl_ros.errors import AltmarlError


def write_atomically(path: Path, content: bytes, durable: bool = True) -> None:
    """Write under a temporary name in the same folder, then rename; readers see the old file or the whole new one.

    Args:
        path: the file; missing folders above it are made.
        content: all bytes of the file.
        durable: whether to flush to disk before the renaming, so that the file survives a power failure.

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
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def write_output(path: Path, content: bytes) -> None:
    """Write a file that the user asked for, atomically.

    Raises:
        AltmarlError: the file cannot be written; the message names it and the reason.
    """
    try:
        write_atomically(path, content)
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


def read_npz(path: Path, most_bytes: int = 1 << 28) -> dict[str, NDArray[Any]]:
    """Read all arrays of an `.npz` file, which may hold only real numbers and at most `most_bytes` when unpacked.

    Raises:
        ValueError: the file cannot be read or breaks one of these rules; the message says which in one line.
    """
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror or error}") from None
    if len(content) > most_bytes:
        raise ValueError(f"is larger than {most_bytes} bytes")
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
    try:
        with path.open("rb") as file:
            text = file.read(most_bytes + 1)
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(text) > most_bytes:
        raise ValueError(f"is larger than {most_bytes} bytes; put arrays into an .npz file")
    return parse_yaml(text)


def parse_yaml(text: str | bytes) -> Any:
    """Parse a YAML text; keys that stand twice and aliases are refused.

    Raises:
        ValueError: the text is no valid YAML or breaks one of these rules; the message says which in one line.
    """
    try:
        return yaml.load(text, Loader=_StrictLoader)
    except Exception as error:  # PyYAML also raises whatever the constructor of a scalar raises, not only YAMLError
        raise ValueError(f"is not valid YAML: {' '.join(str(error).split()) or type(error).__name__}") from None


class _StrictLoader(yaml.SafeLoader):
    """A SafeLoader that refuses duplicate keys, which hide mistakes, and aliases, which can explode in size."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not supported")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for i, key in enumerate(keys):
            if key in keys[:i]:
                raise yaml.YAMLError(f"key {key!r} stands twice, line {node.value[i][0].start_mark.line + 1}")
        return super().construct_mapping(node, deep)
