"""Random numbers of many robots at once: one stream per robot and purpose, number for number numpy's.

The j-th number of stream i is the j-th that `np.random.default_rng([seed, purpose, i]).random()` draws. So what a robot draws
depends neither on how many others there are nor on the order in which they draw, and a robot whose streams are kept here
takes the same path as one that holds a numpy generator of its own.

The generator is PCG64 (O'Neill, HMC-CS-2014-0905, XSL-RR output), a 128-bit linear congruential generator

    x <- M x + c_i  (mod 2^128),   draw = top 53 bits of rotate(high(x) ^ low(x), x >> 122)

on 64-bit halves, seeded by numpy's SeedSequence, whose hash is computed for all streams at once.
"""

from __future__ import annotations

from math import cos, log, pi, sqrt
from typing import Sequence

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.compiled import njit

Streams = NDArray[np.uint64]
"""State of n streams [4, n]: both halves of x and of c. Drawing advances it in place."""

GOLDEN = 0.6180339887498949
"""The golden ratio's fraction."""

_M_HIGH, _M_LOW = np.uint64(0x2360ED051FC65DA4), np.uint64(0x4385DF649FCCF645)
_HALF = np.uint64(0xFFFFFFFF)
_0, _1, _11, _32, _58, _63, _64 = (np.uint64(value) for value in (0, 1, 11, 32, 58, 63, 64))
_POOL = 4  # words of a SeedSequence


def make_streams(seed: int, purpose: int, ids: Sequence[int] | NDArray[np.integer]) -> Streams:
    """Return the streams of some ids (each below 2^32) for one purpose, at their beginning [4, len(ids)]."""
    words = _seed_words(seed, purpose, np.asarray(ids, dtype=np.uint32))
    streams = np.zeros((4, len(ids)), dtype=np.uint64)
    streams[2] = (words[2] << _1) | (words[3] >> _63)
    streams[3] = (words[3] << _1) | _1
    _advance_all(streams)
    below = streams[1].copy()
    streams[1] += words[1]
    streams[0] += words[0] + (streams[1] < below)
    _advance_all(streams)
    return streams


def spread(index: float) -> float:
    """Return the fraction of `index` times the golden ratio, in [0, 1): Weyl's sequence.

    Any run of successive indices is spread evenly over the interval, without a random number and however long it is.
    """
    return index * GOLDEN % 1.0


@njit(nogil=True, cache=True)
def uniform(streams, i):  # type: ignore[no-untyped-def]
    """The next number in [0, 1) of stream i."""
    _advance(streams, i)
    word, turn = streams[0, i] ^ streams[1, i], streams[0, i] >> _58
    word = (word >> turn) | (word << ((_64 - turn) & _63))
    return (word >> _11) * (1.0 / 9007199254740992.0)


@njit(nogil=True, cache=True)
def normal(streams, i):  # type: ignore[no-untyped-def]
    """The next standard normal number of stream i (Box and Muller, 1958)."""
    radius = sqrt(-2.0 * log(1.0 - uniform(streams, i)))
    return radius * cos(2.0 * pi * uniform(streams, i))


def draw_uniform(streams: Streams) -> FloatArray:
    """Return the next number in [0, 1) of every stream [n]."""
    out = np.empty(streams.shape[1])
    _draw_all(streams, out)
    return out


def draw_some(streams: Streams, chosen: NDArray[np.integer], count: int) -> FloatArray:
    """Return the next `count` numbers in [0, 1) of some distinct streams [len(chosen), count]."""
    out = np.empty((len(chosen), count))
    _draw_some(streams, chosen, out)
    return out


@njit(nogil=True, cache=True)
def fill_normal(streams, out):  # type: ignore[no-untyped-def]
    """The next standard normal numbers of every stream, out [n, m]."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = normal(streams, i)


@njit(nogil=True, cache=True)
def _draw_all(streams, out):  # type: ignore[no-untyped-def]
    for i in range(len(out)):
        out[i] = uniform(streams, i)


@njit(nogil=True, cache=True)
def _draw_some(streams, chosen, out):  # type: ignore[no-untyped-def]
    for k in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[k, j] = uniform(streams, chosen[k])


@njit(nogil=True, cache=True)
def _high_product(a, b):  # type: ignore[no-untyped-def]
    """Upper 64 bits of a product of two 64-bit numbers."""
    a0, a1, b0, b1 = a & _HALF, a >> _32, b & _HALF, b >> _32
    middle = a1 * b0 + ((a0 * b0) >> _32)
    other = (middle & _HALF) + a0 * b1
    return a1 * b1 + (middle >> _32) + (other >> _32)


@njit(nogil=True, cache=True)
def _advance(streams, i):  # type: ignore[no-untyped-def]
    """One step of stream i: x <- M x + c_i."""
    high, low = streams[0, i], streams[1, i]
    above = _high_product(low, _M_LOW) + high * _M_LOW + low * _M_HIGH
    below = low * _M_LOW
    streams[1, i] = below + streams[3, i]
    streams[0, i] = above + streams[2, i] + (_1 if streams[1, i] < below else _0)


@njit(nogil=True, cache=True)
def _advance_all(streams):  # type: ignore[no-untyped-def]
    for i in range(streams.shape[1]):
        _advance(streams, i)


def _seed_words(seed: int, purpose: int, ids: NDArray[np.uint32]) -> Streams:
    """`np.random.SeedSequence([seed, purpose, i]).generate_state(4, np.uint64)` for each i [4, n]."""
    entropy = [np.uint32(seed & 0xFFFFFFFF)]
    while seed := seed >> 32:
        entropy.append(np.uint32(seed & 0xFFFFFFFF))
    words = [np.full(len(ids), word) for word in (*entropy, np.uint32(purpose))] + [ids]
    words += [np.zeros_like(ids)] * (_POOL - len(words))
    hashed = _Hash(0x43B0D7E5, 0x931E8875)
    pool = [hashed(word) for word in words[:_POOL]]
    for source in range(_POOL):
        for target in range(_POOL):
            if source != target:
                pool[target] = _mix(pool[target], hashed(pool[source]))
    for word in words[_POOL:]:
        for target in range(_POOL):
            pool[target] = _mix(pool[target], hashed(word))
    hashed = _Hash(0x8B51F9DD, 0x58F38DED)
    halves = [hashed(pool[place % _POOL]).astype(np.uint64) for place in range(8)]
    return np.array([low | high << _32 for low, high in zip(halves[::2], halves[1::2], strict=True)])


class _Hash:
    """SeedSequence's hash of 32-bit words, whose constant changes with every use."""

    def __init__(self, constant: int, factor: int) -> None:
        self._constant, self._factor = constant, factor

    def __call__(self, words: NDArray[np.uint32]) -> NDArray[np.uint32]:
        words = words ^ np.uint32(self._constant)
        self._constant = self._constant * self._factor & 0xFFFFFFFF
        words = words * np.uint32(self._constant)
        return words ^ (words >> np.uint32(16))


def _mix(x: NDArray[np.uint32], y: NDArray[np.uint32]) -> NDArray[np.uint32]:
    mixed: NDArray[np.uint32] = x * np.uint32(0xCA01F9DD) - y * np.uint32(0x4973F715)
    mixed ^= mixed >> np.uint32(16)
    return mixed
