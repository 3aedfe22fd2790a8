"""Writes and reads parameter files as `ros2 param dump` and `ros2 param load` do.

    /coordinator:
      ros__parameters:
        sampling:
          k: 5

A node's name may be nested too, and have the wildcards of rcl: `*` for one part of it, `**` for any number of parts.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Iterable, Iterator, Mapping

import yaml

from altmarl_ros.errors import AltmarlError
from altmarl_ros.files import parse_yaml, read_yaml

_KEY = "ros__parameters"


@dataclass(frozen=True)
class Section:
    """The parameters in a file for the nodes whose names match a pattern."""

    pattern: str
    values: Mapping[str, Any]

    @property
    def wild(self) -> bool:
        """Whether the pattern can match several nodes."""
        return "*" in self.pattern

    def matches(self, node: str) -> bool:
        """Tell whether the pattern matches a fully qualified node name."""
        parts = [_part(part) for part in self.pattern.strip("/").split("/")]
        return re.fullmatch("".join(parts), node) is not None


def dump(node: str, values: Mapping[str, Any]) -> str:
    """Return the file that gives all these values to a node; a dot in a name nests, as `ros2 param dump` does it.

    A name that begins with the whole name of another parameter stays flat, which reads back the same.
    """
    tree: dict[str, Any] = {}
    for name in sorted(values):
        parents, leaf = name.split(".")[:-1], name.rsplit(".", 1)[-1]
        nested = all(parents) and leaf and not any(".".join(parents[: i + 1]) in values for i in range(len(parents)))
        branch = tree
        for parent in parents if nested else ():
            branch = branch.setdefault(parent, {})
        branch[leaf if nested else name] = values[name]
    return yaml.safe_dump({node: {_KEY: tree}}, default_flow_style=False, width=math.inf)


def load(path: Path) -> tuple[Section, ...]:
    """Read the sections of a file, in its order.

    Raises:
        AltmarlError: naming the file and what is wrong with it.
    """
    try:
        return tuple(_sections("", read_yaml(path)))
    except ValueError as error:
        raise AltmarlError(f"{path}: {error}") from None


def values_for(node: str, known: Iterable[str], sections: Iterable[Section], path: Path) -> dict[str, Any]:
    """Return the values that the sections of a file give to a node; a section for it alone overrides wildcards.

    A section with a wildcard may name parameters that the node does not have, since it is for others too.

    Raises:
        AltmarlError: no section is for the node, or one that is for it alone names a parameter that it does not have.
    """
    there, names = tuple(sections), set(known)
    mine = sorted((section for section in there if section.matches(node)), key=lambda section: not section.wild)
    if not mine:
        others = ", ".join(section.pattern for section in there) or "no node"
        raise AltmarlError(f"{path}: has no parameters for {node}; it is for {others}")
    given: dict[str, Any] = {}
    for section in mine:
        if not section.wild:
            check_known(node, names, section.values)
        given.update({name: value for name, value in section.values.items() if name in names})
    return given


def check_known(node: str, known: Iterable[str], names: Iterable[str]) -> None:
    """Raise AltmarlError at a name that is no parameter of the node; the error suggests a similar one."""
    there = sorted(known)
    for name in names:
        if name not in there:
            close = get_close_matches(name, there, 1)
            raise AltmarlError(f"{node} has no parameter {name!r}" + (f"; is {close[0]!r} meant?" if close else ""))


def parse(text: str, present: Any) -> Any:
    """Parse a value that was typed as text, into the type of the parameter's present value if possible, else as YAML.

    `10` becomes a number for a parameter that is one, and stays the text "10" for a parameter that is a text.
    """
    try:
        value = parse_yaml(text)
    except ValueError:
        return text
    if isinstance(present, str):
        return value if isinstance(value, str) else text
    if isinstance(present, float) and not isinstance(value, bool):
        try:
            return float(text)  # YAML takes 1e3 for a text
        except ValueError:
            return value
    return value


def _sections(name: str, document: Any) -> Iterator[Section]:
    if not isinstance(document, dict) or not document:
        raise ValueError(f"{name or 'the file'} has no {_KEY!r}: it is no ROS parameter file")
    for key, value in document.items():
        if not isinstance(key, str):
            raise ValueError(f"{key!r} is no name of a node")
        if key == _KEY:
            yield Section(name or "/**", dict(_flat("", value)))
        else:
            yield from _sections(f"{name}/{key.strip('/')}", value)


def _flat(prefix: str, values: Any) -> Iterator[tuple[str, Any]]:
    if values is None:
        return
    if not isinstance(values, dict):
        raise ValueError(f"{_KEY} holds {values!r}, must be parameters by name")
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(f"{prefix}{key}.", value)
        else:
            yield f"{prefix}{key}", value


def _part(part: str) -> str:
    return {"**": "(?:/[^/]+)*", "*": "/[^/]+"}.get(part, "/" + re.escape(part))
