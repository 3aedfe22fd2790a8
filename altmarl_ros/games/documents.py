"""YAML documents that nobody vouches for: read strictly, refused by one line that names the key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from altmarl_ros.errors import GameError

_MAX_YAML_BYTES = 1 << 20


def read_yaml(path: Path) -> dict[Any, Any]:
    """The mapping in a YAML file.

    Raises:
        GameError: what is wrong with the file; its name is for the caller to add.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_YAML_BYTES + 1)
    except (OSError, ValueError) as error:
        raise GameError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(text) > _MAX_YAML_BYTES:
        raise GameError(f"is larger than {_MAX_YAML_BYTES} bytes; put arrays into an .npz file")
    try:
        document = yaml.load(text, Loader=_StrictLoader)
    except Exception as error:  # besides YAMLError, PyYAML lets whatever a scalar's constructor trips over pass
        raise GameError(f"is not valid YAML: {' '.join(str(error).split()) or type(error).__name__}") from None
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


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader that refuses duplicate keys and aliases, which hide mistakes and can explode in size."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not supported")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for i, key in enumerate(keys):
            if key in keys[:i]:
                raise yaml.YAMLError(f"key {key!r} stands twice, line {node.value[i][0].start_mark.line + 1}")
        return super().construct_mapping(node, deep)
