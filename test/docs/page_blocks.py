"""Fenced blocks of a page: files to write, and commands with what they print."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Iterator

_BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
_CONTROL_C = "^C"


@dataclass(frozen=True)
class Block:
    """One fenced block; `title` is the name of a file or of a terminal."""

    language: str
    title: str
    text: str
    line: int


@dataclass(frozen=True)
class Command:
    """A command line, the output shown below it, and the line of the page; the command `^C` interrupts what runs."""

    text: str
    output: str
    line: int

    @property
    def interrupts(self) -> bool:
        return self.text == _CONTROL_C


def blocks(page: str) -> list[Block]:
    """Find all blocks of a page; a fence that does not begin a line, or has other options, is refused."""
    found = [Block(*match.groups(default=""), page[: match.start()].count("\n") + 1) for match in _BLOCK.finditer(page)]
    assert 2 * len(found) == len(re.findall(r"^\s*```", page, re.MULTILINE)), "a fence that is no block"
    return found


def commands(block: Block) -> Iterator[Command]:
    """Find the commands of a block: lines after `$ `, continued after a backslash, and `^C`; each with its output."""
    starts = [*re.finditer(r"^(?:\$ |(?=\^C$))", block.text, re.MULTILINE)]
    for match, following in zip(starts, [*starts[1:], None], strict=True):
        text = block.text[match.end() : following.start() if following else None]
        line, output = re.match(r"((?:.*\\\n)*.*)\n?([\s\S]*)", text).groups()
        yield Command(line.replace("\\\n", " "), output, block.line + 1 + block.text[: match.start()].count("\n"))


def agrees(shown: str, printed: str) -> bool:
    """Return whether the output is as shown: a line `...` stands for any lines or none, `...` within a line for any text."""
    pattern = ""
    for line in shown.splitlines():
        words = (re.escape(word).replace(r"\.\.\.", ".*") for word in line.split())
        pattern += r"(.*\n)*" if line == "..." else r"\s*" + r"\s+".join(words) + r"\s*\n"
    return re.fullmatch(pattern, printed) is not None
