"""Builds the interfaces of the tests into this interpreter's environment, where they are not installed already."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / f"interfaces-{sys.implementation.cache_tag}-{Path(sys.prefix).name}"
sys.path.insert(0, str(ROOT / "cmake"))
from ros_build import install_with_cmake  # noqa: E402


def stamp_of(package: Path) -> Path:
    """The file that says which sources an installed package was built from."""
    return Path(sys.prefix) / "share" / package.name / "built_from.sha256"


def digest(package: Path) -> str:
    """A hash of all that a package is built from."""
    files = sorted(file for file in package.rglob("*") if file.is_file())
    return hashlib.sha256(b"".join(str(file.relative_to(package)).encode() + file.read_bytes() for file in files)).hexdigest()


def installed(name: str) -> bool:
    """Whether a package can be imported; its folder of sources beside this file is none."""
    found = importlib.util.find_spec(name)
    return found is not None and found.origin is not None


def main() -> None:
    """Build each package that is missing, or that was built here from other sources."""
    for package in sorted(folder for folder in HERE.iterdir() if (folder / "package.xml").is_file()):
        stamp = stamp_of(package)
        if not stamp.is_file() and installed(package.name):
            print(f"{package.name}: installed already, left alone")
        elif not stamp.is_file() or stamp.read_text() != digest(package):
            install_with_cmake(package, BUILD / package.name, Path(sys.prefix))
            stamp.write_text(digest(package))
            print(f"{package.name}: built into {sys.prefix}")


if __name__ == "__main__":
    main()
