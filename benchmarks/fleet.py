"""Measures running fleets by size: tick latency beside a floor, wire bytes, tick rate, CPU, memory and start-up.

    python benchmarks/fleet.py                         # everything, about 15 minutes
    python benchmarks/fleet.py --quick                 # fewer ticks
    python benchmarks/fleet.py --only latency 100      # one measurement and one size; several may be named
    python benchmarks/fleet.py --only soak 1000        # 2 Hz for 60 s: missed deadlines
    python benchmarks/fleet.py --game FILE --only latency 300    # another game, such as a floor of 100 zones

Sizes up to 1000 are robot nodes in at most 4 processes, larger ones a `crowd`. The floor is a bare rclpy broadcast
and k answers between as many processes and nodes with the same QoS and executor. It runs between the fleet's ticks, in
another ROS domain, so that a busy machine slows down both alike. Wire bytes are IP packets counted on the
loopback interface (needs CAP_NET_RAW). Without a policy of k rungs for the game one is trained first.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Iterator

import numpy as np
from rich.console import Console
from rich.table import Table
from wire import Capture

from altmarl_ros.cli.processes import Child, ProcessGroup, command, start_fleet
from altmarl_ros.cli.training import find_bundle
from altmarl_ros.deployment.fleet_plan import FleetPlan
from altmarl_ros.deployment.middleware import discovery_variables, free_domain
from altmarl_ros.games import load_game

NODES, CROWDS = (10, 100, 300, 1000), (10_000, 100_000)
MEASUREMENTS = ("latency", "wire", "rate", "soak")
MOST_PROCESSES = 4
START = 120.0  # s; patience with a start
HERE = Path(__file__).parent


class Listener:
    """Hears /fleet/status and nothing else, so that it adds no report traffic."""

    def __init__(self) -> None:
        import rclpy
        from rclpy.signals import SignalHandlerOptions

        from altmarl_ros.msg import CoordinatorStatus
        from altmarl_ros.nodes.common import qos
        from altmarl_ros.nodes.common.running import make_executor

        self._rclpy = rclpy
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        self.node = rclpy.create_node("benchmark", start_parameter_services=False)
        self.statuses: list[CoordinatorStatus] = []
        self.node.create_subscription(CoordinatorStatus, "/fleet/status", self.statuses.append, qos.account_qos())
        self.executor = make_executor()
        self.executor.add_node(self.node)

    def listen(self, seconds: float, ticks: float = float("inf")) -> None:
        """Spin until the list holds this many statuses, or until the time is over [s]."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and len(self.statuses) < ticks:
            self.executor.spin_once(timeout_sec=0.05)

    def close(self) -> None:
        self.executor.shutdown(timeout_sec=1.0)
        self.node.destroy_node()
        self._rclpy.shutdown()


class Running:
    """A fleet whose first tick with all robots has been decided."""

    def __init__(self, plan: FleetPlan, group: ProcessGroup) -> None:
        self.plan, self._group = plan, group
        self.listener = Listener()
        began = time.monotonic()
        self.children = start_fleet(plan, group, "warn")
        while not self.listener.statuses or self.listener.statuses[-1].live < plan.robots:
            self.listener.listen(0.1)
            if time.monotonic() - began > START or group.ended():
                raise SystemExit(f"no fleet of {plan.robots}: {[(c.name, c.exit_code, c.last_words()) for c in self.children]}")
        self.startup = time.monotonic() - began

    def statuses(self, ticks: int) -> list:
        """Return the statuses of the next ticks."""
        self.listener.listen(0.05)
        self.listener.statuses.clear()
        self.listener.listen(5.0 + 2.0 * ticks * self.plan.period, ticks)
        return list(self.listener.statuses)

    def restart_coordinator(self, period: float) -> None:
        """Restart the coordinator with another period, while the robots keep running."""
        old = next(child for child in self.children if child.name == "coordinator")
        old.process.terminate()
        old.process.wait(10.0)
        self.plan = replace(self.plan, period=period)
        self.listener.statuses.clear()
        node = next(node for node in self.plan.nodes() if node.name == "coordinator")
        new = self._group.start("coordinator", command(node, "warn"))
        self.children = [new if child is old else child for child in self.children]
        end = time.monotonic() + START
        while not self.listener.statuses or self.listener.statuses[-1].live < self.plan.robots:
            self.listener.listen(0.1)
            if time.monotonic() > end:
                raise SystemExit("the coordinator did not come back")
        self.listener.listen(1.0)

    def robot_processes(self) -> list[Child]:
        return [child for child in self.children if child.name.startswith(("robots", "crowd"))]


@contextlib.contextmanager
def running(plan: FleetPlan, **environment: str) -> Iterator[Running]:
    """Run a fleet in its own ROS domain, on this machine only."""
    os.environ.update(discovery_variables())
    os.environ.update({"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", "ROS_DOMAIN_ID": str(free_domain()), **environment})
    with tempfile.TemporaryDirectory() as folder, ProcessGroup(Path(folder), os.environ) as group:
        fleet = Running(plan, group)
        try:
            yield fleet
        finally:
            fleet.listener.close()
            for name in environment:
                del os.environ[name]


@contextlib.contextmanager
def floor(plan: FleetPlan, ticks: int) -> Iterator[subprocess.Popen]:
    """Run bare nodes in as many processes as the fleet's robots, and their driver, which prints its latencies when it ends."""
    count = min(plan.robots, 1000)  # a crowd is one node: so is its floor, which answers for all
    hosts = plan.robot_processes
    environment = {**os.environ, "ROS_DOMAIN_ID": str(free_domain())}
    shares = [range(count)[i::hosts] for i in range(hosts)]
    firsts = np.cumsum([0, *(len(share) for share in shares)])
    floor_file = str(HERE / "floor.py")
    with tempfile.TemporaryDirectory() as folder, ProcessGroup(Path(folder), environment) as group:
        for i, share in enumerate(shares):
            group.start(f"host_{i}", [sys.executable, floor_file, "host", str(firsts[i]), str(len(share))])
        driver = [sys.executable, floor_file, "driver", str(count), str(plan.k), str(ticks), str(plan.period)]
        yield subprocess.Popen(driver, env=environment, stdout=subprocess.PIPE, text=True)


def usage(children: list[Child]) -> tuple[float, float]:
    """Return the processor time so far [s] and the resident memory [MiB] of processes."""
    seconds = memory = 0.0
    for child in children:
        fields = Path(f"/proc/{child.process.pid}/stat").read_text().rpartition(")")[2].split()
        seconds += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        memory += int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    return seconds, memory


def milliseconds(latencies: list[float]) -> str:
    p50, p99 = 1000 * np.percentile(latencies, (50, 99))
    return f"{p50:.1f} / {p99:.1f}"


def measure_latency(plan: FleetPlan, ticks: int) -> dict[str, str]:
    """Measure the time from broadcast to decision beside the floor, and start-up, CPU and memory per robot."""
    with running(plan) as fleet:
        cpu, _ = usage(fleet.robot_processes())
        began = time.monotonic()
        quiet = fleet.statuses(max(10, ticks // 4))  # without the floor beside it
        later, memory = usage(fleet.robot_processes())
        load = (later - cpu) / (time.monotonic() - began) / plan.robots
        row = {
            "start s": f"{fleet.startup:.1f}",
            "CPU/robot at period": f"{1e6 * load:.0f} us/s",
            "MiB/robot": f"{memory / plan.robots:.3f}",
            "alone p50 / p99 ms": milliseconds([s.latency for s in quiet]),
        }
        if plan.crowd:
            return row
        with floor(plan, ticks) as driver:
            fleet.listener.statuses.clear()
            while driver.poll() is None:
                fleet.listener.listen(0.1)
            bare = json.loads(driver.stdout.read())
        ours = [status.latency for status in fleet.listener.statuses][-ticks:]
        ratio = np.percentile(ours, (50, 99)) / np.percentile(bare, (50, 99))
        return {
            **row,
            "p50 / p99 ms": milliseconds(ours),
            "floor ms": milliseconds(bare),
            "of floor": f"{ratio[0]:.2f} / {ratio[1]:.2f}",
        }


def measure_wire(plan: FleetPlan, ticks: int) -> dict[str, str]:
    """Count the IP bytes per tick on the loopback interface."""
    # LOCALHOST would bring its own transports, shared memory among them, whatever is chosen here.
    with running(plan, FASTDDS_BUILTIN_TRANSPORTS="UDPv4", ROS_AUTOMATIC_DISCOVERY_RANGE="SUBNET") as fleet:
        from rclpy.serialization import serialize_message

        from altmarl_ros.msg import FleetTick, RobotReport

        fleet.statuses(20)  # discovery and hellos are over
        examples = RobotReport(), FleetTick(polled=range(plan.k))
        sizes = [-(-len(serialize_message(example)) // 4) * 4 for example in examples]  # padded on the wire
        with Capture(int(os.environ["ROS_DOMAIN_ID"]), fleet.listener.statuses[-1].session, *sizes) as capture:
            statuses = fleet.statuses(ticks)
        n, heard = len(statuses), sum(status.heard for status in statuses)
        return {
            "report B/tick": f"{capture.bytes['reports'] / n:.0f}",
            "reports heard/tick": f"{heard / n:.2f}",
            "report B each": f"{capture.bytes['reports'] / max(1, capture.packets['reports']):.1f}",
            "tick B/tick": f"{capture.bytes['ticks'] / n:.0f}",
            "all B/tick": f"{capture.bytes['all'] / n:.0f}",
        }


def measure_rate(plan: FleetPlan, ticks: int) -> dict[str, str]:
    """Find the highest of some rates at which no tick began late and all k reports came in in 99 % of the ticks."""
    best = 0.0
    with running(plan) as fleet:
        for rate in (2, 5, 10, 20, 30, 50, 75, 100):
            fleet.restart_coordinator(1 / rate)
            statuses = fleet.statuses(max(ticks, 3 * rate))
            whole = np.mean([status.heard == plan.k for status in statuses])
            if statuses[-1].missed_ticks > statuses[0].missed_ticks or whole < 0.99:
                break
            best = rate
    return {"max rate Hz": f"{best:g}"}


def measure_soak(plan: FleetPlan, seconds: float, rate: float) -> dict[str, str]:
    """Count the missed deadlines at a steady rate."""
    with running(replace(plan, period=1 / rate)) as fleet:
        fleet.statuses(5)
        statuses = fleet.statuses(round(seconds * rate))
        unheard = sum(status.heard < status.asked for status in statuses)
        late = statuses[-1].missed_ticks - statuses[0].missed_ticks
        return {f"{rate:g} Hz, {seconds:g} s: late ticks, ticks not fully heard": f"{late}, {unheard} of {len(statuses)}"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=[], help=f"of {', '.join(MEASUREMENTS)} and of the sizes")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--game", default="warehouse", help="built-in game or YAML file")
    parser.add_argument("--policy", type=Path, help="bundle; default: that which is kept for the game")
    parser.add_argument("--k", type=int, default=25)
    parser.add_argument("--period", type=float, default=0.2)
    arguments = parser.parse_args()
    wanted = [name for name in MEASUREMENTS if name in arguments.only] or list(MEASUREMENTS)
    sizes = [int(size) for size in arguments.only if size.isdigit()] or [*NODES, *CROWDS]
    ticks = 50 if arguments.quick else 300
    policy, bundle = find_bundle(load_game(arguments.game), arguments.game, arguments.policy)
    console = Console(width=150)
    console.print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {platform.platform()}")
    rows: dict[int, dict[str, str]] = {}
    for n in sizes:
        k = min(n, arguments.k, bundle.pi_g.most_reports or n)
        period = max(arguments.period, n / 2000) if n <= NODES[-1] else arguments.period
        plan = FleetPlan(
            arguments.game,
            policy,
            robots=n,
            k=k,
            period=period,
            crowd=n > NODES[-1],
            start_timeout=60.0,
            processes=min(MOST_PROCESSES, max(1, n // 50)),
        )
        rows[n] = {"k": str(k), "processes": str(plan.robot_processes)}
        for name in wanted:
            if name == "soak":
                rate = 10.0 if plan.crowd else 2.0
                rows[n] |= measure_soak(plan, 10.0 if arguments.quick else 60.0, rate)
            elif name == "rate":
                rows[n] |= measure_rate(plan, min(ticks, 100))
            else:
                rows[n] |= {"latency": measure_latency, "wire": measure_wire}[name](plan, ticks)
            console.print(n, name, rows[n], style="dim")
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    table = Table(title="by number of robots (nodes, then crowd)")
    table.add_column("")
    for n in rows:
        table.add_column(f"{n:,}", justify="right")
    for column in columns:
        table.add_row(column, *(row.get(column, "") for row in rows.values()))
    console.print(table)


if __name__ == "__main__":
    main()
