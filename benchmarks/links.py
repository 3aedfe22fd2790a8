"""Measures what a fleet costs at the coordinator's network interface: DDS in one domain beside thin links over zenoh.

    python benchmarks/links.py --robots 2,10 --seconds 40

The coordinator is in one network namespace and the robots in another, joined by a virtual cable whose bytes are counted in
both directions, headers included. Every robot has a process of its own, and over zenoh a ROS domain, a link and a Markov
world of its own; over DDS one world stands beside them. Bodies and worlds do not cross the cable. --rate limits what each side
sends (tc, token bucket), and --loss drops packets on both (nftables). Needs root, and a machine that allows network namespaces.

A row: bytes from the first process until `--start` seconds later, then bytes per second and per tick, in which robots answer k
polls per tick. `heard` is the share of polls that were answered in the last ticks.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import json
import math
import os
import socket
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "test" / "ros"))
from namespaces import Cable, RemoteObserver

from altmarl_ros.cli.processes import ProcessGroup, command
from altmarl_ros.deployment import FleetPlan, NodePlan
from altmarl_ros.deployment.middleware import discovery_variables, free_domains
from altmarl_ros.games import load_game
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.links import Authority
from altmarl_ros.policies import save_bundle

_PORT = 7447
_ALL_PROTOCOLS = 3
_OBSERVED = 20.0  # s at the end, in which it is looked whether robots answer


@dataclass(frozen=True)
class Row:
    """One fleet.

    Attributes:
        kind: dds or zenoh.
        robots: number of robots.
        start: bytes at the interface in the first seconds.
        rate: bytes per second after that.
        per_tick: bytes per tick after that.
        by_kind: bytes per second after that, by what the packets are: multicast (discovery), UDP, TCP.
        heard: share of polls that were answered; NaN where no tick was seen at the end.
    """

    kind: str
    robots: int
    start: int
    rate: float
    per_tick: float
    by_kind: dict[str, float]
    heard: float


def linked(plan: FleetPlan, cable: Cable, folder: Path, lease: float) -> tuple[list[NodePlan], list[NodePlan]]:
    """Return the processes on the coordinator's side and on the robots' side, over zenoh."""
    nodes = with_lease(plan, lease)
    authority = Authority.create(folder / "keys")
    authority.issue("coordinator", "dispatch", addresses=[cable.address["a"]])
    common = {"keys.folder": str(authority.folder), "lease": lease}
    listen = {**common, "keys.name": "dispatch", "listen": f"0.0.0.0:{_PORT}"}
    near = [NodePlan("link", "link", listen), *(node for node in nodes if node.executable == "coordinator")]
    (world,) = [node for node in nodes if node.executable == "world"]
    robots = [node for node in nodes if node.executable == "robots"]
    far = []
    for node, domain in zip(robots, free_domains(len(robots)), strict=True):
        robot_id, own = int(node.parameters["first_id"]), {"ROS_DOMAIN_ID": str(domain)}
        name = f"robot_{robot_id}"
        authority.issue("robot", name, robot_id=robot_id)
        dial = {**common, "keys.name": name, "connect": f"{cable.address['a']}:{_PORT}"}
        far.append(NodePlan(f"link_{robot_id}", "link", dial, environment=own))
        far.append(replace(world, name=f"world_{robot_id}", environment=own))
        far.append(replace(node, environment=own))
    return near, far


def with_lease(plan: FleetPlan, lease: float) -> list[NodePlan]:
    """Return a plan's processes; the coordinator's silence counts after `lease` [s]."""
    return [
        replace(node, parameters={**node.parameters, "tick.lease": lease}) if node.executable == "coordinator" else node
        for node in plan.nodes()
    ]


def in_one_domain(plan: FleetPlan, lease: float) -> tuple[list[NodePlan], list[NodePlan]]:
    """Return the processes on the coordinator's side and on the robots' side, over DDS."""
    nodes = with_lease(replace(plan, link="dds", processes=plan.robots), lease)
    return [node for node in nodes if node.executable == "coordinator"], [
        node for node in nodes if node.executable in ("world", "robots")
    ]


def measure(kind: str, plan: FleetPlan, arguments: argparse.Namespace, folder: Path) -> Row:
    """Run one fleet."""
    cable = Cable()
    (domain,) = free_domains(1)
    environment = {
        **os.environ,
        **discovery_variables(),
        "ROS_DOMAIN_ID": str(domain),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET" if kind == "dds" else "LOCALHOST",
        "FASTDDS_BUILTIN_TRANSPORTS": "UDPv4",  # namespaces share the machine's memory
    }
    os.environ.update(environment)  # of the observer
    try:
        for side in "ab":
            if arguments.rate:
                cable.limit(side, arguments.rate)
            if arguments.loss:
                cable.lose(side, arguments.loss)
        near, far = linked(plan, cable, folder, arguments.lease) if kind == "zenoh" else in_one_domain(plan, arguments.lease)
        with ProcessGroup(folder / "logs", environment) as group:
            for side, nodes in (("b", far), ("a", near)):
                with cable.at(side):
                    for node in nodes:
                        group.start(node.name, command(node, "warn"), node.environment)
            time.sleep(arguments.start)
            begun, first = time.monotonic(), carried(cable)
            with Sniffer(cable, "a") as sniffer:
                time.sleep(arguments.seconds)
            took = time.monotonic() - begun
            rate = (carried(cable) - first) / took
            with cable.at("a"):
                observer = RemoteObserver(folder / "observer")
            end = time.monotonic() + _OBSERVED + plan.period
            try:
                while time.monotonic() < end:
                    observer.spin_once(0.05)
                rows = list(observer.log.statuses.values())
            finally:
                observer.shutdown()
        asked = sum(row.asked for row in rows)
        heard = sum(row.heard for row in rows) / asked if asked else math.nan
        by_kind = {name: count / took for name, count in sorted(sniffer.bytes.items())}
        return Row(kind, plan.robots, first, rate, rate * plan.period, by_kind, heard)
    finally:
        cable.remove()


class Sniffer:
    """Counts the bytes of the packets at one side's interface, by what they are."""

    def __init__(self, cable: Cable, side: str) -> None:
        self.bytes: collections.Counter[str] = collections.Counter()
        with cable.at(side):
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_PROTOCOLS))
            self._socket.bind((cable.device[side], 0))
        self._socket.settimeout(0.1)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Sniffer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                frame = self._socket.recv(1 << 16)
                self.bytes[_kind(frame)] += len(frame)


def _kind(frame: bytes) -> str:
    if frame[12:14] != b"\x08\x00":
        return "other"
    if frame[30] >> 4 == 14:  # 224.0.0.0/4
        return "multicast"
    return {socket.IPPROTO_TCP: "tcp", socket.IPPROTO_UDP: "udp"}.get(frame[23], "other")


def carried(cable: Cable) -> int:
    """Bytes in both directions so far."""
    return cable.sent_bytes("a") + cable.sent_bytes("b")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--robots", default="2,10", help="numbers of robots, separated by commas")
    parser.add_argument("--kinds", default="dds,zenoh")
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument("--period", type=float, default=1.0, help="s")
    parser.add_argument("--lease", type=float, default=0.4, help="s of silence after which a coordinator counts as gone")
    parser.add_argument("--start", type=float, default=60.0, help="s until the fleet is taken to run")
    parser.add_argument("--seconds", type=float, default=40.0, help="s that are measured then")
    parser.add_argument("--rate", default="", help="of the cable in each direction, as 160kbit")
    parser.add_argument("--loss", type=int, default=0, help="percent of the packets")
    parser.add_argument("--out", type=Path, help="write the rows as JSON")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        options = TrainingOptions(K=arguments.k, runs=50, n=100, learn_for="fresh", certificate_runs=0)
        policy = save_bundle(train(load_game("warehouse"), options), Path(temporary) / "policy.npz")
        for robots in map(int, arguments.robots.split(",")):
            k = min(arguments.k, robots)
            plan = FleetPlan("warehouse", policy, robots=robots, k=k, model="fresh", period=arguments.period, link="zenoh")
            for kind in arguments.kinds.split(","):
                folder = Path(temporary) / f"{kind}_{robots}"
                rows.append(measure(kind, plan, arguments, folder))
                row = rows[-1]
                print(
                    f"{kind:>6} {robots:3d} robots: start {row.start / 1e3:8.1f} kB, then {row.rate / 1e3:7.2f} kB/s, "
                    f"{row.per_tick / 1e3:7.2f} kB per tick, heard {row.heard:.2f}; "
                    + ", ".join(f"{name} {count / 1e3:.2f} kB/s" for name, count in row.by_kind.items()),
                    flush=True,
                )
    if arguments.out:
        arguments.out.write_text(json.dumps([vars(row) for row in rows], indent=2) + "\n")


if __name__ == "__main__":
    main()
