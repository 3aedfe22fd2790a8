"""docs/games.md does what it says: its files are written, its commands run, and their output compared."""

import importlib
import os
import re
import runpy
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from altmarl_ros.cli.main import main

pytestmark = [pytest.mark.ros, pytest.mark.untimed]

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "games.md"
BLOCK = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass
class Command:
    line: str
    output: str


def commands(text):
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        line, _, output = part.partition("\n")
        yield Command(line, output)


def agrees(shown, printed):
    """Whether the output is as shown: a line of `...` stands for any lines or none, `...` in a line for any text."""
    pattern = ""
    for line in shown.splitlines():
        words = (re.escape(word).replace(r"\.\.\.", ".*") for word in line.split())
        pattern += r"(.*\n)*" if line == "..." else r"\s*" + r"\s+".join(words) + r"\s*\n"
    return re.fullmatch(pattern, printed) is not None


@pytest.mark.parametrize(
    ("printed", "same"),
    [("a 1\nb\n", True), ("a 12 3\n x\ny\nb\n", True), ("c 1\nb\n", False), ("a 1\nb\nc\n", False), ("a 1\n", False)],
)
def test_the_comparison_itself(printed, same):
    assert agrees("a ...\n...\nb\n", printed) is same


class Shell:
    """Runs the tutorial's commands: most of them in this process, since a new one compiles and imports for seconds."""

    def __init__(self, folder, monkeypatch, capfd):
        self.folder, self.monkeypatch, self.capfd = folder, monkeypatch, capfd
        self.site = folder / "site"

    def run(self, line):
        """Exit code and output; of standard error only what a failure says."""
        program, *arguments = shlex.split(line)
        code = getattr(self, program)(arguments)
        out, err = self.capfd.readouterr()
        return code, out + (err if code else "")

    def altmarl(self, arguments):
        return main(arguments)

    def python(self, arguments):
        runpy.run_path(arguments[0], run_name="__main__")
        return 0

    def pip(self, arguments):
        """What pip does with a package, by setuptools alone: pip itself may want a network for the build's requirements."""
        assert arguments[0] == "install"
        self.site.mkdir()
        steps = ["egg_info", "--egg-base", str(self.site), "build_py", "--build-lib", str(self.site)]
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", "import setuptools; setuptools.setup()", "--quiet", *steps],
            cwd=arguments[1], check=True,
        )  # fmt: skip
        self.monkeypatch.syspath_prepend(self.site)
        importlib.invalidate_caches()
        return 0


@pytest.fixture
def shell(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("ROS_HOME", str(tmp_path / "ros_home"))
    monkeypatch.setenv("COLUMNS", "128")
    monkeypatch.chdir(tmp_path)
    yield Shell(tmp_path, monkeypatch, capfd)
    sys.modules.pop("my_games", None)


def test_the_tutorial_does_what_it_says(shell):
    ran = 0
    for language, file, text in BLOCK.findall(TUTORIAL.read_text()):
        if file:
            Path(file).parent.mkdir(exist_ok=True)
            Path(file).write_text(text)
            continue
        assert language == "console", f"a block of {language} has no file name"
        for command in commands(text):
            code, output = shell.run(command.line)
            assert code == (2 if command.output.startswith("error: ") else 0), output
            if command.output:
                assert agrees(command.output, output), f"$ {command.line}\n{output}"
            ran += 1
    assert ran >= 12
    in_a_new_process(shell)


def in_a_new_process(shell):
    """The installed package's builder is found by a process that knows nothing of this one."""
    code = "from altmarl_ros.games import load_game; print(load_game('lifts.yaml').P_l.shape)"
    path = os.pathsep.join([str(shell.site), str(ROOT), os.environ.get("PYTHONPATH", "")])
    run = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)
    assert run.stdout == "(4, 4, 4, 4)\n", run.stderr
