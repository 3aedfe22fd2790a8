"""Files of games and floors, by path or by the name of a built-in one."""

from __future__ import annotations

from pathlib import Path

from altmarl_ros.errors import GameError
from altmarl_ros.resources import share_directory


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
