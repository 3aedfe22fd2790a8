"""Two network namespaces joined by a veth pair, as two machines on one cable."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from altmarl_ros.cli.processes import ProcessGroup
from altmarl_ros.records.rows import FloorRow, StatusRow
from altmarl_ros.records.run_log import RunLog
from altmarl_ros.simulation.markov_world import Truth

_CLONE_NEWNET = 0x40000000
_numbers = itertools.count()


def _sh(*command: str, text: str | None = None) -> None:
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=20)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")


class Cable:
    """Sides "a" and "b"; processes and sockets that are made inside `at(side)` live there."""

    def __init__(self) -> None:
        number = next(_numbers)
        self._names = {side: f"altmarl_{os.getpid()}_{number}{side}" for side in "ab"}
        self.device = {side: f"alt{os.getpid() % 100_000}_{number}{side}"[:15] for side in "ab"}
        self.address = {"a": "10.77.0.1", "b": "10.77.0.2"}
        for name in self._names.values():
            _sh("ip", "netns", "add", name)
        a, b = self._names["a"], self._names["b"]
        _sh("ip", "link", "add", self.device["a"], "netns", a, "type", "veth", "peer", "name", self.device["b"], "netns", b)
        for side in "ab":
            self.ip(side, "addr", "add", f"{self.address[side]}/24", "dev", self.device[side])
            self.ip(side, "link", "set", "lo", "up")
            self.ip(side, "link", "set", self.device[side], "up")
        self.wait_until_running()

    def wait_until_running(self) -> None:
        """Fast DDS takes no notice of an interface that has no carrier yet when the process starts."""
        end = time.monotonic() + 10.0
        for side in "ab":
            show = ["ip", "-n", self._names[side], "-o", "link", "show", "dev", self.device[side]]
            while "state UP" not in subprocess.run(show, capture_output=True, text=True, timeout=20).stdout:
                if time.monotonic() > end:
                    raise OSError(f"{self.device[side]} does not come up")
                time.sleep(0.05)

    def ip(self, side: str, *arguments: str) -> None:
        _sh("ip", "-n", self._names[side], *arguments)

    @contextlib.contextmanager
    def at(self, side: str):
        """The calling thread, and what it starts meanwhile, is on that side."""
        libc = ctypes.CDLL(None, use_errno=True)
        with Path("/proc/thread-self/ns/net").open() as home, Path(f"/run/netns/{self._names[side]}").open() as there:
            if libc.setns(there.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            try:
                yield
            finally:
                libc.setns(home.fileno(), _CLONE_NEWNET)

    def cut(self) -> None:
        self.ip("b", "link", "set", self.device["b"], "down")

    def mend(self) -> None:
        self.ip("b", "link", "set", self.device["b"], "up")

    def limit(self, side: str, rate: str) -> None:
        """What that side sends, by a token bucket."""
        _sh(
            "ip",
            "netns",
            "exec",
            self._names[side],
            "tc",
            "qdisc",
            "add",
            "dev",
            self.device[side],
            "root",
            "tbf",
            "rate",
            rate,
            "burst",
            "4kb",
            "latency",
            "200ms",
        )

    def lose(self, side: str, percent: int, rule: str = "") -> None:
        """So much of what that side receives; `rule` narrows it down."""
        chance = f"numgen random mod 100 < {percent}" if percent < 100 else ""
        rules = (
            "table inet faults {\n chain input {\n  type filter hook input priority 0;\n"
            f'  iifname "{self.device[side]}" {rule} {chance} drop\n }}\n}}\n'
        )
        _sh("ip", "netns", "exec", self._names[side], "nft", "-f", "-", text=rules)

    def sent_bytes(self, side: str) -> int:
        """By the interface, since it was made."""
        with self.at(side):
            for line in Path("/proc/thread-self/net/dev").read_text().splitlines():
                name, _, numbers = line.partition(":")
                if name.strip() == self.device[side]:
                    return int(numbers.split()[8])
        raise OSError(f"{self.device[side]} is not there")

    def remove(self) -> None:
        for name in self._names.values():
            with contextlib.suppress(OSError):
                _sh("ip", "netns", "del", name)


class RemoteObserver:
    """What an observer on one side hears; `spin_once` takes in what it has told."""

    def __init__(self, folder: Path) -> None:
        self.log = RunLog()
        self.latest: StatusRow | None = None
        self._group = ProcessGroup(folder, os.environ)
        script = Path(__file__).with_name("observe.py")
        self._told = self._group.start("observer", [sys.executable, str(script)]).log.open()
        self._line = ""

    def spin_once(self, timeout_sec: float) -> None:
        time.sleep(timeout_sec)
        for part in self._told:
            self._line += part
            if not self._line.endswith("\n"):
                break
            self._take(json.loads(self._line))
            self._line = ""

    def _take(self, said: dict) -> None:
        for kind, row in said.items():
            values = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
            if kind == "statuses":
                self.latest = StatusRow(**values)
                self.log.statuses[self.latest.session, self.latest.tick] = self.latest
            elif kind == "floors":
                places = {int(robot_id): tuple(place) for robot_id, place in row["places"].items()}
                self.log.floors[row["time"]] = FloorRow(row["time"], row["factor"], row["contacts"], places)
            else:
                truth = Truth(**values)
                self.log.truths[truth.session, truth.tick] = truth

    def shutdown(self) -> None:
        self._told.close()
        self._group.stop()


def cable_or_skip() -> Cable:
    """A cable, or a skip that says why there is none."""
    if shutil.which("ip") is None:
        pytest.skip("NETWORK TESTS NOT RUN: the command `ip` (package iproute2) is not installed")
    cable = None
    try:
        cable = Cable()
        with cable.at("a"):
            pass
    except OSError as error:
        if cable is not None:
            cable.remove()
        pytest.skip(f"NETWORK TESTS NOT RUN: this machine does not allow network namespaces: {error}")
    return cable


def need(command: str, package: str) -> None:
    if shutil.which(command) is None:
        pytest.skip(f"NETWORK TEST NOT RUN: the command `{command}` (package {package}) is not installed")
