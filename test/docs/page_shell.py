"""Runs the command lines of a page: `altmarl` in this process, since a new one imports for seconds, unless it stays."""

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
    """Exit code and output; of standard error only what a failure says."""

    code: int
    output: str


class Terminal:
    """A further terminal: what is started in it runs until `^C`."""

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
        """What was printed since the last time."""
        text = self.log.read_text()
        fresh, self._read = text[self._read :], len(text)
        return fresh

    def wait_for_words(self) -> None:
        """Until something is printed; an end is one as well."""
        end = time.monotonic() + _PATIENCE
        while not self.log.read_text() and self._process.poll() is None:
            assert time.monotonic() < end, f"nothing printed within {_PATIENCE} s"
            time.sleep(0.1)
        time.sleep(0.1)  # for the rest of the line

    def interrupt(self) -> int:
        """Ctrl-C; the exit code."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGINT)
        return self._process.wait(_GOODBYE)

    def close(self) -> None:
        """Whatever happened, nothing stays behind."""
        try:
            self.interrupt()
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(_GOODBYE)


PROGRAMS = {"altmarl": [sys.executable, "-m", "altmarl_ros.cli.main"], "python": [sys.executable]}


class Shell:
    """One page's terminals, in one folder."""

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
        """Stop what runs in other terminals, the last one first."""
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
        """The environment that `make install` makes: this one, or its twin of the other distribution."""
        assert arguments == [".venv-jazzy/bin/activate"]
        assert "VENV := .venv-$(DISTRO)\n" in (ROOT / "Makefile").read_text()
        assert "DISTRO ?= jazzy\n" in (ROOT / "Makefile").read_text()
        return 0

    def do_make(self, arguments: list[str]) -> int:
        """Checked to be targets: `make test` runs this very test."""
        run = subprocess.run(["make", "--dry-run", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=_PATIENCE)
        assert run.returncode == 0, run.stderr
        return 0

    def do_pip(self, arguments: list[str]) -> int:
        """What pip does with a package, by setuptools alone: pip itself may want a network for the build's requirements."""
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
        """Checked against launch files and parameter tables; an installed ros2 reads the line's launch file as well."""
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
    else:
        raise AssertionError(f"no rule for checking ros2 {verb}")


def accept_texts(node: str, settings: dict[str, str]) -> None:
    """Refuse what the node's table refuses; texts are read as the command line of ROS reads them, as YAML."""
    import yaml

    table = parameter_table(node)
    kinds = {parameter.name: type(parameter.default) for parameter in table}
    accept(table, {name: text if kinds.get(name) is str else yaml.safe_load(text) for name, text in settings.items()})
