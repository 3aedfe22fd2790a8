"""The coordinator alone, for a fleet whose robots are started elsewhere.

ros2 launch altmarl_ros coordinator.launch.py policy:=warehouse.npz k:=5
"""

from launch import LaunchContext, LaunchDescription
from launch.actions import OpaqueFunction
from launch.substitutions import PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

from altmarl_ros.deployment.launch_arguments import LOG_LEVELS
from altmarl_ros.deployment.launching import (
    declare_arguments,
    discovery_environment,
    read_arguments,
)
from altmarl_ros.observation import MODEL_NAMES

ARGUMENTS = {
    "policy": (None, "Policy bundle (.npz) learned by `altmarl train`."),
    "game": ("warehouse", "Game: a built-in name or a YAML file."),
    "k": ("5", "Reports that the coordinator asks for per tick."),
    "model": ("filtered", "How reports are used: filtered, fresh or sticky."),
    "tick_period": ("0.5", "Time between ticks [s]."),
    "fleet_prefix": ("/fleet", "Prefix of the fleet-wide topics; fleets that share a ROS domain need one each."),
    "discovery_range": (
        "",
        "How far nodes are found: localhost (this machine) or subnet; empty: simulations on this machine, others as "
        "ROS_AUTOMATIC_DISCOVERY_RANGE says.",
    ),
    "state_file": ("", "File in which s_g is kept over a restart; empty: none."),
    "params_file": (
        PathJoinSubstitution([FindPackageShare("altmarl_ros"), "config", "params", "sim_fleet.yaml"]),
        "Parameter file; the other arguments are set on top of it.",
    ),
    "plant": ("virtual", "Where s_g comes from: virtual (simulated), or external (a machine that publishes global_state)."),
    "plant_timeout": ("1.0", "Age up to which a state of an external plant is used [s]."),
    "autostart": ("true", "Configure and activate the node at its start; false: leave it to the lifecycle services."),
    "standby": ("false", "Stand by, and decide only when the coordinator that does falls silent."),
    "lease": ("0.0", "Silence after which a standby takes over [s]; 0: three tick periods, and a first one decides at once."),
    "rank": ("0", "Rank in the order of succession, different for each coordinator."),
    "namespace": ("", "Namespace of the node, different for each coordinator."),
    "log_level": ("info", "Least severe messages that are logged: debug, info, warn, error or fatal."),
    "use_sim_time": ("false", "Follow /clock."),
}


def launch_setup(context: LaunchContext) -> list:
    """Turn the arguments into the node."""
    given = read_arguments(context, ARGUMENTS)
    parameters = {
        "policy.file": given.text("policy"),
        "game": given.text("game"),
        "sampling.k": given.whole("k"),
        "sampling.model": given.choice("model", MODEL_NAMES),
        "tick.period": given.number("tick_period"),
        "fleet_prefix": given.text("fleet_prefix"),
        "state_file": given.text("state_file"),
        "plant.kind": given.choice("plant", ("virtual", "external")),
        "plant.timeout": given.number("plant_timeout"),
        "autostart": given.flag("autostart"),
        "standby": given.flag("standby"),
        "failover.lease": given.number("lease"),
        "failover.rank": given.whole("rank"),
        "use_sim_time": given.flag("use_sim_time"),
    }
    return [
        *discovery_environment(given.text("discovery_range"), simulated=False),
        Node(
            package="altmarl_ros",
            executable="coordinator",
            namespace=given.text("namespace"),
            output="screen",
            parameters=[given.text("params_file"), parameters],
            ros_arguments=["--log-level", given.choice("log_level", LOG_LEVELS)],
        ),
    ]


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments; the node depends on their values."""
    return LaunchDescription([*declare_arguments(ARGUMENTS), OpaqueFunction(function=launch_setup)])
