"""Serves the dashboard beside a fleet that a command runs, and says where it is."""

from __future__ import annotations

import os
import re
import sys
from typing import Mapping

from rich.markup import escape

from altmarl_ros.cli import console
from altmarl_ros.cli.processes import Child, ProcessGroup

_ADDRESS = re.compile(r"http://\S+/")


class LiveDashboard:
    """A read-only dashboard in a process of its own, which the fleet outlives.

    Attributes:
        child: the process.
        address: where it is served; empty: not known yet.
    """

    def __init__(self, group: ProcessGroup, fleet_prefix: str, world_prefix: str, *, open_browser: bool) -> None:
        """Start it, at a free port of this machine."""
        prefixes = ["--fleet-prefix", fleet_prefix, "--world-prefix", world_prefix]
        options = ["--port", "0", "--read-only", *prefixes, *(["--open"] if open_browser else [])]
        self.child: Child = group.start("dashboard", [sys.executable, "-m", "altmarl_ros.cli.main", "dashboard", *options])
        self.address = ""
        self._told = False

    def update(self) -> None:
        """Print the address as soon as it is served, or once why it is not."""
        if self._told:
            return
        found = _ADDRESS.search(self.child.log.read_text(errors="replace"))
        if found is not None:
            self.address, self._told = found[0], True
            console.out.print(f"watch it: {escape(self.address)}")
        elif self.child.exit_code is not None:
            self._told = True
            console.err.print(escape(f"no dashboard: {self.child.last_words()}"))


def has_display(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether somebody sits in front of this machine, so that a browser may be opened."""
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))
