"""Plans the links of a fleet: the processes that bridge each robot's own ROS network and the coordinator's."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Sequence

from altmarl_ros.deployment.fleet_file import FleetFile, Member
from altmarl_ros.deployment.fleet_plan import FleetPlan, NodePlan, ParameterValue
from altmarl_ros.deployment.middleware import LOOPBACK, free_domains
from altmarl_ros.errors import AltmarlError
from altmarl_ros.links.endpoints import free_port
from altmarl_ros.links.keys import Authority
from altmarl_ros.resources import data_home

COORDINATOR_LINK = "link"
"""Name of the coordinator's link among the processes of a fleet."""

_HOST = "127.0.0.1"
_LEASE = 0.4  # s, the default of a coordinator's tick.lease
_DAYS = 60  # longer than a warning


def link_simulation(plan: FleetPlan, nodes: Sequence[NodePlan], folder: Path) -> list[NodePlan]:
    """Give each robot's process a ROS domain of its own, and add the links between it and the coordinator's.

    Args:
        plan: of the fleet; each of its processes has one robot.
        nodes: its processes.
        folder: where keys are made, which are valid for two months.

    Raises:
        AltmarlError: there are too few ROS domains, or the folder has keys already.
    """
    robots = [node for node in nodes if node.executable == "robots"]
    authority = Authority.create(folder / "keys")
    authority.issue("coordinator", "dispatch", addresses=[_HOST], days=_DAYS)
    endpoint = f"{_HOST}:{free_port(_HOST)}"
    common: dict[str, ParameterValue] = {
        "keys.folder": str(authority.folder),
        "fleet_prefix": plan.fleet_prefix,
        "world_prefix": plan.world_prefix,
        "simulation": True,
    }
    files = nodes[0].parameter_files
    own_values = {**common, "keys.name": "dispatch", "listen": endpoint}
    links = [NodePlan(COORDINATOR_LINK, "link", own_values, parameter_files=files)]
    linked = {node.name: node for node in nodes}
    for node, domain in zip(robots, free_domains(len(robots)), strict=True):
        robot_id, own = int(node.parameters["first_id"]), {"ROS_DOMAIN_ID": str(domain)}
        name = f"robot_{robot_id}"
        authority.issue("robot", name, robot_id=robot_id, days=_DAYS)
        linked[node.name] = replace(node, environment=own)
        values = {**common, "keys.name": name, "connect": endpoint}
        links.append(NodePlan(f"link_{robot_id}", "link", values, "/link", parameter_files=files, environment=own))
    return [*links, *linked.values()]


def fleet_processes(plan: FleetPlan, folder: Path) -> list[NodePlan]:
    """Return every process of a plan, and the links of one that has links, whose keys are made in the folder.

    Raises:
        AltmarlError: see `link_simulation`.
    """
    return link_simulation(plan, plan.nodes(), folder) if plan.link == "zenoh" else plan.nodes()


def with_links(fleet: FleetFile, nodes: Sequence[NodePlan]) -> list[NodePlan]:
    """Keep the processes of a fleet file to this machine and each robot to its ROS domain, and add their links.

    A robot without a domain in the file has the user's own (ROS_DOMAIN_ID), in which its drivers are; so has the coordinator.

    Raises:
        AltmarlError: two of them would share a domain, and so hear each other past their links.
    """
    by_name = {member.name: member for member in fleet.members}
    present = os.environ.get("ROS_DOMAIN_ID") or "0"
    first: dict[str, str] = {}  # who has a domain
    linked: list[NodePlan] = []
    for node in nodes:
        member = by_name.get(node.name)
        domain = present if member is None or member.domain is None else str(member.domain)
        other = first.setdefault(domain, node.name)
        if other != node.name:
            raise AltmarlError(
                f"{fleet.path}: {other} and {node.name} would share ROS domain {domain} of this machine, and hear each other "
                "past their links: give each robot that is started here a `domain`, or start one alone (--only)"
            )
        environment = {"ROS_DOMAIN_ID": domain, **({} if os.environ.get(LOOPBACK[0]) else dict([LOOPBACK]))}
        linked.append(replace(node, environment=environment))
        name = COORDINATOR_LINK if member is None else f"link_{member.name}"
        linked.append(NodePlan(name, "link", _link_parameters(fleet, member), "/link", environment=environment))
    return linked


def _link_parameters(fleet: FleetFile, member: Member | None) -> dict[str, ParameterValue]:
    link = fleet.link
    lease = fleet.coordinator.get("tick.lease", _LEASE)
    values: dict[str, ParameterValue] = {"fleet_prefix": fleet.fleet_prefix, "lease": float(lease)}
    if link.keys is not None:
        values["keys.folder"] = str(link.keys)
    if member is None:
        return {
            **values,
            "keys.name": link.coordinator,
            "listen": ",".join(link.listen),
            "datagrams": link.datagrams,
            "policies.rate": link.policy_rate,
        }
    return {
        **values,
        "keys.name": member.name,
        "connect": ",".join(link.connect),
        "drive_topic": f"/{member.name}/robot/drive",
        "policies.folder": str(data_home() / "links" / member.name),
    }
