"""Loads games by the name of a built-in one or from a YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping

from altmarl_ros.errors import GameError
from altmarl_ros.games.documents import validated
from altmarl_ros.games.game_files.build import build
from altmarl_ros.games.game_files.builders import describe_builder, find_builder
from altmarl_ros.games.game_files.spec import Spec, locate, read_spec
from altmarl_ros.games.tabular import TabularGame, check_name


def load_game(source: str | Path, changes: Mapping[str, Any] | None = None) -> TabularGame:
    """Load the game of a YAML file or of a built-in name such as `warehouse`; `changes` replace builder parameters.

    Raises:
        GameError: the file or the game breaks a rule; one line names the file, the key or array, and the rule.
    """
    path = locate(source)
    try:
        spec = read_spec(path)
        spec.parameters.update(changes or {})
        return build(spec, path.parent)
    except GameError as error:
        raise GameError(f"{path}: {error}") from None


def build_game(
    builder: str, parameters: Mapping[str, Any] | None = None, *, name: str = "", room: Any = None, places: Any = None
) -> TabularGame:
    """Build the game that a YAML file with these keys would describe; `name` is the builder's where it is left out.

    A floor's `map` is looked for in the working directory.

    Raises:
        GameError: no builder has that name, or a parameter breaks a rule; the message names it.
    """
    document = {"name": name or builder, "builder": builder, "parameters": dict(parameters or {})}
    optional = {key: value for key, value in (("room", room), ("places", places)) if value is not None}
    spec: Spec = validated(Spec, {**document, **optional}, "")
    check_name(spec.name)
    return build(spec, Path())


def describe_game(source: str | Path) -> str:
    """Describe a game in one line: by its own description, or else by its builder's."""
    spec = read_spec(locate(source))
    return spec.description or (describe_builder(find_builder(spec.builder)) if spec.builder else "")
