"""Runs the command lines of a page; `altmarl` runs in this process, which saves seconds of imports, unless it stays."""

from __future__ import annotations

import importlib
import os
import runpy
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import yaml

import altmarl_ros.msg
import launch_pages
from altmarl_ros.cli.main import main
from altmarl_ros.nodes.common.parameters import accept
from altmarl_ros.nodes.parameter_tables import parameter_table
from altmarl_ros.resources import executable

ROOT = Path(__file__).parents[2]
_PATIENCE = 60.0  # s, for a command of another program, and for the first words of one that stays
_GOODBYE = 30.0  # s


@dataclass(frozen=True)
class Result:
    """The exit code and the output of a command; standard error is part of it only after a failure."""

    code: int
    output: str


class Terminal:
    """Another terminal; a command that is started in it runs until `^C`."""

    def __init__(self, line: str, log: Path) -> None:
        self.log, self._read = log, 0
        program, *arguments = shlex.split(line, comments=True)
        with log.open("w") as output:
            self._process = subprocess.Popen(
                [*PROGRAMS[program], *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )

    def new_output(self) -> str:
        """Return what was printed since the last call."""
        text = self.log.read_text()
        fresh, self._read = text[self._read :], len(text)
        return fresh

    def wait_for_words(self) -> None:
        """Wait until something is printed or the command has ended."""
        end = time.monotonic() + _PATIENCE
        while not self.log.read_text() and self._process.poll() is None:
            assert time.monotonic() < end, f"nothing printed within {_PATIENCE} s"
            time.sleep(0.1)
        time.sleep(0.1)  # for the rest of the line

    def interrupt(self) -> int:
        """Send Ctrl-C and return the exit code."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGINT)
        return self._process.wait(_GOODBYE)

    def close(self) -> None:
        """End the command, by force if it does not end by itself."""
        try:
            self.interrupt()
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(_GOODBYE)


PROGRAMS = {"altmarl": [sys.executable, "-m", "altmarl_ros.cli.main"], "python": [sys.executable]}


class Shell:
    """The terminals of one page, in one folder."""

    def __init__(self, folder: Path, monkeypatch, capfd) -> None:
        self.monkeypatch, self.capfd = monkeypatch, capfd
        self.site = folder / "site-packages"
        self.terminals: dict[str, Terminal] = {}
        self.only_checked: list[str] = []  # lines of ros2, where there is none

    def run(self, line: str) -> Result:
        """Run a line in the first terminal."""
        code = 0
        for part in line.split(" && "):
            program, *arguments = shlex.split(part, comments=True)
            method = getattr(self, f"do_{program}", None)
            assert method is not None, f"no rule for running {program!r}"
            code = code or method(arguments)
        out, err = self.capfd.readouterr()
        return Result(code, out + (err if code else ""))

    def start(self, title: str, line: str) -> Terminal:
        """Run a line in another terminal."""
        self.terminals[title] = Terminal(line, self.site.with_name(f"{title}.log"))
        return self.terminals[title]

    def close(self) -> None:
        """Stop the commands in other terminals, the last one first."""
        for terminal in reversed(self.terminals.values()):
            terminal.close()

    def do_altmarl(self, arguments: list[str]) -> int:
        return main(arguments)

    def do_python(self, arguments: list[str]) -> int:
        runpy.run_path(arguments[0], run_name="__main__")
        return 0

    def do_export(self, arguments: list[str]) -> int:
        for assignment in arguments:
            name, _, value = assignment.partition("=")
            self.monkeypatch.setenv(name, value)
        return 0

    def do_mkdir(self, arguments: list[str]) -> int:
        Path(arguments[-1]).mkdir(parents="-p" in arguments)
        return 0

    def do_cd(self, arguments: list[str]) -> int:
        self.monkeypatch.chdir(arguments[0])
        return 0

    def do_source(self, arguments: list[str]) -> int:
        """Accept the environment that `make install` makes: this one, or that of the other distribution."""
        assert arguments == [".venv-jazzy/bin/activate"]
        assert "VENV := .venv-$(DISTRO)\n" in (ROOT / "Makefile").read_text()
        assert "DISTRO ?= jazzy\n" in (ROOT / "Makefile").read_text()
        return 0

    def do_make(self, arguments: list[str]) -> int:
        """Check that the targets exist; they cannot be run, since `make test` runs this test."""
        run = subprocess.run(["make", "--dry-run", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=_PATIENCE)
        assert run.returncode == 0, run.stderr
        return 0

    def do_pip(self, arguments: list[str]) -> int:
        """Install a package as pip does, but by setuptools alone, since pip may need a network for the build's requirements."""
        assert arguments[0] == "install"
        self.site.mkdir()
        steps = ["egg_info", "--egg-base", str(self.site), "build_py", "--build-lib", str(self.site)]
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", "import setuptools; setuptools.setup()", "--quiet", *steps],
            cwd=arguments[1],
            check=True,
        )
        self.monkeypatch.syspath_prepend(self.site)
        importlib.invalidate_caches()
        return 0

    def do_ros2(self, arguments: list[str]) -> int:
        """Check a line against launch files and parameter tables; an installed ros2 also reads the launch file."""
        verb, *rest = arguments
        _check_ros2(verb, rest)
        if shutil.which("ros2") is None:
            self.only_checked.append(shlex.join(["ros2", *arguments]))
        elif verb == "launch":
            subprocess.run(["ros2", "launch", *rest[:2], "--show-args"], check=True, timeout=_PATIENCE)
            self.capfd.readouterr()
        return 0


def _check_ros2(verb: str, rest: list[str]) -> None:
    if verb == "launch":
        package, file, *given = rest
        assert package == "altmarl_ros"
        known = {argument.name: argument for argument in launch_pages.arguments(ROOT / "launch" / file)}
        names = {word.partition(":=")[0] for word in given}
        assert names <= set(known), f"{file} has no argument {names - set(known)}"
        missing = {name for name, argument in known.items() if argument.default is None} - names
        assert not missing, f"{file} needs {missing}"
    elif verb == "run":
        package, name, *words = rest
        assert package == "altmarl_ros"
        assert executable(name).is_file()
        settings = dict(word.split(":=", 1) for option, word in pairwise(words) if option == "-p")
        accept_texts(name, settings)
    elif verb == "param":
        action, node, name, value = rest
        assert action == "set"
        accept_texts(node.strip("/").split("/")[-1], {name: value})
    elif verb == "topic":
        action, _once, _topic, type_name, content = rest
        assert action == "pub"
        package, _, name = type_name.split("/")
        assert package == "altmarl_ros"
        assert set(yaml.safe_load(content)) <= set(getattr(altmarl_ros.msg, name).get_fields_and_field_types())
    else:
        raise AssertionError(f"no rule for checking ros2 {verb}")


def accept_texts(node: str, settings: dict[str, str]) -> None:
    """Refuse settings that the node's table refuses; texts are read as YAML, as on the command line of ROS."""
    import yaml

    table = parameter_table(node)
    kinds = {parameter.name: type(parameter.default) for parameter in table}
    accept(table, {name: text if kinds.get(name) is str else yaml.safe_load(text) for name, text in settings.items()})
