"""One robot in its own namespace.

    ros2 launch altmarl_ros robot.launch.py robot_id:=7
    ros2 launch altmarl_ros robot.launch.py robot_id:=7 game:=hall backend:=real params_file:=my_robot.yaml

A robot of a fleet file is started by fleet_real.launch.py with `only:=<its name>`.
"""

from launch import LaunchContext, LaunchDescription
from launch.actions import OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from altmarl_ros.deployment import find_period, wheel_parameters
from altmarl_ros.deployment.fleet_plan import BACKENDS
from altmarl_ros.deployment.launch_arguments import LOG_LEVELS
from altmarl_ros.deployment.launching import (
    declare_arguments,
    discovery_environment,
    read_arguments,
)

ARGUMENTS = {
    "robot_id": ("0", "The robot's id, unique in the fleet."),
    "namespace": (["robot_", LaunchConfiguration("robot_id")], "Namespace of the robot's own topics."),
    "game": ("", "Game that the robot accepts, a name or a YAML file; empty: any; a robot with wheels needs one."),
    "backend": (
        "markov",
        "What the robot moves in: markov (Markov world), physical (simulated floor) or real (its own base).",
    ),
    "tick_period": ("", "Time between ticks [s], from which a robot with wheels gets its timeouts; empty: the game's own."),
    "params_file": ("", "Parameter file of the robot; the other arguments are set on top of it."),
    "fleet_prefix": ("/fleet", "Prefix of the fleet-wide topics; fleets that share a ROS domain need one each."),
    "discovery_range": (
        "",
        "How far nodes are found: localhost (this machine) or subnet; empty: simulations on this machine, others as "
        "ROS_AUTOMATIC_DISCOVERY_RANGE says.",
    ),
    "world_prefix": ("/world", "Prefix of the simulated world's topics."),
    "seed": ("0", "Seed of the robot's action draws, together with its id."),
    "silence": ("2.0", "Silence of the coordinator after which the robot joins again [s]."),
    "lease": ("0.0", "Silence of the coordinator after which the robot follows another one [s]; 0: as silence."),
    "autostart": ("true", "Configure and activate the node at its start; false: leave it to the lifecycle services."),
    "log_level": ("info", "Least severe messages that are logged: debug, info, warn, error or fatal."),
    "use_sim_time": ("false", "Follow /clock."),
}


def launch_setup(context: LaunchContext) -> list:
    """Turn the arguments into the node."""
    given = read_arguments(context, ARGUMENTS)
    game, backend = given.text("game"), given.choice("backend", BACKENDS)
    parameters = {
        **wheel_parameters(backend, find_period(given.optional_number("tick_period"), game, backend)),
        "robot_id": given.whole("robot_id"),
        "game": game,
        "fleet_prefix": given.text("fleet_prefix"),
        "world_prefix": given.text("world_prefix"),
        "seed": given.whole("seed"),
        "silence": given.number("silence"),
        "coordinator.lease": given.number("lease"),
        "autostart": given.flag("autostart"),
        "use_sim_time": given.flag("use_sim_time") or backend == "physical",
    }
    return [
        *discovery_environment(given.text("discovery_range"), simulated=backend != "real"),
        Node(
            package="altmarl_ros",
            executable="robot",
            namespace=given.text("namespace"),
            output="screen",
            parameters=[*([given.text("params_file")] if given.text("params_file") else []), parameters],
            ros_arguments=["--log-level", given.choice("log_level", LOG_LEVELS)],
        ),
    ]


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments; the node depends on their values."""
    return LaunchDescription([*declare_arguments(ARGUMENTS), OpaqueFunction(function=launch_setup)])
