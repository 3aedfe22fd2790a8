"""`altmarl link`: run one end of a thin link until Ctrl-C, such as an operator's."""

import os
from pathlib import Path
from typing import Annotated, List, Optional

import typer

from altmarl_ros.cli import console
from altmarl_ros.cli.options import FleetPrefix
from altmarl_ros.cli.processes import command
from altmarl_ros.deployment import NodePlan, discovery_variables
from altmarl_ros.deployment.middleware import LOOPBACK


def link(
    name: Annotated[str, typer.Argument(help="Name of the certificate, which says whose end this is: `altmarl keys list`.")],
    *,
    connect: Annotated[
        Optional[List[str]], typer.Option(help="Where to dial, HOST or HOST:PORT; once for each coordinator's link.")
    ] = None,
    listen: Annotated[Optional[List[str]], typer.Option(help="Where a coordinator's link listens; default: 0.0.0.0.")] = None,
    keys: Annotated[
        Optional[Path], typer.Option("--keys", help="Folder of the keys; default: `keys` in the data home of altmarl.")
    ] = None,
    domain: Annotated[
        Optional[int], typer.Option(min=0, max=232, help="ROS domain of this end; default: the one of ROS_DOMAIN_ID.")
    ] = None,
    guarded: Annotated[
        bool, typer.Option("--guarded", help="At a coordinator: keep off what is no TLS and addresses that fail often.")
    ] = False,
    datagrams: Annotated[
        bool,
        typer.Option("--datagrams", help="At a coordinator: let ticks and reports cross by datagram, for lossy links."),
    ] = False,
    policy_rate: Annotated[
        float, typer.Option(min=0.0, help="At a coordinator: hand out policies at so many bytes per second; 0: all at once.")
    ] = 0.0,
    simulation: Annotated[bool, typer.Option("--simulation", help="Let topics cross that only simulations have.")] = False,
    lease: Annotated[float, typer.Option(min=0.05, max=3600.0, help="Silence after which the coordinator is gone (s).")] = 0.4,
    fleet_prefix: FleetPrefix = "/fleet",
) -> None:
    """Run one end of a thin link between this machine's ROS domain and a coordinator's, until Ctrl-C.

    With an operator's certificate the fleet's topics and nodes appear in this ROS domain, where `altmarl tune`, `top`, `check`,
    `robot` and `dashboard` find them.

    Example: altmarl link anna --connect 192.168.1.10 --domain 42
    """
    parameters: dict[str, str | int | float | bool] = {
        "keys.name": name,
        "fleet_prefix": fleet_prefix,
        "guarded": guarded,
        "datagrams": datagrams,
        "policies.rate": policy_rate,
        "simulation": simulation,
        "lease": lease,
    }
    if keys is not None:
        parameters["keys.folder"] = str(keys)
    for side, endpoints in (("connect", connect), ("listen", listen)):
        if endpoints:
            parameters[side] = ",".join(endpoints)
    environment = {**discovery_variables(), **({} if os.environ.get(LOOPBACK[0]) else dict([LOOPBACK]))}
    if domain is not None:
        environment["ROS_DOMAIN_ID"] = str(domain)
    told = domain if domain is not None else os.environ.get("ROS_DOMAIN_ID") or 0
    console.err.print(f"link of {name} in ROS domain {told}; elsewhere: export ROS_DOMAIN_ID={told}", markup=False)
    line = command(NodePlan("link", "link", parameters, "/link"))
    os.execve(line[0], line, {**os.environ, **environment})
