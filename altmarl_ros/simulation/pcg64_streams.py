"""Many of numpy's random generators at once, number for number.

Stream i draws what `np.random.default_rng([seed, kind, i]).random()` draws: PCG64 (O'Neill, HMC-CS-2014-0905,
XSL-RR output), a 128-bit linear congruential generator

    x <- M x + c_i  (mod 2^128),   draw = top 53 bits of rotate(high(x) ^ low(x), x >> 122)

on two arrays of 64-bit halves, seeded by SeedSequence's hash on arrays.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.compiled import njit

UintArray = NDArray[np.uint64]

_M_HIGH, _M_LOW = np.uint64(0x2360ED051FC65DA4), np.uint64(0x4385DF649FCCF645)
_HALF = np.uint64(0xFFFFFFFF)
_32, _58, _63, _64, _11 = np.uint64(32), np.uint64(58), np.uint64(63), np.uint64(64), np.uint64(11)
_1 = np.uint64(1)
_POOL = 4  # words of a SeedSequence


@njit(nogil=True, cache=True)
def _high_product(a, b):  # type: ignore[no-untyped-def]
    """Upper 64 bits of a product of two 64-bit numbers."""
    a0, a1, b0, b1 = a & _HALF, a >> _32, b & _HALF, b >> _32
    middle = a1 * b0 + ((a0 * b0) >> _32)
    other = (middle & _HALF) + a0 * b1
    return a1 * b1 + (middle >> _32) + (other >> _32)


@njit(nogil=True, cache=True)
def _advance(high, low, c_high, c_low):  # type: ignore[no-untyped-def]
    """All states one step on, in place."""
    for i in range(len(high)):
        product = _high_product(low[i], _M_LOW) + high[i] * _M_LOW + low[i] * _M_HIGH
        below = low[i] * _M_LOW
        low[i] = below + c_low[i]
        high[i] = product + c_high[i] + (_1 if low[i] < below else np.uint64(0))


@njit(nogil=True, cache=True)
def _draw(high, low, c_high, c_low, out):  # type: ignore[no-untyped-def]
    _advance(high, low, c_high, c_low)
    for i in range(len(high)):
        word, turn = high[i] ^ low[i], high[i] >> _58
        word = (word >> turn) | (word << ((_64 - turn) & _63))
        out[i] = (word >> _11) * (1.0 / 9007199254740992.0)


def _seed_words(seed: int, kind: int, ids: NDArray[np.uint32]) -> UintArray:
    """`np.random.SeedSequence([seed, kind, i]).generate_state(4, np.uint64)` for each i [4, n]."""
    entropy = [np.uint32(seed & 0xFFFFFFFF)]
    while seed := seed >> 32:
        entropy.append(np.uint32(seed & 0xFFFFFFFF))
    words = [np.full(len(ids), word) for word in (*entropy, np.uint32(kind))] + [ids]
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


class Streams:
    """Independent generators, one per id."""

    def __init__(self, seed: int, kind: int, ids: range) -> None:
        words = _seed_words(seed, kind, np.arange(ids.start, ids.stop, dtype=np.uint32))
        self._c_high = (words[2] << _1) | (words[3] >> _63)
        self._c_low = (words[3] << _1) | _1
        self._high, self._low = np.zeros_like(words[0]), np.zeros_like(words[0])
        self._step()
        below = self._low.copy()
        self._low += words[1]
        self._high += words[0] + (self._low < below)
        self._step()

    def random(self) -> NDArray[np.float64]:
        """One draw from U[0, 1) of every stream [n]."""
        out = np.empty(len(self._high))
        _draw(self._high, self._low, self._c_high, self._c_low, out)
        return out

    def _step(self) -> None:
        _advance(self._high, self._low, self._c_high, self._c_low)
