"""The coordinator alone, for a fleet whose robots are started elsewhere.

ros2 launch altmarl_ros coordinator.launch.py policy:=warehouse.npz k:=5
"""

from launch import LaunchDescription
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from altmarl_ros.deployment.launching import declare_arguments

ARGUMENTS = {
    "policy": (None, "Policy bundle (.npz) learned by `altmarl train`."),
    "game": ("warehouse", "Game: a built-in name or a YAML file."),
    "k": ("5", "Reports that the coordinator asks for per tick."),
    "model": ("filtered", "How reports are used: filtered, fresh or sticky."),
    "tick_period": ("0.5", "Time between ticks [s]."),
    "fleet_prefix": ("/fleet", "Prefix of the fleet-wide topics."),
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


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments and describe the node."""

    def value(name: str, kind: type) -> ParameterValue:
        return ParameterValue(LaunchConfiguration(name), value_type=kind)

    coordinator = Node(
        package="altmarl_ros",
        executable="coordinator",
        namespace=LaunchConfiguration("namespace"),
        output="screen",
        parameters=[
            LaunchConfiguration("params_file"),
            {
                "policy.file": value("policy", str),
                "game": value("game", str),
                "sampling.k": value("k", int),
                "sampling.model": value("model", str),
                "tick.period": value("tick_period", float),
                "fleet_prefix": value("fleet_prefix", str),
                "state_file": value("state_file", str),
                "plant.kind": value("plant", str),
                "plant.timeout": value("plant_timeout", float),
                "autostart": value("autostart", bool),
                "standby": value("standby", bool),
                "failover.lease": value("lease", float),
                "failover.rank": value("rank", int),
                "use_sim_time": value("use_sim_time", bool),
            },
        ],
        ros_arguments=["--log-level", LaunchConfiguration("log_level")],
    )
    return LaunchDescription([*declare_arguments(ARGUMENTS), coordinator])
