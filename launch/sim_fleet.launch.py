"""A simulated fleet: coordinator, Markov world or simulated floor, and robots as separate processes.

    ros2 launch altmarl_ros sim_fleet.launch.py robots:=100 k:=5
    ros2 launch altmarl_ros sim_fleet.launch.py backend:=physical game:=hall robots:=20 k:=4 rtf:=4

Without `policy` a bundle for the game is trained first, unless one is kept from an earlier start.
"""

import sys
from pathlib import Path

from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    ExecuteProcess,
    LogInfo,
    OpaqueFunction,
    RegisterEventHandler,
    SetEnvironmentVariable,
)
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from altmarl_ros.fleet.middleware import discovery_variables
from altmarl_ros.fleet.network import parse_network
from altmarl_ros.fleet.plan import FleetPlan, find_period
from altmarl_ros.games import load_game
from altmarl_ros.policies.bundle import default_path

ARGUMENTS = {
    "robots": ("30", "Number of robots."),
    "k": ("5", "Reports that the coordinator hears per tick."),
    "model": ("filtered", "What the coordinator makes of the reports: filtered, fresh or sticky."),
    "tick_period": ("", "Time between ticks [s]; empty: 0.5, or for robots with wheels the game's own."),
    "game": ("warehouse", "Game: a built-in name or a YAML file."),
    "policy": ("", "Policy bundle (.npz); empty: trained for the game, once."),
    "processes": ("0", "Processes that share the robots; 0: by their number."),
    "crowd": ("false", "Play all robots in one process, in arrays, up to 100000."),
    "backend": ("markov", "markov: a Markov world; physical: robots on a simulated floor; real: their own bases."),
    "rtf": ("1.0", "Speed of a simulated floor over real time; 0: as fast as robots steer."),
    "network": ("", "Faults between coordinator and robots, such as loss=0.3,duplicate=0.2,jitter=0.2."),
    "standby": ("false", "Start a second coordinator that takes over when the first falls silent."),
    "seed": ("0", "Seed of everything random."),
    "state_file": ("", "Where the coordinator keeps s_g over a restart; empty: nowhere."),
    "log_level": ("info", "Log level of all nodes."),
    "use_sim_time": ("false", "Follow /clock."),
}


def bring_up(context: LaunchContext) -> list:
    """Turn the arguments into a plan and the plan into nodes."""
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    policy = Path(given["policy"]) if given["policy"] else default_path(load_game(given["game"]))
    plan = FleetPlan(
        game=given["game"], policy=policy, robots=int(given["robots"]), k=int(given["k"]), model=given["model"],
        period=find_period(float(given["tick_period"]) if given["tick_period"] else None, given["game"], given["backend"]),
        backend=given["backend"], real_time_factor=float(given["rtf"]), processes=int(given["processes"]),
        crowd=given["crowd"].lower() in ("true", "1"), seed=int(given["seed"]), state_file=given["state_file"],
        network=parse_network(given["network"]), standby=given["standby"].lower() in ("true", "1"),
        use_sim_time=given["use_sim_time"].lower() in ("true", "1"),
    )  # fmt: skip
    nodes: list = [SetEnvironmentVariable(name, value) for name, value in discovery_variables().items()]
    nodes += [
        Node(
            package="altmarl_ros", executable=node.executable, name=node.ros_name.rpartition("/")[2] or node.name,
            namespace=node.ros_name.rpartition("/")[0] or "/", output="screen",
            parameters=[str(plan.parameter_file), dict(node.parameters)],
            ros_arguments=["--log-level", given["log_level"]],
        )
        for node in plan.nodes()
    ]  # fmt: skip
    if given["policy"]:
        return nodes
    training = ExecuteProcess(
        cmd=[sys.executable, "-m", "altmarl_ros.cli.main", "train", "--if-missing", "--game", plan.game, "--out", str(policy)],
        output="screen",
    )

    def trained(event, _context):
        if event.returncode == 0:
            return nodes
        return [LogInfo(msg="training failed"), EmitEvent(event=Shutdown(reason="training failed"))]

    return [RegisterEventHandler(OnProcessExit(target_action=training, on_exit=trained)), training]


def generate_launch_description() -> LaunchDescription:
    """Arguments first, then what they describe."""
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in ARGUMENTS.items()
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=bring_up)])
