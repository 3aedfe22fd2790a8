"""The coordinator's sign of life on a link, in 17 bytes, and the list of states that its hash stands for.

Every tick carries one as its attachment, so that beacons of their own are sent only where ticks are rarer than a third of the
lease.
"""

from __future__ import annotations

import json
import re
import struct
from dataclasses import dataclass
from hashlib import blake2b
from typing import Mapping, Sequence

from altmarl_ros.links.store import digest_of
from altmarl_ros.links.table import state_flow

_FORM = struct.Struct("<8sB8s")
_DIGEST = re.compile(r"[0-9a-f]{32}")
_MOST_CONTENTS = 8  # of one state

MOST_LIST_BYTES = 1 << 14
"""Largest list of states."""


@dataclass(frozen=True)
class Beacon:
    """One sign of life.

    Attributes:
        instance: 8 random bytes of the coordinator's end, new with each of its starts.
        alive: whether the coordinator itself is alive.
        states: hash of the list of states, 8 bytes.
    """

    instance: bytes
    alive: bool
    states: bytes

    def to_bytes(self) -> bytes:
        """Pack it."""
        return _FORM.pack(self.instance, self.alive, self.states)


def read_beacon(content: bytes) -> Beacon | None:
    """Unpack a beacon; None where the content is none."""
    if len(content) != _FORM.size:
        return None
    instance, alive, states = _FORM.unpack(content)
    return Beacon(instance, bool(alive), states)


@dataclass(frozen=True)
class State:
    """What a latched topic holds.

    Attributes:
        number: counts its changes.
        contents: hash and size [bytes] of each of its messages, oldest first.
    """

    number: int
    contents: tuple[tuple[str, int], ...]


def pack_states(states: Mapping[str, tuple[int, Sequence[bytes]]]) -> bytes:
    """Pack the list of states: for each of them the number of its changes, and hash and size of its messages."""
    listed = {
        name: [number, [[digest_of(content), len(content)] for content in contents]]
        for name, (number, contents) in states.items()
    }
    return json.dumps(listed, separators=(",", ":"), sort_keys=True).encode()


def hash_of(packed: bytes) -> bytes:
    """Return the hash of a packed list, as beacons carry it."""
    return blake2b(packed, digest_size=8).digest()


def read_states(packed: bytes) -> dict[str, State]:
    """Unpack a list of states.

    Raises:
        ValueError: it is none.
    """
    if len(packed) > MOST_LIST_BYTES:
        raise ValueError(f"is larger than {MOST_LIST_BYTES} bytes")
    try:
        document = json.loads(packed)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    if not isinstance(document, dict):
        raise ValueError("is no list of states")
    states = {}
    for name, line in document.items():
        if state_flow(name) is None:
            raise ValueError(f"names {name[:40]!r}, which is no state")
        if not (isinstance(line, list) and len(line) == 2 and type(line[0]) is int and isinstance(line[1], list)):
            raise ValueError(f"has no number and hashes for {name}")
        number, contents = line
        if len(contents) > _MOST_CONTENTS or not all(map(_is_content, contents)):
            raise ValueError(f"has no hashes and sizes for {name}")
        states[name] = State(number, tuple((digest, size) for digest, size in contents))
    return states


def _is_content(found: object) -> bool:
    if not (isinstance(found, list) and len(found) == 2 and isinstance(found[0], str)):
        return False
    return bool(_DIGEST.fullmatch(found[0])) and type(found[1]) is int and found[1] >= 0
