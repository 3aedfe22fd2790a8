"""Which files the parameters of a node may name: those in folders that were allowed when the node was started.

A parameter service takes values from anyone in the ROS domain. So a path that comes by it must lie, symbolic links resolved,
in the data home, in the folder of a value that the node was started with, or in a folder of the read-only `paths.allowed`;
and what is there already must be a regular file. The value of the start itself is always accepted.
"""

from __future__ import annotations

import os
import stat
from typing import Any, Iterable, Mapping, Sequence

from altmarl_ros.errors import AltmarlError, ResourceError, shown
from altmarl_ros.nodes.common.parameters import Parameter
from altmarl_ros.resources import data_home

ALLOWED = Parameter(
    "paths.allowed",
    "",
    "Folders, separated by colons, in which files may be that services name, besides the data home and the folders of the "
    "files that the node is started with.",
    fixed=True,
)

_SUFFIXES = (".yaml", ".yml")


class AllowedPaths:
    """The folders that are allowed for one node, fixed at its start."""

    def __init__(self, table: Sequence[Parameter], values: Mapping[str, Any], managed: bool = False) -> None:
        """Take the folders from the values at the start of the parameters in `table` that name files.

        `managed`: the node has a life cycle (see Parameter.descriptor).
        """
        self._parameters = {parameter.name: parameter for parameter in table if parameter.path}
        self._settable = {name for name, parameter in self._parameters.items() if parameter.settable(managed)}
        self._start = {name: str(values[name]) for name in self._parameters}
        given = [part for part in str(values.get(ALLOWED.name, "")).split(os.pathsep) if part]
        own = [
            path if self._parameters[name].path == "folder" else os.path.dirname(os.path.abspath(path))
            for name, path in self._start.items()
            if path and not self._is_name(self._parameters[name], path)
        ]
        self.folders = _resolved([*_data_home(), *own, *given])

    def names(self, names: Iterable[str]) -> bool:
        """Whether one of these parameters names a file, and can be set."""
        return any(name in self._settable for name in names)

    def check(self, values: Mapping[str, Any]) -> None:
        """Check the values of those parameters among the given ones that name files and can be set.

        Raises:
            AltmarlError: naming the parameter, its value, the rule and the remedy.
        """
        for name, value in values.items():
            if name in self._settable:
                self._check(self._parameters[name], str(value))

    def _check(self, parameter: Parameter, value: str) -> None:
        if not value or value == self._start[parameter.name]:
            return
        where = f"parameter {parameter.name!r} is {shown(value)}"
        if not value.isprintable():
            raise AltmarlError(f"{where}, must be printable")
        if self._is_name(parameter, value):
            return
        try:
            resolved = os.path.realpath(value)
            mode = os.stat(resolved).st_mode if os.path.lexists(resolved) else None
        except OSError as error:
            raise AltmarlError(f"{where}: cannot be read: {error.strerror or error}") from None
        if not any(os.path.commonpath([folder, resolved]) == folder for folder in self.folders):
            raise AltmarlError(
                f"{where}, must be in {', '.join(self.folders) or 'no folder'}: other folders are allowed at the start, "
                f"by {ALLOWED.name!r}"
            )
        if mode is not None and not (stat.S_ISDIR if parameter.path == "folder" else stat.S_ISREG)(mode):
            raise AltmarlError(f"{where}, must be a {'folder' if parameter.path == 'folder' else 'regular file'}")

    @staticmethod
    def _is_name(parameter: Parameter, value: str) -> bool:
        """Whether a value is no path, but the name of something that is installed with the package."""
        plain = os.path.basename(value) == value and not value.endswith(_SUFFIXES)
        return parameter.path == "name or file" and plain and not os.path.lexists(value)


def _data_home() -> list[str]:
    try:
        return [str(data_home())]
    except ResourceError:  # a user without a home
        return []


def _resolved(folders: Iterable[str]) -> tuple[str, ...]:
    """Resolve folders, without doubles; the root of the file system would allow everything and is left out."""
    return tuple(dict.fromkeys(folder for folder in map(os.path.realpath, folders) if os.path.dirname(folder) != folder))
