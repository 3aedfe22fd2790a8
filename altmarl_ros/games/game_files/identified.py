"""Writes games whose kernel or parameters were identified from records, and reads the posterior of such a kernel."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping

import numpy as np
import yaml

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError
from altmarl_ros.files import write_atomically, write_npz
from altmarl_ros.games.array_files import read_arrays
from altmarl_ros.games.documents import read_yaml
from altmarl_ros.games.game_files.spec import IDENTIFIED_ARRAYS, locate, read_spec
from altmarl_ros.games.identification import IdentifiedKernel, draw_kernels
from altmarl_ros.games.tabular import TabularGame

_MOST_BYTES = 1 << 26  # of an array that is written out for every s_g: all four together can be read again


def save_identified_game(source: str | Path, kernel: IdentifiedKernel, path: Path, P_d: FloatArray | None = None) -> None:
    """Write a copy of a game with the identified P_l, and P_d: a YAML file at `path`, the arrays in an `.npz` beside it.

    Raises:
        GameError: the source is not a game, or a file cannot be written.
    """
    beside = path.with_suffix(".npz")
    document = _copied(source, path)
    if isinstance(document.get("arrays"), str) and (path.absolute().parent / document["arrays"]).resolve() == beside.resolve():
        raise GameError(f"{path}: {beside.name} holds the arrays of {source}; choose another name")
    save_identified(kernel, beside, P_d)
    _write_document({**document, "identified": beside.name}, path)


def save_changed_game(source: str | Path, changes: Mapping[str, float], path: Path) -> None:
    """Write a copy of a game with other values of its builder's parameters, a YAML file at `path`.

    Raises:
        GameError: the source is not a game, or the file cannot be written.
    """
    document = _copied(source, path)
    document["parameters"] = {**(document.get("parameters") or {}), **changes}
    _write_document(document, path)


def _copied(source: str | Path, path: Path) -> dict[str, Any]:
    """The document of a game as it has to be in a file elsewhere, without what was identified."""
    original = locate(source)
    document = {key: value for key, value in read_yaml(original).items() if key != "identified"}
    parameters = document.get("parameters")
    if isinstance(parameters, dict) and isinstance(parameters.get("map"), str):
        floor = (original.parent / parameters["map"]).absolute()
        document["parameters"] = {**parameters, "map": os.path.relpath(floor, path.absolute().parent)}
    if isinstance(document.get("arrays"), str):
        arrays = (original.parent / document["arrays"]).absolute()
        document["arrays"] = os.path.relpath(arrays, path.absolute().parent)
    return {**document, "name": path.stem[:64]}


def _write_document(document: Mapping[str, Any], path: Path) -> None:
    try:
        write_atomically(path, yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True).encode())
    except OSError as error:
        raise GameError(f"{path}: cannot be written: {error.strerror or error}") from None


def save_identified(kernel: IdentifiedKernel, path: Path, P_d: FloatArray | None = None) -> None:
    """Write the arrays P_l, standard_error, transitions and alpha to an `.npz`, for the key `identified`.

    With rows that were pooled where they are alike, spread is written as well.
    With a hidden state they are by regime d * S_g + s_g in place of s_g, and P_d is written as well.
    Where robots move alike at all s_g, large arrays have one entry for them all.
    """
    arrays = {name: getattr(kernel, name) for name in IDENTIFIED_ARRAYS if name not in ("P_d", "spread")}
    if P_d is not None:
        arrays["P_d"] = P_d
    if kernel.spread is not None:
        arrays["spread"] = np.array(kernel.spread)
    for name, array in arrays.items():
        if array.nbytes > _MOST_BYTES and kernel.alpha.shape[1] == 1 and name in ("P_l", "standard_error"):
            arrays[name] = array[:, :1]
    try:
        write_npz(path, arrays)
    except ValueError as error:
        raise GameError(f"{path}: {error}") from None


@dataclass(frozen=True, eq=False)
class Posterior:
    """A posterior over P_l.

    Attributes:
        alpha: Dirichlet parameters [s_l, s_g or 1, a_l, s_l'], whose means are the game's P_l; the second axis has one entry,
            or one for each hidden state, where the rows of all s_g were pooled.
        spread: see IdentifiedKernel.
    """

    alpha: FloatArray
    spread: float | None = None

    def draw(self, size: int, rng: np.random.Generator) -> FloatArray:
        """Draw kernels of so many runs [size, s_l, s_g or 1, a_l, s_l']."""
        return draw_kernels(self.alpha, size, rng, self.spread)


def load_posterior(source: str | Path, game: TabularGame) -> Posterior | None:
    """Load the posterior over the game's P_l.

    The result is None if the game's kernel was not identified, or if only its mean was kept.

    Raises:
        GameError: the file is bad or does not fit the game; one line names the file and what is wrong with it.
    """
    path = locate(source)
    try:
        spec = read_spec(path)
        if spec.identified is None:
            return None
        arrays = read_arrays("identified", path.parent / spec.identified, ("P_l",), IDENTIFIED_ARRAYS)
        if "alpha" not in arrays:
            return None
        spread = arrays.get("spread")
        if spread is not None and not (spread.shape == () and spread > 0):
            raise GameError("identified: spread must be one number above 0")
        return Posterior(_checked_alpha(arrays["alpha"], game), None if spread is None else float(spread))
    except GameError as error:
        raise GameError(f"{path}: {error}") from None


def _checked_alpha(alpha: FloatArray, game: TabularGame) -> FloatArray:
    kernel = game.local_kernel if game.hidden is None else game.hidden.local_kernel
    S_l, S_g, A_l, _ = kernel.shape
    pooled = game.n_hidden_states  # entries of the second axis if rows of all s_g are pooled
    if alpha.shape not in ((S_l, S_g, A_l, S_l), (S_l, pooled, A_l, S_l)):
        raise GameError(f"identified: alpha has shape {alpha.shape}, must be {(S_l, S_g, A_l, S_l)}")
    total = alpha.sum(axis=-1, keepdims=True)
    if not (np.isfinite(total).all() and (alpha >= 0).all() and (total > 0).all()):
        raise GameError("identified: alpha must be finite and not negative, and positive somewhere in each row")
    if alpha.shape[1] == 1:
        same = not kernel.feels_global_state and np.allclose(alpha / total, kernel.shared_table(), atol=1e-6)
    else:
        alike = S_g // alpha.shape[1]
        same = np.allclose(np.repeat(alpha / total, alike, axis=1), np.stack(list(kernel.blocks())), atol=1e-6)
    if not same:
        raise GameError("identified: P_l is not the mean of the posterior with parameters alpha")
    return alpha
