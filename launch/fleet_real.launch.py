"""A fleet of physical robots from one fleet file (docs/how-to/deployment.md), without drivers and localisation.

ros2 launch altmarl_ros fleet_real.launch.py fleet:=my_fleet.yaml                                     # all on one machine
ros2 launch altmarl_ros fleet_real.launch.py fleet:=my_fleet.yaml only:=robot_1 coordinator:=false    # on robot_1
ros2 launch altmarl_ros fleet_real.launch.py fleet:=my_fleet.yaml only:=none                          # coordinator alone
"""

from dataclasses import replace
from pathlib import Path

from launch import LaunchContext, LaunchDescription
from launch.actions import OpaqueFunction

from altmarl_ros.deployment import load_fleet_file
from altmarl_ros.deployment.launch_arguments import LOG_LEVELS
from altmarl_ros.deployment.launching import (
    after_training,
    declare_arguments,
    discovery_environment,
    nodes_of,
    read_arguments,
)
from altmarl_ros.nodes.tools.real_fleet import plan_fleet

ARGUMENTS = {
    "fleet": (None, "The fleet file (YAML)."),
    "only": ("", "Names of the robots to start here, separated by commas; empty: all enabled ones; none: no robot."),
    "coordinator": ("true", "Whether to start the coordinator here."),
    "respawn": ("false", "Whether a process that has ended is started again, after 1 s."),
    "fleet_prefix": ("", "Prefix of the fleet-wide topics; empty: that of the fleet file."),
    "discovery_range": (
        "",
        "How far nodes are found: localhost (this machine) or subnet; empty: simulations on this machine, others as "
        "ROS_AUTOMATIC_DISCOVERY_RANGE says.",
    ),
    "log_level": ("info", "Least severe messages that nodes log: debug, info, warn, error or fatal."),
}


def launch_setup(context: LaunchContext) -> list:
    """Turn the fleet file into nodes."""
    given = read_arguments(context, ARGUMENTS)
    coordinator, respawn = given.flag("coordinator"), given.flag("respawn")
    log_level = given.choice("log_level", LOG_LEVELS)
    fleet = load_fleet_file(Path(given.text("fleet")))
    fleet = replace(fleet, fleet_prefix=given.text("fleet_prefix") or fleet.fleet_prefix)
    reach = discovery_environment(given.text("discovery_range"), simulated=False)
    plans = plan_fleet(fleet, given.text("only"), coordinator)
    actions = [*reach, *nodes_of(plans, log_level, respawn=respawn)]
    if fleet.policy is not None or not coordinator:
        return actions
    return after_training(fleet.game, fleet.policy_path, actions)


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments; the nodes depend on their values."""
    return LaunchDescription([*declare_arguments(ARGUMENTS), OpaqueFunction(function=launch_setup)])
