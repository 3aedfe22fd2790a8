"""Links between the robots of a stage and its coordinators, in a ROS domain of their own, with a cable that can be cut.

The cable is a relay of TCP on loopback. Cut, it passes nothing and says nothing. A robot that gets another address is one whose
open connections pass nothing any more, while new ones do.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from pathlib import Path
from typing import Callable, Mapping

from altmarl_ros.cli.processes import Child
from altmarl_ros.deployment.fleet_plan import NodePlan
from altmarl_ros.deployment.middleware import free_domains
from altmarl_ros.links import Authority
from altmarl_ros.links.endpoints import free_port

_HOST = "127.0.0.1"
_CHUNK = 1 << 16
_SETTLE = 1.0  # s

Start = Callable[[NodePlan, Mapping[str, str]], Child]
"""Starts a process with more environment variables."""


class Relay:
    """Passes TCP connections on, in a thread."""

    def __init__(self, target: int) -> None:
        self.whole, self._target, self._stopping = True, target, False
        self._listener = socket.create_server((_HOST, 0), backlog=100)
        self.port = int(self._listener.getsockname()[1])
        self._other: dict[socket.socket, socket.socket] = {}
        self._lost: list[socket.socket] = []  # connections that stay open and pass nothing
        self._changed_at = time.monotonic()  # when a connection came or went
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def lose_connections(self) -> None:
        """Let the connections that are open now pass nothing any more; nobody is told."""
        lost, self._other = self._other, {}
        self._lost += lost

    def carries(self, count: int) -> bool:
        """Whether it carries so many connections, and none has come or gone for a while."""
        return len(self._other) == 2 * count and time.monotonic() - self._changed_at > _SETTLE

    def close(self) -> None:
        self._stopping = True
        self._thread.join(5.0)
        for each in (self._listener, *self._other, *self._lost):
            each.close()

    def _run(self) -> None:
        while not self._stopping:
            waiting = [self._listener, *self._other] if self.whole else []
            for ready in select.select(waiting, [], [], 0.02)[0]:
                if ready is self._listener:
                    self._accept()
                elif ready in self._other:
                    self._pass_on(ready)

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        try:
            far = socket.create_connection((_HOST, self._target), 1.0)
        except OSError:
            near.close()
            return
        self._other |= {near: far, far: near}
        self._changed_at = time.monotonic()

    def _pass_on(self, ready: socket.socket) -> None:
        other, content = self._other[ready], b""
        with contextlib.suppress(OSError):
            content = ready.recv(_CHUNK)
            other.sendall(content)
        if not content:
            for each in (ready, other):
                self._other.pop(each, None)
                each.close()
            self._changed_at = time.monotonic()


class CuttableLinks:
    """The coordinators' link, and one for each robot. Robots and world share a ROS domain; each link speaks for one."""

    def __init__(self, robots: int, folder: Path, start: Start) -> None:
        self._n, self._start = robots, start
        (domain,) = free_domains(1)
        self.beyond = {"ROS_DOMAIN_ID": str(domain)}  # of the coordinators
        authority = Authority.create(folder / "keys")
        authority.issue("coordinator", "dispatch", addresses=[_HOST])
        for i in range(robots):
            authority.issue("robot", f"robot_{i}", robot_id=i)
        self._keys, port = str(authority.folder), free_port(_HOST)
        self._listen, self.cable = f"{_HOST}:{port}", Relay(port)
        self.coordinators = self.start_coordinators()
        self.robots = self.start_robots()

    def start_coordinators(self) -> Child:
        return self._start(self._plan("dispatch", listen=self._listen), self.beyond)

    def start_robots(self) -> list[Child]:
        connect = f"{_HOST}:{self.cable.port}"
        return [self._start(self._plan(f"robot_{i}", connect=connect), {}) for i in range(self._n)]

    def kill_coordinators(self) -> None:
        self.coordinators.process.kill()

    def revive_coordinators(self) -> None:
        self.coordinators.process.wait(10.0)
        self.coordinators = self.start_coordinators()

    def kill_robots(self) -> None:
        for each in self.robots:
            each.process.kill()

    def revive_robots(self) -> None:
        for each in self.robots:
            each.process.wait(10.0)
        self.robots = self.start_robots()

    @property
    def settled(self) -> bool:
        """Whether all robots' links are connected: they share a domain, so that one that dials just now serves all of them."""
        return self.cable.carries(self._n)

    def cut(self) -> None:
        self.cable.whole = False

    def mend(self) -> None:
        self.cable.whole = True

    def close(self) -> None:
        self.cable.close()

    def _plan(self, name: str, **ways: str) -> NodePlan:
        return NodePlan(f"link_{name}", "link", {"keys.folder": self._keys, "keys.name": name, **ways}, "/link")
