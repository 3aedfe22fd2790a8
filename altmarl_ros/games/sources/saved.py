"""Writes copies of games: with other parameters, or with kernels that were identified from runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Mapping

import yaml

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError
from altmarl_ros.files import write_atomically, write_npz
from altmarl_ros.games.documents import read_yaml
from altmarl_ros.games.identification import IdentifiedKernel
from altmarl_ros.games.sources.located import locate

_MOST_BYTES = 1 << 26  # of an array that is written out for every s_g: all four together can be read again
IDENTIFIED_ARRAYS = ("P_l", "standard_error", "transitions", "alpha", "P_d")
"""Arrays that the file of an identified kernel may hold."""


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

    With a hidden state they are by regime d * S_g + s_g in place of s_g, and P_d is written as well.
    Where robots move alike at all s_g, large arrays have one entry for them all.
    """
    arrays = {name: getattr(kernel, name) for name in IDENTIFIED_ARRAYS if name != "P_d"}
    if P_d is not None:
        arrays["P_d"] = P_d
    for name, array in arrays.items():
        if array.nbytes > _MOST_BYTES and kernel.alpha.shape[1] == 1 and name in ("P_l", "standard_error"):
            arrays[name] = array[:, :1]
    try:
        write_npz(path, arrays)
    except ValueError as error:
        raise GameError(f"{path}: {error}") from None
