"""Markdown tables."""

from __future__ import annotations

from typing import Iterable, Sequence

NOTHING = "–"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) + " |\n" for line in lines)


def code(value: object) -> str:
    """A value as it is typed; nothing for an empty one."""
    text = str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
    return f"`{text}`" if text else NOTHING


def code_span(text: str) -> str:
    """Text that Markdown leaves alone, but for what is marked as code in it."""
    return "`".join(part if i % 2 else _plain(part) for i, part in enumerate(text.split("`")))


def _plain(text: str) -> str:
    for character in "\\*_[]<>":
        text = text.replace(character, f"&#{ord(character)};")
    return text
