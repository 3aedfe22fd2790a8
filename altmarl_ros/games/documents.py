"""YAML documents that nobody vouches for: read strictly, refused by one line that names the key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from altmarl_ros import files
from altmarl_ros.errors import GameError


def read_yaml(path: Path) -> dict[Any, Any]:
    """The mapping in a YAML file.

    Raises:
        GameError: what is wrong with the file; its name is for the caller to add.
    """
    try:
        document = files.read_yaml(path)
    except ValueError as error:
        raise GameError(str(error)) from None
    if not isinstance(document, dict):
        raise GameError(f"must be a mapping of keys, is {type(document).__name__}")
    return document


def validated(model: type[Any], values: dict[Any, Any], prefix: str) -> Any:
    """The pydantic model with these values.

    Raises:
        GameError: naming the first bad key, after `prefix`.
    """
    stranger = next((key for key in values if not isinstance(key, str)), None)
    if stranger is not None:
        raise GameError(f"key {prefix}{stranger!r} must be a string")
    try:
        return model(**values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise GameError(f"{prefix}{where}: {first['msg']}") from None
