"""Runs a fleet over thin links for minutes, with an operator's link, and measures the memory of every process; then replays it.

    python benchmarks/links_memory.py --robots 30 --minutes 15

Memory (RSS) is read once a minute; once the fleet has settled a line says how much each process grows in the minutes from then
on. An operator's link is there all the time, and reads all parameters of the coordinator once per minute.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import rclpy
from soak import rss

from altmarl_ros.cli.main import main as altmarl
from altmarl_ros.cli.processes import ProcessGroup, command
from altmarl_ros.deployment import FleetPlan, NodePlan
from altmarl_ros.deployment.fleet_plan import ParameterValue
from altmarl_ros.deployment.link_plan import fleet_processes
from altmarl_ros.deployment.middleware import discovery_variables, free_domains, isolation_variables
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import load_game
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.links import Authority
from altmarl_ros.nodes.tools.parameter_tool import ParameterTool
from altmarl_ros.policies import save_bundle

_MINUTE = 60.0


def with_operator(nodes: list[NodePlan], folder: Path, domain: int, *, datagrams: bool, lease: float) -> list[NodePlan]:
    """Add an operator's link, in a ROS domain of its own, and set what is asked for."""
    own: dict[str, dict[str, ParameterValue]] = {"link": {"datagrams": datagrams}, "coordinator": {"tick.lease": lease}}
    nodes = [
        replace(
            node,
            parameters={**node.parameters, **({"lease": lease} if node.executable == "link" else {}), **own.get(node.name, {})},
        )
        for node in nodes
    ]
    Authority(folder / "keys").issue("operator", "anna")
    listen = next(node for node in nodes if node.name == "link").parameters["listen"]
    parameters = {
        "keys.folder": str(folder / "keys"),
        "keys.name": "anna",
        "connect": listen,
        "simulation": True,
        "lease": lease,
    }
    return [*nodes, NodePlan("link_anna", "link", parameters, "/link", environment={"ROS_DOMAIN_ID": str(domain)})]


def read_parameters(domain: int) -> int:
    """Read the coordinator's parameters over the operator's link; returns their number, 0: no answer."""
    rclpy.init(args=[], domain_id=domain)
    tool = ParameterTool(30.0)
    try:
        return len(tool.read("/coordinator"))
    except AltmarlError as error:
        print(f"operator: {error}", flush=True)
        return 0
    finally:
        tool.close()
        rclpy.try_shutdown()


def run(plan: FleetPlan, arguments: argparse.Namespace, folder: Path) -> tuple[dict[str, float], dict[str, float], int]:
    """Run the fleet; returns the memory [MB] of each process early and late, and how often the operator was answered."""
    (domain,) = free_domains(1)
    nodes = with_operator(fleet_processes(plan, folder), folder, domain, datagrams=arguments.datagrams, lease=arguments.lease)
    early: dict[str, float] = {}
    answered = 0
    with ProcessGroup(folder / "logs", os.environ) as group:
        children = {node.name: group.start(node.name, command(node, "warn"), node.environment) for node in nodes}
        for minute in range(1, arguments.settle + arguments.minutes + 1):
            time.sleep(_MINUTE)
            answered += read_parameters(domain) > 0
            ended = [name for name, child in children.items() if child.process.poll() is not None]
            print(f"minute {minute}: {answered} answers to the operator, ended: {', '.join(ended) or 'nobody'}", flush=True)
            late = {name: rss(child) for name, child in children.items() if name not in ended}
            early = early or (late if minute >= arguments.settle else {})
            print(
                f"  links: {late.get('link', 0.0):.1f}, {late.get('link_1', 0.0):.1f} MB; load {os.getloadavg()[0]:.0f}",
                flush=True,
            )
    return early, late, answered


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--robots", type=int, default=30)
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument("--period", type=float, default=1.0, help="s")
    parser.add_argument("--lease", type=float, default=0.4, help="s of silence after which a coordinator counts as gone")
    parser.add_argument("--settle", type=int, default=3, help="minutes until memory is compared; a busy machine needs more")
    parser.add_argument("--minutes", type=int, default=15, help="in which memory is compared")
    parser.add_argument("--datagrams", action="store_true", help="ticks and reports cross by datagram")
    arguments = parser.parse_args()
    os.environ.update({**discovery_variables(), **isolation_variables()})
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        options = TrainingOptions(K=arguments.k, runs=50, n=100, learn_for="fresh", certificate_runs=0)
        policy = save_bundle(train(load_game("warehouse"), options), folder / "policy.npz")
        k = min(arguments.k, arguments.robots)
        plan = FleetPlan("warehouse", policy, arguments.robots, k, "fresh", arguments.period, link="zenoh", start_timeout=120.0)
        with ProcessGroup(folder / "recorder", os.environ) as recorder:
            recorder.start("record", [sys.executable, "-m", "altmarl_ros.cli.main", "record", str(folder / "bag")])
            early, late, answered = run(plan, arguments, folder)
        grown = {name: late[name] / size - 1.0 for name, size in early.items() if name in late}
        for name, share in sorted(grown.items(), key=lambda item: -item[1])[:10]:
            print(f"{name}: {early[name]:.1f} MB in minute {arguments.settle}, {late[name]:.1f} MB at the end ({share:+.1%})")
        print(f"{len(grown)} processes, the most grown by {max(grown.values()):+.1%}; operator answered {answered} times")
        print(f"replay: exit code {altmarl(['replay', str(folder / 'bag'), '--policy', str(policy)])}")


if __name__ == "__main__":
    main()
