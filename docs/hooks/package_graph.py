"""Reads the packages of altmarl_ros and their imports from the sources."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

_NAME = "altmarl_ros"
_ROS = ("rclpy", "launch")


@dataclass(frozen=True)
class Package:
    """A package directly below altmarl_ros.

    Attributes:
        name: its folder.
        about: the docstring of its `__init__.py`, in one line.
        rooms: names of the packages inside it.
        files: number of Python files, without `__init__.py`.
        imports: names of the packages that it imports anywhere, also inside of functions or for type checking only.
        ros: which of rclpy and ROS's launch system it imports.
    """

    name: str
    about: str
    rooms: tuple[str, ...]
    files: int
    imports: frozenset[str]
    ros: tuple[str, ...]

    @property
    def question(self) -> str:
        """The first clause of the docstring: what the package answers."""
        clause = self.about
        for end in ":,.;":
            clause = clause.partition(end)[0]
        return clause


def read_packages(root: Path) -> dict[str, Package]:
    """Read all packages of the repository at `root`, by name."""
    folders = sorted(init.parent for init in (root / _NAME).glob("*/__init__.py"))
    names = {folder.name for folder in folders}
    return {folder.name: _read(folder, names) for folder in folders}


def reachable(packages: dict[str, Package]) -> dict[str, frozenset[str]]:
    """Find all packages that each package imports, directly or through others.

    Raises:
        ValueError: the imports have a circle; the message names it.
    """
    found: dict[str, frozenset[str]] = {}

    def reach(name: str, path: tuple[str, ...]) -> frozenset[str]:
        if name in path:
            raise ValueError(f"the imports {' -> '.join((*path, name))} are a circle")
        if name not in found:
            found[name] = packages[name].imports.union(*(reach(each, (*path, name)) for each in packages[name].imports))
        return found[name]

    return {name: reach(name, ()) for name in packages}


def reduced(packages: dict[str, Package]) -> dict[str, set[str]]:
    """Leave out the imports that follow from others (transitive reduction): A -> C if A -> B and B -> C."""
    below = reachable(packages)
    return {
        name: {each for each in package.imports if not any(each in below[other] for other in package.imports)}
        for name, package in packages.items()
    }


def _read(folder: Path, names: set[str]) -> Package:
    files = sorted(folder.rglob("*.py"))
    modules = {module for file in files for module in _imported(ast.parse(file.read_text(encoding="utf-8")))}
    own = {module.split(".")[1] for module in modules if module.startswith(f"{_NAME}.")}
    return Package(
        name=folder.name,
        about=" ".join((ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or "").split()),
        rooms=tuple(sorted(init.parent.name for init in folder.glob("*/__init__.py"))),
        files=sum(file.name != "__init__.py" for file in files),
        imports=frozenset((own & names) - {folder.name}),
        ros=tuple(name for name in _ROS if name in {module.split(".")[0] for module in modules}),
    )


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
