"""Measures the memory of every process of a running fleet: what grows for ever ends a fleet some day.

    python benchmarks/memory.py                  # 20 robots at 10 Hz, 10 minutes
    python benchmarks/memory.py --minutes 30

`altmarl fleet` is started as a user starts it. Printed is the resident memory (RSS) of it and of each process that it has
started, after two minutes and at the end, and the slope between. Exits with 1 if one of them has grown by more than 5 %.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from altmarl_ros.deployment.middleware import discovery_variables, isolation_variables
from altmarl_ros.games import load_game
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.policies import save_bundle

MOST_GROWTH = 0.05
_LOOK = 10.0  # s between two measurements
_NODE = re.compile(rb"__node:=([^\0]+)")


@dataclass
class Memory:
    """Resident memory of one process [MB], and when [s after the start] it was measured."""

    at: list[float] = field(default_factory=list)
    resident: list[float] = field(default_factory=list)

    def near(self, moment: float) -> float:
        """Memory at the measurement that was nearest to a moment [s after the start]."""
        return min(zip(self.at, self.resident, strict=True), key=lambda pair: abs(pair[0] - moment))[1]

    def growth(self, early: float) -> float:
        """Growth from the moment `early` [s after the start] to the end, as a share."""
        return self.resident[-1] / self.near(early) - 1.0


def measure(robots: int, period: float, minutes: float, folder: Path) -> dict[str, Memory]:
    """Run a fleet for so many minutes and measure all its processes, by name.

    Raises:
        RuntimeError: it ended before.
    """
    policy = save_bundle(train(load_game("warehouse"), TrainingOptions(K=6, runs=100, n=200)), folder / "policy.npz")
    command = [sys.executable, "-m", "altmarl_ros.cli.main", "fleet", "--policy", str(policy)]
    command += ["--robots", str(robots), "--period", str(period)]
    environment = {**os.environ, **discovery_variables(), **isolation_variables(), "ROS_HOME": str(folder / "home")}
    found: dict[str, Memory] = {}
    with (folder / "fleet.log").open("w") as log:
        fleet = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
    try:
        began = time.monotonic()
        while time.monotonic() < began + 60.0 * minutes:
            time.sleep(_LOOK)
            if fleet.poll() is not None:
                raise RuntimeError(f"the fleet ended: {(folder / 'fleet.log').read_text()[-1000:]}")
            now = time.monotonic() - began
            for name, pid in _processes(fleet.pid).items():
                memory = found.setdefault(name, Memory())
                memory.at.append(now)
                memory.resident.append(_resident(pid))
    finally:
        if fleet.poll() is None:
            fleet.send_signal(signal.SIGINT)
        try:
            fleet.wait(30)
        except subprocess.TimeoutExpired:
            fleet.kill()
    return found


def _processes(pid: int) -> dict[str, int]:
    children = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    named = {child: _NODE.search(Path(f"/proc/{child}/cmdline").read_bytes()) for child in children}
    return {"altmarl fleet": pid, **{match[1].decode(): child for child, match in named.items() if match}}


def _resident(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--robots", type=int, default=20)
    parser.add_argument("--period", type=float, default=0.1, help="time between ticks [s]")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--early", type=float, default=2.0, help="minute of the first measurement")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(options.robots, options.period, options.minutes, Path(folder))
    early = 60.0 * options.early
    print(f"{options.robots} robots at {1 / options.period:g} Hz, RSS after {options.early:g} and {options.minutes:g} minutes:")
    for name, memory in found.items():
        growth, seconds = memory.growth(early), memory.at[-1] - early
        slope = 60.0 * (memory.resident[-1] - memory.near(early)) / seconds
        print(f"{name:<16}{memory.near(early):7.1f} MB {memory.resident[-1]:7.1f} MB  {growth:+.1%}  {slope:+.3f} MB a minute")
    raise SystemExit(any(memory.growth(early) > MOST_GROWTH for memory in found.values()))


if __name__ == "__main__":
    main()
