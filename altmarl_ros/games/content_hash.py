"""Hashes of games, the same on every machine, from the kernels' rows and without writing the dense kernels out in memory.

A game whose kernels would fill less than 1 GiB as dense arrays is hashed by these arrays, however it was given; a larger one
by what is not zero in them.
"""

from __future__ import annotations

import hashlib
from itertools import chain
from typing import Any, Iterable, Iterator

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games.kernels import GlobalKernel, LocalKernel
from altmarl_ros.games.rows import MOST_DENSE_BYTES

_DECIMALS = 9  # numbers are rounded, since exp() may differ in its last bit from one processor to the next


def game_hash(about: str, kernels: tuple[GlobalKernel, LocalKernel], arrays: Iterable[Any]) -> str:
    """A hash of 16 hexadecimal digits over `about`, the kernels and the arrays."""
    dense = 8 * sum(int(np.prod(kernel.shape, dtype=object)) for kernel in kernels) <= MOST_DENSE_BYTES
    digest = hashlib.sha256((about if dense else "sparse " + about).encode())
    parts = chain.from_iterable(_dense(kernel) if dense else _sparse(kernel) for kernel in kernels)
    for part in chain(parts, chain.from_iterable(_array(array) for array in arrays)):
        digest.update(part)
    return digest.hexdigest()[:16]


def _dense(kernel: GlobalKernel | LocalKernel) -> Iterator[bytes]:
    yield repr(kernel.shape).encode()
    for block in kernel.blocks():
        yield _bytes(block)


def _sparse(kernel: GlobalKernel | LocalKernel) -> Iterator[bytes]:
    # Entries that are rounded to 0 do not count, and kinds of movement that are rounded to the same are one.
    yield repr(kernel.shape).encode()
    rounded = kernel.rows.rounded(_DECIMALS)
    if isinstance(kernel, GlobalKernel):
        yield rounded.key
        return
    number: dict[bytes, int] = {}
    size = len(rounded) // kernel.n_kinds
    kinds = [rounded.part(first, first + size).key for first in range(0, len(rounded), size)]
    for s_g in range(len(kernel.moves_at)):
        key = kinds[kernel.moves_at[s_g]]
        if key not in number:
            number[key] = len(number)
            yield key
        yield number[key].to_bytes(4, "little")


def _array(array: Any) -> Iterator[bytes]:
    values = np.asarray(array)
    yield repr(values.shape).encode()
    yield _bytes(values)


def _bytes(values: FloatArray) -> bytes:
    with np.errstate(over="ignore"):  # of rewards near the largest number
        return np.ascontiguousarray(np.round(values, _DECIMALS) + 0.0, dtype="<f8").tobytes()
