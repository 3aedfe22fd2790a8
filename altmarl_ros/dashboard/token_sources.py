"""Where the token comes from and how a browser gets it, without its showing in the list of processes."""

from __future__ import annotations

import contextlib
import html
import os
import stat
import tempfile
from pathlib import Path
from typing import Iterator, MutableMapping

from altmarl_ros.errors import AltmarlError

VARIABLE = "ALTMARL_DASHBOARD_TOKEN"
"""Of the environment, in place of a file."""

_MOST_BYTES = 4096


def given_token(file: Path | None, environment: MutableMapping[str, str]) -> str:
    """The token of a file, else of the environment, from where it is taken so that no child has it; empty: none is given.

    Raises:
        AltmarlError: the file is none, is empty, or others may read it.
    """
    inherited = environment.pop(VARIABLE, "")
    return inherited if file is None else _read(file)


@contextlib.contextmanager
def private_link(url: str) -> Iterator[str]:
    """The address of a page that leads to `url`, in a file that only this user can read; for a browser's command line."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    place = runtime if runtime and Path(runtime).is_dir() else None
    with tempfile.TemporaryDirectory(prefix="altmarl_dashboard_", dir=place) as folder:
        page = Path(folder) / "open.html"
        page.touch(mode=0o600)
        target = html.escape(url, quote=True)
        page.write_text(
            f'<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={target}">'
            f'<title>altmarl dashboard</title><a href="{target}">altmarl dashboard</a>\n'
        )
        yield page.as_uri()


def _read(file: Path) -> str:
    try:
        found = file.stat()
        if not stat.S_ISREG(found.st_mode):
            raise AltmarlError(f"--token-file {file}: is no regular file")
        if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise AltmarlError(f"--token-file {file}: others may read or write it; chmod 600 {file}")
        with file.open("rb") as stream:
            text = stream.read(_MOST_BYTES + 1).decode()
    except OSError as error:
        raise AltmarlError(f"--token-file {file}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise AltmarlError(f"--token-file {file}: is no text") from None
    if len(text) > _MOST_BYTES or not text.strip():
        raise AltmarlError(f"--token-file {file}: holds no token: one line is expected")
    return text.strip()
