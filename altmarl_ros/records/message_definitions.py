"""Reads installed message definitions: the `.msg` text with that of every type in it, and the type's hash."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Iterator

from altmarl_ros.errors import ResourceError
from altmarl_ros.resources import install_prefixes

_SEPARATOR = "=" * 80
_FIELD = re.compile(r"^([a-zA-Z]\w*/)?([A-Z]\w*)(\[[^\]]*\])?\s+\w", re.MULTILINE)  # built-in types are in lower case


def message_definition(type_name: str) -> str:
    """The definition of the type `package/msg/Name` in the form that MCAP calls `ros2msg`.

    Raises:
        ResourceError: the definition of the type, or of one within it, is not installed.
    """
    texts: dict[str, str] = {}
    waiting = [type_name]
    while waiting:
        name = waiting.pop(0)
        if name in texts:
            continue
        texts[name] = _find(name, ".msg").read_text()
        waiting += _types_within(texts[name], name.split("/")[0])
    return "\n".join(
        text if i == 0 else f"{_SEPARATOR}\nMSG: {_without_msg(name)}\n{text}" for i, (name, text) in enumerate(texts.items())
    )


def type_hash(type_name: str) -> str:
    """The RIHS01 hash of the type `package/msg/Name`, which changes with every change of its fields.

    Raises:
        ResourceError: the type is not installed.
    """
    path = _find(type_name, ".json")
    hashes = {entry["type_name"]: entry["hash_string"] for entry in json.loads(path.read_text())["type_hashes"]}
    return str(hashes[type_name])


def _types_within(text: str, package: str) -> Iterator[str]:
    for owner, name, _ in _FIELD.findall(text):
        yield f"{owner.rstrip('/') or package}/msg/{name}"


def _find(type_name: str, suffix: str) -> Path:
    package, _, name = type_name.split("/")
    for prefix in install_prefixes():
        path = prefix / "share" / package / "msg" / f"{name}{suffix}"
        if path.is_file():
            return path
    raise ResourceError(f"{package}/msg/{name}{suffix} is not installed: source the ROS installation that has {package}")


def _without_msg(type_name: str) -> str:
    package, _, name = type_name.split("/")
    return f"{package}/{name}"
