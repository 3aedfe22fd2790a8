"""Checks arrays of numbers from outside, and names the array, the index and the rule that an entry breaks."""

from __future__ import annotations

from typing import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError

ROW_SUM_TOLERANCE = 1e-6
"""How far the sum of a row of probabilities may be from 1, as rows computed in float32 are; such rows are renormalised."""

_LARGEST_VALUE = 1e150  # its square is still a number

EXACT = 1e-13
"""How far the sum of a row may be from 1 without being renormalised: random generators accept such rows."""

NEGLIGIBLE = 1e-15
"""Probability that is less than the rounding of the others of its row; learning leaves it out."""


def frozen_array(name: str, values: ArrayLike, axes: Sequence[str]) -> FloatArray:
    """A read-only copy of finite numbers with these axes.

    Raises:
        GameError: the values are no numbers, not finite, or have other axes; the message names the array and the index.
    """
    array = np.array(real_numbers(name, values), dtype=np.float64, order="C")
    check_axes(name, array, axes)
    check_finite(name, array, axes)
    array.setflags(write=False)
    return array


def real_numbers(name: str, values: ArrayLike) -> NDArray[np.generic]:
    """The values as an array of real numbers of any type, not copied where they are one.

    Raises:
        GameError: they are no array of numbers.
    """
    try:
        given = np.asarray(values)
    except ValueError as error:
        raise GameError(f"{name} is not an array of numbers: {error}") from None
    if given.dtype.kind not in "biuf":
        raise GameError(f"{name} is not an array of numbers: it holds {given.dtype}")
    return given


def check_axes(name: str, array: NDArray[np.generic], axes: Sequence[str]) -> None:
    """Raise GameError unless the array has these axes, none of them empty."""
    if array.ndim != len(axes) or array.size == 0:
        raise GameError(f"{name} has shape {array.shape}, must have the {len(axes)} axes [{', '.join(axes)}], none empty")


def check_finite(name: str, array: FloatArray, axes: Sequence[str]) -> None:
    """Raise GameError, which names the first entry that is not finite, where there is one."""
    if not np.isfinite(array).all():
        index = np.argwhere(~np.isfinite(array))[0]
        raise GameError(f"{name}[{index_text(axes, index)}] is {array[tuple(index)]}, must be finite")


def check_values(name: str, rewards: FloatArray, axes: Sequence[str], gamma: float) -> None:
    """Raise GameError, which names the entry, where a discounted sum of such rewards is too large to compute with."""
    index = tuple(int(i) for i in np.unravel_index(np.abs(rewards).argmax(), rewards.shape))
    if abs(float(rewards[index])) > _LARGEST_VALUE * (1.0 - gamma):
        what = f"{name}[{index_text(axes, index)}] is {rewards[index]}"
        raise GameError(f"{what}: over a long run at gamma {gamma:g} this is too large to compute with")


def distributions(name: str, array: FloatArray, axes: Sequence[str]) -> FloatArray:
    """The array with rows along its last axis that are distributions: renormalised where a sum is not 1 to rounding.

    Raises:
        GameError: an entry is negative or a row does not sum to 1; the message names the array and the index.
    """
    if (array < 0).any():
        index = np.argwhere(array < 0)[0]
        raise negative(name, index_text(axes, index), float(array[tuple(index)]))
    sums = np.atleast_1d(array.sum(axis=-1))
    wrong = np.abs(sums - 1.0) > ROW_SUM_TOLERANCE
    if wrong.any():
        index = np.argwhere(wrong)[0]
        raise wrong_sum(name, f"[{index_text(axes[:-1], index)}]" if array.ndim > 1 else "", float(sums[tuple(index)]))
    if (np.abs(sums - 1.0) > EXACT).any():
        array = array / array.sum(axis=-1, keepdims=True)
        array.setflags(write=False)
    return array


def negative(name: str, where: str, value: float) -> GameError:
    """The refusal of a negative probability at an index such as `s_g=0, a_g=1`."""
    return GameError(f"{name}[{where}] is {value:g}, must not be negative")


def wrong_sum(name: str, row: str, total: float) -> GameError:
    """The refusal of a row such as `[s_g=0, a_g=1]` that does not sum to 1."""
    near = f" within {ROW_SUM_TOLERANCE:g}; divide each row by its sum" if abs(total - 1.0) < 1e-2 else ""
    return GameError(f"{name}{row} sums to {total:.9g}, not 1{near}")


def index_text(axes: Sequence[str], index: Sequence[int] | NDArray[np.intp]) -> str:
    """An index in words, such as `s_g=0, a_g=1`."""
    return ", ".join(f"{axis}={i}" for axis, i in zip(axes, index, strict=False))
