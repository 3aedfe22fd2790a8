"""Tests README, tutorials and some how-to pages: files are written, commands are run, and their output is compared."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from page_blocks import Block, agrees, blocks, commands
from page_shell import ROOT

pytestmark = [pytest.mark.ros, pytest.mark.untimed]

TUTORIALS = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/tutorials/*.md"))
PAGES = (
    "README.md",
    *(f"docs/how-to/{name}.md" for name in ("games", "import-a-map", "python", "room", "types", "work")),
    *TUTORIALS,
)


@pytest.mark.parametrize(
    ("printed", "same"),
    [("a 1\nb\n", True), ("a 12 3\n x\ny\nb\n", True), ("c 1\nb\n", False), ("a 1\nb\nc\n", False), ("a 1\n", False)],
)
def test_the_comparison_itself(printed, same):
    assert agrees("a ...\n...\nb\n", printed) is same


def test_the_reading_of_blocks_itself():
    (block,) = blocks("text\n```console\n$ one \\\n  two\nout\n$ three\n^C\nlast\n```\n")
    assert [(c.text, c.output, c.line, c.interrupts) for c in commands(block)] == [
        ("one    two", "out\n", 3, False),
        ("three", "", 6, False),
        ("^C", "last\n", 7, True),
    ]


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_a_page_does_what_it_says(page, shell):
    if page == "README.md":  # is read at the root of a clone
        Path("config").symlink_to(ROOT / "config")
    ran = 0
    for block in blocks((ROOT / page).read_text()):
        if block.language != "console":
            assert block.title, f"{page}:{block.line}: a block of {block.language} is neither a file nor commands"
            Path(block.title).parent.mkdir(exist_ok=True)
            Path(block.title).write_text(block.text)
        elif block.title:
            ran += in_another_terminal(shell, page, block)
        else:
            ran += in_the_first_terminal(shell, page, block)
    assert ran or page.endswith("index.md")
    if page.endswith("games.md"):
        in_a_new_process(shell)


def in_the_first_terminal(shell, page: str, block: Block) -> int:
    ran = 0
    for command in commands(block):
        result = shell.run(command.text)
        where = f"{page}:{command.line}: $ {command.text}\n{result.output}"
        assert (result.code in (1, 2)) if command.output.startswith("error: ") else (result.code == 0), where
        if command.output:
            assert agrees(command.output, result.output), where
        ran += 1
    return ran


def in_another_terminal(shell, page: str, block: Block) -> int:
    """Run one command that stays, or send `^C` to it."""
    (command,) = commands(block)
    if command.interrupts:
        terminal = shell.terminals.pop(block.title)
        assert terminal.interrupt() == 0, f"{page}:{command.line}: {terminal.new_output()}"
    else:
        terminal = shell.start(block.title, command.text)
        if command.output:
            terminal.wait_for_words()
    printed = terminal.new_output()
    assert agrees(command.output, printed) or not command.output, f"{page}:{command.line}: {command.text}\n{printed}"
    return 1


def in_a_new_process(shell):
    """Check that a new process finds the installed package's builder."""
    code = "from altmarl_ros.games import load_game; print(load_game('lifts.yaml').P_l.shape)"
    path = os.pathsep.join([str(shell.site), str(ROOT), os.environ.get("PYTHONPATH", "")])
    run = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)
    assert run.stdout == "(4, 4, 4, 4)\n", run.stderr
