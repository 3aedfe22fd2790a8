"""Reads YAML documents from untrusted sources strictly; a refusal is one line with the key, its value and the remedy."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from altmarl_ros import files
from altmarl_ros.errors import GameError
from altmarl_ros.games.foreign_files import foreign_document, foreign_file

_LONGEST_SHOWN = 40  # characters of a value in an error


def read_yaml(path: Path) -> dict[Any, Any]:
    """Read a YAML file that holds a mapping.

    Raises:
        GameError: the file cannot be read or holds no mapping; the caller adds the file's name to the message.
    """
    try:
        document = files.read_yaml(path)
    except ValueError as error:
        raise GameError(foreign_file(path) or str(error)) from None
    if not isinstance(document, dict):
        raise GameError(foreign_file(path) or f"must be a mapping of keys, is {type(document).__name__}")
    foreign = foreign_document(document)
    if foreign:
        raise GameError(foreign)
    return document


def validated(model: type[Any], values: dict[Any, Any], prefix: str) -> Any:
    """Make the pydantic model with these values.

    Raises:
        GameError: a key is unknown or its value is bad; the message begins with `prefix` and the key, and tells a short value.
    """
    strangers = [key for key in values if not isinstance(key, str)]  # None may be one
    if strangers:
        raise GameError(f"key {prefix}{strangers[0]!r} must be a string{quoting_advice(strangers[0])}")
    try:
        return model(**values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise GameError(f"{prefix}{where}{_shown(values, first['loc'], first['msg'])}") from None


def quoting_advice(value: Any) -> str:
    """What to do about a value that should have been text and that YAML reads as something else; empty for text."""
    if isinstance(value, bool):
        return "; YAML reads yes, no, on and off as truth values: quote it, as in 'no'"
    if isinstance(value, (int, float, datetime.date)):
        return f"; quote it: '{value}'"
    return "; YAML reads null and ~ as nothing: quote it" if value is None else ""


def _shown(document: dict[Any, Any], location: tuple[Any, ...], problem: str) -> str:
    value: Any = document
    for part in location:
        try:
            value = value[part]
        except (LookupError, TypeError):  # a key that is missing, or a part that names an alternative of the model
            return f": {problem}"
    advice = quoting_advice(value) if "string" in problem or "str type" in problem else ""
    text = repr(value)
    is_short = not isinstance(value, (dict, list)) and len(text) <= _LONGEST_SHOWN
    return f" is {text}: {problem}{advice}" if is_short else f": {problem}{advice}"
