"""Encodes what a browser gets in one WebSocket message: a JSON head and columns of numbers.

uint32   length of the head in bytes; the columns begin at a multiple of 4
head     JSON (UTF-8), padded with blanks; `columns` lists [name, type, length] of what follows
columns  little-endian, each padded to a multiple of 4 bytes
"""

from __future__ import annotations

import json
import math
from typing import Any, Mapping

import numpy as np
from numpy.typing import NDArray

_TYPES = {"u1": "u1", "u2": "<u2", "u4": "<u4", "f4": "<f4"}


def encode(head: Mapping[str, Any], columns: Mapping[str, NDArray[Any]]) -> bytes:
    """Encode a message; numbers in the head that are not finite become null."""
    listed = [[name, _type(column), len(column)] for name, column in columns.items()]
    text = json.dumps(_finite({**head, "columns": listed}), separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    parts = [len(text).to_bytes(4, "little"), text]
    for column in columns.values():
        data = column.astype(_TYPES[_type(column)], copy=False).tobytes()
        parts.append(data + b"\0" * (-len(data) % 4))
    return b"".join(parts)


def decode(frame: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return head and columns of a message, as a browser decodes it."""
    end = 4 + int.from_bytes(frame[:4], "little")
    head = json.loads(frame[4:end])
    columns = {}
    for name, kind, length in head["columns"]:
        columns[name] = np.frombuffer(frame, dtype=_TYPES[kind], count=length, offset=end)
        end += columns[name].nbytes + -columns[name].nbytes % 4
    return head, columns


def _type(column: NDArray[Any]) -> str:
    return f"{column.dtype.kind}{column.dtype.itemsize}"


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
