"""Packs a local policy into few bytes, and unpacks what others have packed within bounds.

The first byte names the form, the rest is compressed by zlib:

    EXACT      float64, of policies with up to 32768 entries: nothing is lost
    GREEDY     the action of each (s_l, s_g), of policies that are certain of it: nothing is lost
    QUANTISED  probabilities as counts of 1/65535; action values as float16 shares of the largest gap to a row's best

Coordinator and robots use the policy as it is after unpacking (`as_on_the_wire`), so that they act and expect by the same one.
"""

from __future__ import annotations

import math
import struct
import zlib
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import BundleError
from altmarl_ros.policies.local_policy import LocalPolicy

MOST_ENTRIES = 1 << 21
"""Largest S_l S_g A_l of a policy on the wire: 16 MiB where it is unpacked, of which a robot holds a few."""

MOST_EXACT = 1 << 15
"""Largest number of entries that are sent as they are; their action values are always sent with them."""

_UNIT = 65535  # of quantised probabilities

Shape = tuple[int, int, int]


class Form(IntEnum):
    """What the bytes after the first are."""

    EXACT = 0
    GREEDY = 1
    QUANTISED = 2


def pack_probabilities(p: FloatArray) -> bytes:
    """Pack the probabilities pi_l [s_l, s_g, a_l]."""
    if (p.max(axis=-1) == 1.0).all():
        return _packed(Form.GREEDY, p.argmax(axis=-1).astype(_action_type(p.shape[2])).tobytes())
    if p.size <= MOST_EXACT:
        return _packed(Form.EXACT, p.astype("<f8").tobytes())
    return _packed(Form.QUANTISED, _counts(p).astype("<u2").tobytes())


def unpack_probabilities(packed: bytes, shape: Shape) -> FloatArray:
    """The probabilities [s_l, s_g, a_l] in packed bytes from outside.

    Raises:
        ValueError: the bytes are damaged or no probabilities of this shape; the message begins with `probabilities`.
    """
    S_l, S_g, A_l = _checked(shape)
    form = _form("probabilities", packed, (Form.EXACT, Form.GREEDY, Form.QUANTISED))
    if form is Form.EXACT:
        return _numbers("probabilities", packed, "<f8", shape).astype(np.float64)
    if form is Form.QUANTISED:
        counts = _numbers("probabilities", packed, "<u2", shape)
        if (counts.sum(axis=-1, dtype=np.int64) != _UNIT).any():
            raise ValueError(f"probabilities have a row that does not sum to {_UNIT}")
        return np.asarray(counts / float(_UNIT))
    actions = _numbers("probabilities", packed, _action_type(A_l), (S_l, S_g))
    if actions.max() >= A_l:
        raise ValueError(f"probabilities name action {actions.max()}, must be below {A_l}")
    return np.asarray(np.eye(A_l)[actions])


def pack_action_values(Q: FloatArray) -> bytes:
    """Pack the action values Q [s_l, s_g, a_l]; of large ones only the gaps to the best action of each row."""
    if Q.size <= MOST_EXACT:
        return _packed(Form.EXACT, Q.astype("<f8").tobytes())
    gaps = Q - Q.max(axis=-1, keepdims=True)
    scale = float(-gaps.min()) or 1.0
    return _packed(Form.QUANTISED, struct.pack("<d", scale) + (gaps / scale).astype("<f2").tobytes())


def unpack_action_values(packed: bytes, shape: Shape) -> FloatArray:
    """The action values [s_l, s_g, a_l] in packed bytes from outside.

    Raises:
        ValueError: the bytes are damaged or no values of this shape; the message begins with `action_values`.
    """
    _checked(shape)
    if _form("action_values", packed, (Form.EXACT, Form.QUANTISED)) is Form.EXACT:
        values = _numbers("action_values", packed, "<f8", shape)
    else:
        content = _unpacked("action_values", packed, 8 + 2 * math.prod(shape))
        with np.errstate(all="ignore"):  # what is not finite is refused below
            values = struct.unpack("<d", content[:8])[0] * np.frombuffer(content[8:], dtype="<f2").astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("action_values hold a number that is not finite")
    return np.array(values, dtype=np.float64).reshape(shape)


def as_on_the_wire(policy: LocalPolicy) -> LocalPolicy:
    """The policy as robots have it that were sent it; the policy itself where nothing is lost."""
    p, Q = policy.probabilities, policy.action_values
    if p.size <= MOST_EXACT:
        return policy
    return LocalPolicy(
        unpack_probabilities(pack_probabilities(p), p.shape),
        None if Q is None else unpack_action_values(pack_action_values(Q), Q.shape),
    )


def unpacked_policy(shape: Shape, probabilities: bytes, action_values: bytes) -> LocalPolicy:
    """The policy in packed bytes from outside; `action_values` may be empty.

    Raises:
        ValueError: see `unpack_probabilities` and `unpack_action_values`.
    """
    p = unpack_probabilities(probabilities, shape)
    try:
        return LocalPolicy(p, unpack_action_values(action_values, shape) if action_values else None)
    except BundleError as error:
        raise ValueError(f"probabilities: {error}") from None


def _packed(form: Form, content: bytes) -> bytes:
    return bytes([form]) + zlib.compress(content)


def _form(name: str, packed: bytes, allowed: tuple[Form, ...]) -> Form:
    if not packed or packed[0] not in allowed:
        raise ValueError(f"{name} are of form {packed[0] if packed else 'none'}, must be of {[int(form) for form in allowed]}")
    return Form(packed[0])


def _checked(shape: Shape) -> Shape:
    if not 0 < math.prod(shape) <= MOST_ENTRIES:
        raise ValueError(f"shape {shape} has {math.prod(shape)} entries, must have 1 to {MOST_ENTRIES}")
    return shape


def _unpacked(name: str, packed: bytes, size: int) -> bytes:
    stream = zlib.decompressobj()
    try:
        content = stream.decompress(packed[1:], size + 1)
    except zlib.error as error:
        raise ValueError(f"{name} are damaged: {error}") from None
    if len(content) != size or not stream.eof or stream.unused_data:
        raise ValueError(f"{name} do not hold {size} bytes when unpacked")
    return content


def _numbers(name: str, packed: bytes, kind: str, shape: tuple[int, ...]) -> NDArray[Any]:
    size = np.dtype(kind).itemsize * math.prod(shape)
    return np.frombuffer(_unpacked(name, packed, size), dtype=kind).reshape(shape)


def _action_type(A_l: int) -> str:
    return "<u1" if A_l <= 256 else "<u2"


def _counts(p: FloatArray) -> NDArray[np.int64]:
    # Rounded down, and what is left goes to the entries that lost most: rows sum to the unit, so packing again changes nothing.
    exact = p * _UNIT
    counts = np.floor(exact).astype(np.int64)
    order = np.argsort(counts - exact, axis=-1, kind="stable")
    missing = _UNIT - counts.sum(axis=-1, keepdims=True)
    first = np.arange(p.shape[2]) < missing
    np.put_along_axis(counts, order, np.take_along_axis(counts, order, axis=-1) + first, axis=-1)
    return counts
