"""Reads YAML documents from untrusted sources strictly; a document is refused by one line that names the key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from altmarl_ros import files
from altmarl_ros.errors import GameError


def read_yaml(path: Path) -> dict[Any, Any]:
    """Read a YAML file that holds a mapping.

    Raises:
        GameError: the file cannot be read or holds no mapping; the caller adds the file's name to the message.
    """
    try:
        document = files.read_yaml(path)
    except ValueError as error:
        raise GameError(str(error)) from None
    if not isinstance(document, dict):
        raise GameError(f"must be a mapping of keys, is {type(document).__name__}")
    return document


def validated(model: type[Any], values: dict[Any, Any], prefix: str) -> Any:
    """Make the pydantic model with these values.

    Raises:
        GameError: a key is unknown or its value is bad; the message begins with `prefix` and the key.
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
