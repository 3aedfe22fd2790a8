"""The reference pages that come from the code: messages, parameters, games, commands, launch arguments."""

from __future__ import annotations

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

import command_pages
import game_pages
import launch_pages
import message_pages
import parameter_pages


def pages(root: Path) -> dict[str, str]:
    """Markdown by the page's name, for the repository at `root`."""
    return {
        "reference/commands.md": command_pages.page(),
        "reference/games.md": game_pages.page(),
        "reference/launch.md": launch_pages.page(root / "launch"),
        "reference/messages.md": message_pages.page(root / "msg", root / "srv"),
        "reference/parameters.md": parameter_pages.page(),
    }


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add them."""
    for name, text in pages(Path(config.docs_dir).parent).items():
        files.append(File.generated(config, name, content=text))
    return files
