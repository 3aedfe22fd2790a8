"""Plans the processes of a fleet file, its robots and the coordinator, and checks all parameters before any of them starts."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from altmarl_ros.deployment import FleetFile, Member, NodePlan, wheel_parameters
from altmarl_ros.deployment.fleet_plan import ParameterValue
from altmarl_ros.deployment.link_plan import with_links
from altmarl_ros.errors import AltmarlError
from altmarl_ros.nodes.common.parameters import Parameter, accept
from altmarl_ros.nodes.common.safety_bounds import SafetyBounds
from altmarl_ros.nodes.coordinator import parameters as coordinator_parameters
from altmarl_ros.nodes.robot.node import PARAMETERS as ROBOT_PARAMETERS
from altmarl_ros.nodes.robot.parameters import check_topics, drive_settings
from altmarl_ros.nodes.robot.shared_resources import type_number
from altmarl_ros.protocol.admission import IdRanges

_SIMULATED_TIME = Parameter("use_sim_time", False, "Follow /clock.")
_ROBOT = (*ROBOT_PARAMETERS, _SIMULATED_TIME)
_COORDINATOR = (*coordinator_parameters.PARAMETERS, _SIMULATED_TIME)


def plan_fleet(fleet: FleetFile, only: str = "", coordinator: bool = True) -> list[NodePlan]:
    """Plan the processes of the chosen robots (see FleetFile.choose) and of the coordinator, and their links.

    The whole file is checked.

    Raises:
        AltmarlError: naming the file and what is wrong with it.
    """
    robots = {member.name: robot_plan(fleet, member) for member in fleet.members}
    chosen = [robots[member.name] for member in fleet.choose(only)]
    decides = coordinator_plan(fleet)
    planned = [*chosen, decides] if coordinator else chosen
    if fleet.link.kind != "zenoh":
        return planned
    if fleet.tabular.types is not None:
        raise AltmarlError(f"{fleet.path}: link.kind is zenoh, must be dds in a game with types: links carry one local policy")
    return with_links(fleet, planned)


def robot_plan(fleet: FleetFile, member: Member) -> NodePlan:
    """Plan the process of one robot.

    Raises:
        AltmarlError: naming the file, the robot, the parameter and what is wrong with it.
    """
    where = f"{fleet.path}: robot {member.name!r}"
    given = {
        **wheel_parameters("real", fleet.period),
        **_lease(fleet),
        **_type(fleet, member),
        **member.parameters,
        "robot_id": member.id,
        "game": fleet.game,
        "fleet_prefix": fleet.fleet_prefix,
    }
    values = _accept(where, _ROBOT, given, fixed=("robot_id", "game", "fleet_prefix"), own=member.parameters)
    whole: Mapping[str, Any] = {**{parameter.name: parameter.default for parameter in _ROBOT}, **values}
    try:
        check_topics(whole)
        drive_settings(whole)
        SafetyBounds(_ROBOT, whole)
        type_number(fleet.tabular, str(whole["robot.type"]))
        _check_silence(fleet, whole)
    except AltmarlError as error:
        raise AltmarlError(f"{where}: {error}") from None
    return NodePlan(member.name, "robot", values, f"/{member.name}/robot", member.remappings)


def coordinator_plan(fleet: FleetFile) -> NodePlan:
    """Plan the process of the coordinator, which waits with its first tick until all enabled robots have joined.

    Raises:
        AltmarlError: naming the file, the parameter and what is wrong with it.
    """
    given = {
        "tick.period": fleet.period,
        "start.robots": len(fleet.enabled),
        "roster.allow": str(IdRanges.of(member.id for member in fleet.enabled)),
        **fleet.coordinator,
        "game": fleet.game,
        "policy.file": str(fleet.policy_path),
        "fleet_prefix": fleet.fleet_prefix,
    }
    where = f"{fleet.path}: coordinator"
    values = _accept(where, _COORDINATOR, given, fixed=("game", "policy.file", "fleet_prefix"), own=fleet.coordinator)
    return NodePlan("coordinator", "coordinator", values)


def _accept(
    where: str, table: Sequence[Parameter], given: Mapping[str, Any], fixed: tuple[str, ...], own: Mapping[str, Any]
) -> dict[str, ParameterValue]:
    try:
        twice = next((name for name in fixed if name in own), None)
        if twice is not None:
            raise AltmarlError(f"parameter {twice!r} stands elsewhere in the file")
        return accept(table, given)
    except AltmarlError as error:
        raise AltmarlError(f"{where}: {error}") from None


def _type(fleet: FleetFile, member: Member) -> dict[str, ParameterValue]:
    """Return the parameter for the robot's type, which has the name of its type in the fleet file unless it says another."""
    types = fleet.tabular.types
    return {"robot.type": member.type} if types is not None and member.type in types.names else {}


def _lease(fleet: FleetFile) -> dict[str, ParameterValue]:
    """Return the parameter by which robots follow a standby as soon as it takes over, where there may be one."""
    lease = fleet.coordinator.get("failover.lease", 0.0)
    return {"coordinator.lease": float(lease)} if isinstance(lease, (int, float)) and lease > 0.0 else {}


def _check_silence(fleet: FleetFile, values: Mapping[str, Any]) -> None:
    """Refuse timeouts that are shorter than what they watch, with which the robot would never move."""
    period = fleet.period
    if not values["timeout.tick"] > period:
        raise AltmarlError(
            f"parameter 'timeout.tick' is {values['timeout.tick']:g} s, must be longer than a tick, {period:g} s"
        )
    by_name = {parameter.name: parameter.default for parameter in coordinator_parameters.PARAMETERS}
    lease = fleet.coordinator.get("tick.lease", by_name["tick.lease"])
    if isinstance(lease, (int, float)) and lease > values["timeout.coordinator"]:
        raise AltmarlError(
            f"parameter 'timeout.coordinator' is {values['timeout.coordinator']:g} s, must be at least the coordinator's "
            f"'tick.lease', {lease:g} s"
        )
