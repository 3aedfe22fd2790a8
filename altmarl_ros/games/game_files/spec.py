"""What stands in the YAML file of a game, and where the file is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional

from pydantic import BaseModel, Field

from altmarl_ros.errors import GameError
from altmarl_ros.games.documents import read_yaml, validated
from altmarl_ros.games.floor_parameters import FloorMapParameters
from altmarl_ros.games.game_files.builders import find_builder
from altmarl_ros.games.tabular import check_name
from altmarl_ros.games.types import TypeSpec
from altmarl_ros.games.written_tables import WrittenTables
from altmarl_ros.resources import share_directory

KINDS = ("builder", "arrays", "tables")
"""A game has one of these keys."""

IDENTIFIED_ARRAYS = ("P_l", "standard_error", "transitions", "alpha", "P_d", "spread")
"""In the file that a game names under `identified`."""


class Spec(BaseModel, extra="forbid"):
    """The keys of a game's file; `read_spec` checks which go together."""

    # Annotations use typing's Optional, Dict and List, since pydantic 1 evaluates them on old interpreters as well.
    name: str = Field(..., min_length=1, max_length=64)
    description: str = Field("", max_length=200)
    builder: Optional[str] = None
    parameters: Dict[str, Any] = Field(default_factory=dict)
    arrays: Optional[str] = None
    tables: Optional[WrittenTables] = None
    gamma: Optional[float] = None
    identified: Optional[str] = None
    room: Any = None
    places: Optional[Dict[str, List[str]]] = None
    types: Optional[Dict[str, TypeSpec]] = None
    local_state_names: List[str] = Field(default_factory=list)
    global_action_names: List[str] = Field(default_factory=list)
    local_action_names: List[str] = Field(default_factory=list)
    hidden_state_names: List[str] = Field(default_factory=list)


def builtin_games() -> list[str]:
    """List the names of the games that are installed with the package."""
    return _builtin("games")


def _builtin(kind: str) -> list[str]:
    return sorted(file.stem for file in (share_directory() / "config" / kind).glob("*.yaml"))


def locate(source: str | Path, kinds: tuple[str, ...] = ("games",)) -> Path:
    """The file of a built-in name, or this path; a file that happens to have a built-in's bare name is meant by `./name`."""
    path = Path(source)
    try:
        for kind in kinds if path.name == str(source) else ():
            builtin = share_directory() / "config" / kind / f"{source}.yaml"
            if builtin.is_file():
                return builtin
        if path.suffix in (".yaml", ".yml") or path.exists():
            return path
    except (OSError, ValueError) as error:  # no file can have this name
        raise GameError(f"{str(source)!r} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    known = sorted({name for kind in kinds for name in _builtin(kind)})
    raise GameError(
        f"no {' or '.join(kind[:-1] for kind in kinds)} {str(source)!r}: give a YAML file or one of {', '.join(known)}"
    )


def read_spec(path: Path) -> Spec:
    """Read the file of a game.

    Raises:
        GameError: a key is missing, unknown or bad; the caller adds the file's name to the message.
    """
    document = read_yaml(path)
    if "zones" in document and not set(KINDS) & set(document):
        raise GameError("is a floor map, not a game; a game on it has the keys name, builder: floor, parameters: {map: FILE}")
    if "robots" in document and not set(KINDS) & set(document):
        raise GameError("is a fleet file, not a game; it names its game under 'game'")
    spec: Spec = validated(Spec, document, "")
    check_name(spec.name)
    if sum(getattr(spec, key) is not None for key in KINDS) != 1:
        raise GameError("needs exactly one of the keys 'builder', 'arrays' and 'tables'")
    return spec


def checked_parameters(spec: Spec, model: type[BaseModel], folder: Path) -> Any:
    """Validate the builder's parameters; the keys of the file that a floor's `map` names are added to them."""
    given = dict(spec.parameters)
    if issubclass(model, FloorMapParameters) and "map" in given:
        name = given.pop("map")
        if not isinstance(name, str):
            raise GameError("parameters.map must be the name of a YAML file")
        try:
            document = read_yaml(folder / name)
            validated(FloorMapParameters, document, "")
        except GameError as error:
            raise GameError(f"parameters.map: {folder / name}: {error}") from None
        twice = next((key for key in document if key in given), None)
        if twice is not None:
            raise GameError(f"parameters.{twice} stands both here and in the map {name}")
        given = {**document, **given}
    return validated(model, given, "parameters.")


def floor_parameters(spec: Spec, folder: Path) -> Any:
    """The parameters of a builder of games on floors; None for other games."""
    model = find_builder(spec.builder).parameters if spec.builder else BaseModel
    return checked_parameters(spec, model, folder) if issubclass(model, FloorMapParameters) else None
