"""Reads the arrays of a game from an `.npz`: dense tables, or kernels by what is not zero; writes a game in this form.

In place of P_g a file may hold the parts of a matrix in compressed sparse rows, P_g_indptr, P_g_indices and P_g_data, whose row
s_g * A_g + a_g is the distribution of s_g'; in place of P_l likewise P_l_indptr, P_l_indices and P_l_data, whose row
(kind * A_l + a_l) * S_l + s_l is that of s_l', and moves_at [S_g] with the kind of movement at every s_g. Without moves_at
there is one kind: robots move alike whatever s_g is.

With a hidden state (module hidden) the file has P_d [d, d'] and may have rho_d [D]; P_l and r_l then have d as their first
axis, and moves_at is by regime [D * S_g].
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError
from altmarl_ros.files import read_npz, write_atomically, write_npz
from altmarl_ros.games.array_checks import frozen_array
from altmarl_ros.games.hidden import HiddenState
from altmarl_ros.games.kernels import GlobalKernel, LocalKernel
from altmarl_ros.games.room import Places
from altmarl_ros.games.rows import Rows
from altmarl_ros.games.start import Start
from altmarl_ros.games.tabular import TabularGame

_PARTS = ("indptr", "indices", "data")
_OPTIONAL = ("rho_g", "alpha", "gamma", "P_d", "rho_d")


def game_of_arrays(name: str, path: Path, gamma: float | None) -> TabularGame:
    """The game in an `.npz`; the discount is `gamma`, or among the arrays.

    Raises:
        GameError: the file or the game breaks a rule; the message names the array.
    """
    sparse = tuple(f"{kernel}_{part}" for kernel in ("P_g", "P_l") for part in _PARTS)
    arrays = read_arrays("arrays", path, ("r_g", "r_l"), ("P_g", "P_l", "moves_at", *sparse, *_OPTIONAL))
    if (gamma is None) == ("gamma" not in arrays):
        raise GameError("gamma is missing" if gamma is None else "gamma stands both here and among the arrays")
    hidden = "P_d" in arrays
    if "rho_d" in arrays and not hidden:
        raise GameError(f"arrays: {path} has rho_d, which is for a game with P_d")
    r_g = frozen_array("r_g", arrays["r_g"], ["s_g", "a_g"])
    r_l = frozen_array("r_l", arrays["r_l"], [*(["d"] if hidden else []), "s_l", "s_g", "a_l"])
    (S_g, A_g), (S_l, _, A_l) = r_g.shape, r_l.shape[-3:]
    regimes = S_g * (len(r_l) if hidden else 1)
    P_g = arrays["P_g"] if _is_dense(arrays, path, "P_g") else _global_kernel(arrays, path, S_g, A_g)
    P_l = arrays["P_l"] if _is_dense(arrays, path, "P_l") else _local_kernel(arrays, path, (S_l, regimes, A_l))
    if "P_l" in arrays and "moves_at" in arrays:
        raise GameError(f"arrays: {path} has moves_at, which is for a P_l in sparse rows")
    start = Start(arrays.get("rho_g", np.full(S_g, 1.0 / S_g)), arrays.get("alpha", np.ones(S_l)))
    discount = gamma if gamma is not None else arrays["gamma"].item()
    if not hidden:
        return TabularGame(name, P_g, P_l, r_g, r_l, gamma=discount, start=start)
    state = HiddenState(arrays["P_d"], P_l, r_l, rho_d=arrays.get("rho_d"))
    return TabularGame(name, P_g, r_g=r_g, gamma=discount, start=start, hidden=state)


def arrays_of_game(game: TabularGame) -> dict[str, NDArray[Any]]:
    """The arrays from which `game_of_arrays` makes the same game, kernels by what is not zero; the discount is among them."""
    arrays: dict[str, NDArray[Any]] = {"r_g": game.r_g, "rho_g": game.initial.rho_g, "alpha": game.initial.alpha}
    arrays["gamma"] = np.array(game.gamma)
    hidden, moves = game.hidden, game.local_kernel
    if hidden is None:
        arrays["r_l"] = game.r_l
    else:
        S_l, _, A_l = hidden.r_l.shape
        moves = hidden.local_kernel
        by_hidden = hidden.r_l.reshape(S_l, len(hidden), game.n_global_states, A_l).transpose(1, 0, 2, 3)
        arrays |= {"r_l": np.ascontiguousarray(by_hidden), "P_d": hidden.P_d, "rho_d": hidden.rho_d}
    for name, rows in (("P_g", game.global_kernel.rows), ("P_l", moves.rows)):
        arrays |= {f"{name}_{part}": getattr(rows, part) for part in _PARTS}
    return {**arrays, "moves_at": moves.moves_at}


def beyond_arrays(game: TabularGame) -> str | None:
    """Return what arrays do not say of a game, such as `types of robots`; None: they say all, and `save_game` writes it."""
    if game.continuous is not None:
        return "continuous states"
    if game.groups is not None:
        return "groups of local states"
    return None if game.types is None else "types of robots"


def save_game(game: TabularGame, path: str | Path) -> Path:
    """Write a game as a YAML file and return its path; the arrays go into an `.npz` of the same name beside it.

    Raises:
        GameError: the path does not end in .yaml, a file cannot be written, or the game has what arrays do not say
            (`beyond_arrays`).
    """
    path = Path(path)
    if path.suffix not in (".yaml", ".yml"):
        raise GameError(f"{path}: the file of a game ends in .yaml")
    beyond = beyond_arrays(game)
    if beyond is not None:
        raise GameError(f"{path}: {game.name!r} has {beyond}, which arrays do not say: keep the file that it was made of")
    beside = path.with_suffix(".npz")
    try:
        write_npz(beside, arrays_of_game(game))
        write_atomically(path, yaml.safe_dump(_document(game, beside.name), sort_keys=False, allow_unicode=True).encode())
    except OSError as error:
        raise GameError(f"{path}: cannot be written: {error.strerror or error}") from None
    except ValueError as error:
        raise GameError(f"{path}: {error}") from None
    return path


def read_arrays(key: str, path: Path, required: tuple[str, ...], optional: tuple[str, ...]) -> dict[str, FloatArray]:
    """Read the arrays of an `.npz`, which must hold those that are required and may hold the optional ones.

    Raises:
        GameError: the file cannot be read, lacks an array or has another one; the message begins with `key`.
    """
    try:
        arrays = read_npz(path)
    except ValueError as error:
        raise GameError(f"{key}: {path} {error}") from None
    unknown = sorted(set(arrays) - {*required, *optional})
    missing = [name for name in required if name not in arrays]
    if missing or unknown:
        raise GameError(f"{key}: {path} " + (f"lacks {missing[0]}" if missing else f"has an unknown array {unknown[0]}"))
    return arrays


def _is_dense(arrays: dict[str, FloatArray], path: Path, name: str) -> bool:
    given = [part for part in _PARTS if f"{name}_{part}" in arrays]
    if name in arrays:
        if given:
            raise GameError(f"arrays: {path} has both {name} and {name}_{given[0]}")
        return True
    if not given:
        raise GameError(f"arrays: {path} lacks {name}")
    missing = next((part for part in _PARTS if part not in given), None)
    if missing is not None:
        raise GameError(f"arrays: {path} lacks {name}_{missing}")
    return False


def _global_kernel(arrays: dict[str, FloatArray], path: Path, S_g: int, A_g: int) -> GlobalKernel:
    return GlobalKernel(_rows(arrays, path, "P_g", (S_g * A_g, S_g)), A_g)


def _local_kernel(arrays: dict[str, FloatArray], path: Path, shape: tuple[int, ...]) -> LocalKernel:
    S_l, S_g, A_l = shape
    moves_at = arrays.get("moves_at", np.zeros(S_g))
    if moves_at.shape != (S_g,) or not (moves_at == np.clip(np.round(moves_at), 0, S_g - 1)).all():
        raise GameError(f"arrays: {path} moves_at must hold {S_g} whole numbers, the kinds of movement from 0")
    size = A_l * S_l
    rows = _rows(arrays, path, "P_l", ((int(moves_at.max()) + 1) * size, S_l))
    kinds = [[rows.part(at, at + S_l) for at in range(first, first + size, S_l)] for first in range(0, len(rows), size)]
    return LocalKernel.from_moves(kinds, moves_at.astype(np.int64))


def _rows(arrays: dict[str, FloatArray], path: Path, name: str, shape: tuple[int, int]) -> Rows:
    indptr, indices, data = (np.asarray(arrays[f"{name}_{part}"]) for part in _PARTS)
    entries = len(data) if data.ndim == 1 else -1
    for part, array, size in (("indptr", indptr, shape[0] + 1), ("indices", indices, entries)):
        if array.shape != (size,) or array.dtype.kind not in "iu":
            has = f"{name}_{part} has shape {array.shape} of {array.dtype}"
            raise GameError(f"arrays: {path} {has}, must be ({size},) of integers")
    lengths = np.diff(np.asarray(indptr, dtype=np.int64)).astype(np.int64)
    if indptr[0] != 0 or indptr[-1] != entries or (lengths < 0).any():
        raise GameError(f"arrays: {path} {name}_indptr must ascend from 0 to {entries}, the number of entries")
    if entries and not 0 <= indices.min() <= indices.max() < shape[1]:
        raise GameError(f"arrays: {path} {name}_indices must be 0 to {shape[1] - 1}")
    return Rows.from_entries(np.repeat(np.arange(shape[0]), lengths), indices.astype(np.int64), data, shape)


def _document(game: TabularGame, arrays: str) -> dict[str, Any]:
    document: dict[str, Any] = {"name": game.name, "arrays": arrays}
    for key in ("local_state_names", "global_action_names", "local_action_names"):
        document[key] = [str(name) for name in getattr(game, key)]
    if game.hidden is not None:
        document["hidden_state_names"] = [str(name) for name in game.hidden.names]
    places = game.places or (game.room.places if game.room is not None else None)
    if places is not None and len(places) < game.n_local_states:
        document["places"] = _grouped(places, game)
    if game.room is not None:
        document["room"] = {name: amount for name, amount in game.room.by_place().items() if amount is not None}
    return document


def _grouped(places: Places, game: TabularGame) -> dict[str, list[str]]:
    states = [[game.local_state_names[s] for s in np.flatnonzero(places.of == place)] for place in range(len(places))]
    return dict(zip(places.names, states, strict=True))
