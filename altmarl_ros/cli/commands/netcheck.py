"""`altmarl netcheck`: check whether a fleet's traffic passes between two machines, and say what to do if not."""

import os
import time
from typing import Annotated, Any

import numpy as np
import typer

from altmarl_ros.cli import console
from altmarl_ros.cli.optional_imports import import_rclpy
from altmarl_ros.cli.options import Json, Timeout
from altmarl_ros.deployment import Check, discovery_variables
from altmarl_ros.deployment.multicast import GROUP, PORT, MulticastListener, probe

_LOST = 0.01  # share of lost reports that a healthy link stays under


def netcheck(
    *,
    listen: Annotated[bool, typer.Option("--listen", help="Answer the other machine until Ctrl-C; start this first.")] = False,
    peer: Annotated[bool, typer.Option("--peer", help="Test the connection; run this on the other machine.")] = False,
    link: Annotated[bool, typer.Option("--link", help="Test the thin link of this machine; nothing else has to run.")] = False,
    robot: Annotated[
        str, typer.Option("--robot", metavar="NODE", help="With --link, at an operator: test the link of this robot's node.")
    ] = "",
    k: Annotated[int, typer.Option("--k", "-k", min=1, max=1000, help="Reports per tick.")] = 25,
    rate: Annotated[float, typer.Option(min=0.1, max=1000.0, help="Ticks per second.")] = 10.0,
    ticks: Annotated[int, typer.Option(min=1, help="Number of ticks to send.")] = 50,
    timeout: Timeout = 10.0,
    as_json: Json = False,
) -> None:
    """Check multicast, discovery and a tick rate between two machines; exits with 1 if a fleet would not work.

    With --link it measures round trip and loss of a thin link, from this machine or from a robot to the coordinator.

    Example: altmarl netcheck --listen, and on the other machine altmarl netcheck --peer --k 25 --rate 10;
    altmarl netcheck --link;  altmarl netcheck --link --robot robot_7/robot
    """
    if listen + peer + link != 1:
        raise typer.BadParameter("give either --listen or --peer or --link")
    if robot and not link:
        raise typer.BadParameter("--robot needs --link")
    rclpy = import_rclpy()
    for name, value in discovery_variables().items():
        os.environ[name] = value
    rclpy.init(args=[])
    try:
        if listen:
            _listen(rclpy)
            return
        checks = _ask_link(rclpy, robot or "link", timeout) if link else _ask(rclpy, k, rate, ticks, timeout)
    except KeyboardInterrupt:
        if not listen:
            raise
        return
    finally:
        rclpy.try_shutdown()
    console.print_checks(checks, as_json)


def _listen(rclpy: Any) -> None:
    from altmarl_ros.nodes.tools.netcheck import NetcheckListener

    node, multicast = NetcheckListener(), MulticastListener()
    console.err.print(f"listening; {_setup()}; run `altmarl netcheck --peer` on the other machine")
    heard: set[str] = set()
    try:
        while rclpy.ok():
            rclpy.spin_once(node, timeout_sec=0.05)
            address = multicast.poll()
            if address is not None and address not in heard:
                heard.add(address)
                console.err.print(f"multicast heard from {address}")
            if node.answered == 1:
                node.answered += 1
                console.err.print("ticks heard through ROS 2")
    except rclpy.executors.ExternalShutdownException:
        pass
    finally:
        multicast.close()


def _ask(rclpy: Any, k: int, rate: float, ticks: int, timeout: float) -> list[Check]:
    from altmarl_ros.nodes.tools.netcheck import NetcheckPeer

    node = NetcheckPeer()
    began = time.monotonic()
    answer = probe(timeout)
    while not node.connected and time.monotonic() - began < timeout:
        rclpy.spin_once(node, timeout_sec=0.05)
    found = time.monotonic() - began
    checks = [Check("setup", "ok", _setup())]
    if answer is not None:
        checks.append(Check("multicast", "ok", f"{answer.host} ({answer.address}) answered in {1e3 * answer.delay:.1f} ms"))
    else:
        checks.append(
            Check(
                "multicast",
                "warning" if node.connected else "failed",
                f"no answer on {GROUP}:{PORT} within {timeout:g} s",
                "let the switch, access point and firewall pass multicast, or set ROS_STATIC_PEERS=<address of the other> "
                "on both, or use a discovery server (docs/how-to/network.md)",
            )
        )
    if not node.connected:
        checks.append(
            Check("discovery", "failed", f"no listener found within {timeout:g} s", _discovery_remedy(answer is not None))
        )
        return checks
    checks.append(Check("discovery", "ok", f"the listener was found within {found:.1f} s"))
    checks.append(_rate(rclpy, node, k, rate, ticks))
    return checks


def _ask_link(rclpy: Any, node: str, timeout: float) -> list[Check]:
    from altmarl_ros.links.services import NETCHECK
    from altmarl_ros.nodes.tools.link_checks import LinkAsker

    service = f"/{node.strip('/')}/{NETCHECK}"
    executor = rclpy.executors.SingleThreadedExecutor()
    asker = LinkAsker(service, executor)
    try:
        found = asker.ask(timeout)
    finally:
        executor.shutdown(timeout_sec=1.0)
        asker.destroy_node()
    if found is not None:
        return found
    remedy = "start a link on this machine in this ROS domain, or name a robot's node as `altmarl tune` lists it"
    return [Check("link", "failed", f"nobody offers {service} within {timeout:g} s", remedy)]


def _rate(rclpy: Any, node: Any, k: int, rate: float, ticks: int) -> Check:
    start = time.monotonic()
    while len(node.sent) < ticks:
        if time.monotonic() >= start + len(node.sent) / rate:
            node.send(k)
        rclpy.spin_once(node, timeout_sec=max(0.0, min(0.01, start + len(node.sent) / rate - time.monotonic())))
    end = time.monotonic() + max(0.5, 1.0 / rate)
    while time.monotonic() < end:
        rclpy.spin_once(node, timeout_sec=0.01)
    # The last report of a tick is what the coordinator waits for.
    whole = np.array([max(delays) for delays in node.answers if len(delays) >= k])
    heard = sum(min(len(delays), k) for delays in node.answers) / (k * ticks)
    detail = f"{heard:.1%} of {ticks} ticks x {k} reports at {rate:g} Hz came back"
    if len(whole):
        detail += f", whole ticks in {1e3 * np.median(whole):.1f} ms (p50), {1e3 * np.quantile(whole, 0.99):.1f} ms (p99)"
    if 1.0 - heard > _LOST:
        remedy = "lower k or the rate, or mend the link: `filtered` plays on with what arrives"
    elif np.quantile(whole, 0.99) > 0.8 / rate:
        remedy = "answers come after the deadline (0.8 of the period): lower k or the rate"
    else:
        return Check("rate", "ok", detail)
    return Check("rate", "failed", detail, remedy)


def _discovery_remedy(multicast: bool) -> str:
    if os.environ.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "").upper() in ("LOCALHOST", "OFF") and not os.environ.get(
        "ROS_STATIC_PEERS"
    ):
        return "ROS_AUTOMATIC_DISCOVERY_RANGE keeps ROS to this machine: set it to SUBNET, or set ROS_STATIC_PEERS"
    if multicast:
        return "multicast passes: check that both have the same ROS_DOMAIN_ID, RMW_IMPLEMENTATION, and open UDP ports from 7400"
    return "set ROS_STATIC_PEERS=<address of the other> on both, or ROS_DISCOVERY_SERVER, and start --listen first"


def _setup() -> str:
    from rclpy.utilities import get_rmw_implementation_identifier

    names = (
        "ROS_DOMAIN_ID",
        "ROS_AUTOMATIC_DISCOVERY_RANGE",
        "ROS_STATIC_PEERS",
        "ROS_DISCOVERY_SERVER",
        "FASTDDS_BUILTIN_TRANSPORTS",
    )
    given = [f"{name}={os.environ[name]}" for name in names if os.environ.get(name)]
    return ", ".join([get_rmw_implementation_identifier(), *given])
