"""A fleet of physical robots from one fleet file (docs/how-to/deployment.md); drivers and localisation are the robots' own.

ros2 launch altmarl_ros fleet_real.launch.py fleet:=my_fleet.yaml                                     # all on one machine
ros2 launch altmarl_ros fleet_real.launch.py fleet:=my_fleet.yaml only:=robot_1 coordinator:=false    # on robot_1
ros2 launch altmarl_ros fleet_real.launch.py fleet:=my_fleet.yaml only:=none                          # coordinator alone
"""

from pathlib import Path

from launch import LaunchContext, LaunchDescription
from launch.actions import OpaqueFunction
from launch.substitutions import LaunchConfiguration

from altmarl_ros.deployment.fleet_file import load_fleet_file
from altmarl_ros.deployment.launching import after_training, declare_arguments, is_true, nodes_of
from altmarl_ros.nodes.tools.real_fleet import plan_fleet

ARGUMENTS = {
    "fleet": (None, "The fleet file (YAML)."),
    "only": ("", "Names of the robots to start here, with commas; empty: all that are enabled; none: no robot."),
    "coordinator": ("true", "Start the coordinator here."),
    "log_level": ("info", "Log level of all nodes."),
}


def bring_up(context: LaunchContext) -> list:
    """Turn the file into nodes."""
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    fleet = load_fleet_file(Path(given["fleet"]))
    plans = plan_fleet(fleet, given["only"], is_true(given["coordinator"]))
    actions = nodes_of(plans, given["log_level"])
    if fleet.policy is not None or not is_true(given["coordinator"]):
        return actions
    return after_training(fleet.game, fleet.policy_path, actions)


def generate_launch_description() -> LaunchDescription:
    """Arguments first, then what they describe."""
    return LaunchDescription([*declare_arguments(ARGUMENTS), OpaqueFunction(function=bring_up)])
