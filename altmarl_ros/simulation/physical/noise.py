"""Random numbers inside compiled loops: every robot has a stream of its own for every purpose.

SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014): a counter that is
mixed. The counters start at hashes of (seed, purpose, robot), so that what robot i draws depends neither on how
many robots there are nor on how often another sensor is read.
"""

from __future__ import annotations

from enum import IntEnum
from math import cos, log, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.compiled import njit

Counters = NDArray[np.uint64]


class Purpose(IntEnum):
    """What a stream is drawn for."""

    DRIVE = 10
    ODOMETRY = 11
    LOCALISATION = 12
    LASER = 13


def counters(seed: int, purpose: Purpose, n: int) -> Counters:
    """Where the streams of n robots begin [n]."""
    return np.array([np.random.SeedSequence([seed, purpose, i]).generate_state(1, np.uint64)[0] for i in range(n)], np.uint64)


_STEP, _M1, _M2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_30, _27, _31, _11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)


@njit(nogil=True, cache=True)
def uniform(streams, i):  # type: ignore[no-untyped-def]
    """The next number in [0, 1) of stream i."""
    streams[i] += _STEP
    x = streams[i]
    x = (x ^ (x >> _30)) * _M1
    x = (x ^ (x >> _27)) * _M2
    return ((x ^ (x >> _31)) >> _11) * 2.0**-53


@njit(nogil=True, cache=True)
def normal(streams, i):  # type: ignore[no-untyped-def]
    """The next standard normal number of stream i (Box and Muller, 1958)."""
    radius = sqrt(-2.0 * log(1.0 - uniform(streams, i)))
    return radius * cos(2.0 * pi * uniform(streams, i))


@njit(nogil=True, cache=True)
def fill_normal(streams, out):  # type: ignore[no-untyped-def]
    """The next standard normal numbers of every stream, out [n, m]."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = normal(streams, i)
