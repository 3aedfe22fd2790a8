"""A policy over shares as named arrays, for files: the process and the value vectors, with every number that decides.

Kernels and rewards under pi_l are stored as they were computed, so that no machine has to compute them again.

    kernel_indptr, kernel_indices, kernel_data   rows of the distinct kernels P_s, one kernel after the other (CSR)
    kernel_of        [s_g]            kernel of every global state
    local_reward     [s_g, s_l]       r_s
    choice_of        [s_g, a_g]       choice of every action; actions of one state that do and pay the same share one
    choice_reward    [choice]         r_g
    outcome_start    [choice + 1]     where the outcomes of a choice begin
    outcome, outcome_probability      global states that follow, and how likely they are
    alpha            [vector, s_l]    value vectors
    vector_start     [s_g + 1]        where the vectors of a global state begin
    vector_choice    [vector]         choice of each vector's plan
    vector_following                  vector that each outcome of that choice goes on with, in the order of the outcomes
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.errors import BundleError, GameError
from altmarl_ros.policies.shares.lookahead import SharesPolicy
from altmarl_ros.policies.shares.process import IntArray, SharesProcess
from altmarl_ros.policies.shares.vectors import ValueVectors, entries_of

if TYPE_CHECKING:
    from altmarl_ros.games.sparse import Sparse

_AXES = {
    "kernel_indptr": 1,
    "kernel_indices": 1,
    "kernel_of": 1,
    "choice_of": 2,
    "outcome_start": 1,
    "outcome": 1,
    "vector_start": 1,
    "vector_choice": 1,
    "vector_following": 1,
    "kernel_data": 1,
    "local_reward": 2,
    "choice_reward": 1,
    "outcome_probability": 1,
    "alpha": 2,
}
_OF_NUMBERS = ("kernel_data", "local_reward", "choice_reward", "outcome_probability", "alpha")
_MOST_OUTCOMES = 1 << 26  # of all actions together; a small file could ask for more

ARRAYS = frozenset(_AXES)
"""Names of all arrays."""


def arrays_of(policy: SharesPolicy) -> dict[str, NDArray[Any]]:
    """The arrays of a policy by name."""
    process, vectors = policy.process, policy.vectors
    return {
        "kernel_indptr": process.arrays.indptr,
        "kernel_indices": process.arrays.indices,
        "kernel_data": process.arrays.data,
        "kernel_of": process.arrays.kernel_of,
        "local_reward": process.arrays.reward,
        "choice_of": process.choice_of,
        "choice_reward": process.arrays.choice_reward,
        "outcome_start": process.arrays.outcome_start,
        "outcome": process.outcome_successor,
        "outcome_probability": process.arrays.outcome_probability,
        "alpha": vectors.alpha,
        "vector_start": vectors.start,
        "vector_choice": vectors.choice,
        "vector_following": vectors.following,
    }


def policy_from(arrays: Mapping[str, NDArray[Any]], gamma: float) -> SharesPolicy:
    """Make the policy that `arrays_of` took apart, from arrays that anybody may have written.

    Raises:
        BundleError: an array does not fit the others, or breaks a rule of a process or of value vectors.
    """
    given = {name: _checked(name, arrays[name]) for name in _AXES}
    try:
        process = _process(given, gamma)
        return SharesPolicy(process, _vectors(given, process))
    except (GameError, ValueError, IndexError) as error:
        raise BundleError(f"its policy over shares is damaged: {' '.join(str(error).split())}") from None


def _checked(name: str, array: NDArray[Any]) -> NDArray[Any]:
    of_numbers = name in _OF_NUMBERS
    good = array.ndim == _AXES[name] and array.size > 0 and array.dtype.kind in ("f" if of_numbers else "iu")
    if not good or not (np.isfinite(array).all() if of_numbers else (array >= 0).all()):
        what = "finite numbers" if of_numbers else "whole numbers from 0 on"
        raise BundleError(f"array {name!r} has shape {array.shape} of {array.dtype}, must have {_AXES[name]} axes of {what}")
    return np.ascontiguousarray(array, dtype=np.float64 if of_numbers else np.int64)


def _process(given: Mapping[str, NDArray[Any]], gamma: float) -> SharesProcess:
    from altmarl_ros.games.sparse import Sparse  # scipy.sparse: bundles with a ladder are read without, and sooner

    S_g, S_l = given["local_reward"].shape
    choice_of, starts = given["choice_of"], given["outcome_start"]
    choices = len(given["choice_reward"])
    if choice_of.shape[0] != S_g or choice_of.max() >= choices:
        raise ValueError(f"choice_of has shape {choice_of.shape} up to {choice_of.max()}, must name {choices} choices")
    _check_starts("outcome_start", starts, choices, len(given["outcome"]))
    if int(np.diff(starts)[choice_of].sum()) > _MOST_OUTCOMES:
        raise ValueError(f"its actions have more than {_MOST_OUTCOMES} outcomes")
    rows = choice_of.ravel()
    entries = entries_of(starts, rows)
    lengths = np.diff(starts)[rows]
    P_g = Sparse(
        (given["outcome_probability"][entries], given["outcome"][entries], np.concatenate([[0], np.cumsum(lengths)])),
        shape=(len(rows), S_g),
    )
    P_g.check_format(full_check=True)
    r_g = given["choice_reward"][choice_of]
    kernels = _kernels(given, S_l)
    return SharesProcess(kernels, given["kernel_of"], given["local_reward"], P_g, r_g, gamma=gamma)


def _kernels(given: Mapping[str, NDArray[Any]], S_l: int) -> list[Sparse]:
    from altmarl_ros.games.sparse import Sparse  # as above

    indptr, indices, data = given["kernel_indptr"], given["kernel_indices"], given["kernel_data"]
    rows = len(indptr) - 1
    if rows % S_l:
        raise ValueError(f"kernel_indptr has {rows} rows, must have whole kernels of {S_l}")
    _check_starts("kernel_indptr", indptr, rows, len(indices))
    kernels = []
    for first in range(0, rows, S_l):
        of_kernel = indptr[first : first + S_l + 1]
        part = slice(of_kernel[0], of_kernel[-1])
        kernel = Sparse((data[part], indices[part], of_kernel - of_kernel[0]), shape=(S_l, S_l))
        kernel.check_format(full_check=True)
        kernels.append(kernel)
    return kernels


def _vectors(given: Mapping[str, NDArray[Any]], process: SharesProcess) -> ValueVectors:
    choice = given["vector_choice"]
    if choice.max() >= len(process.arrays.choice_reward):
        raise ValueError(f"vector_choice names choice {choice.max()}, there are {len(process.arrays.choice_reward)}")
    lengths = np.diff(process.arrays.outcome_start)[choice]
    following_start: IntArray = np.concatenate([[0], np.cumsum(lengths)])
    return ValueVectors(given["alpha"], given["vector_start"], choice, given["vector_following"], following_start)


def _check_starts(name: str, starts: IntArray, rows: int, entries: int) -> None:
    if len(starts) != rows + 1 or starts[0] != 0 or starts[-1] != entries or (np.diff(starts) < 0).any():
        raise ValueError(f"{name} must rise from 0 to {entries} in {rows} steps")
