"""A simulated fleet: coordinator, Markov world or simulated floor, and robots as separate processes.

    ros2 launch altmarl_ros sim_fleet.launch.py robots:=100 k:=5
    ros2 launch altmarl_ros sim_fleet.launch.py backend:=physical game:=hall robots:=20 k:=4 rtf:=4

Without `policy` a bundle for the game is trained first, unless one is kept from an earlier start.
"""

from datetime import datetime
from pathlib import Path

from launch import LaunchContext, LaunchDescription
from launch.actions import OpaqueFunction

from altmarl_ros.deployment import FleetPlan, find_period, types_in_fleet
from altmarl_ros.deployment.fleet_plan import BACKENDS, LINK_KINDS
from altmarl_ros.deployment.launch_arguments import LOG_LEVELS
from altmarl_ros.deployment.launching import (
    after_training,
    declare_arguments,
    discovery_environment,
    nodes_of,
    read_arguments,
)
from altmarl_ros.deployment.link_plan import fleet_processes
from altmarl_ros.games import load_game
from altmarl_ros.observation import MODEL_NAMES
from altmarl_ros.policies.bundle import default_path
from altmarl_ros.protocol.link_model import parse_network
from altmarl_ros.resources import data_home

ARGUMENTS = {
    "robots": ("30", "Number of robots."),
    "k": ("5", "Reports that the coordinator asks for per tick."),
    "model": ("filtered", "How the coordinator uses reports: filtered, fresh or sticky."),
    "tick_period": ("", "Time between ticks [s]; empty: 0.5, or for robots with wheels the game's own."),
    "game": ("warehouse", "Game: a built-in name or a YAML file."),
    "policy": ("", "Policy bundle (.npz); empty: the game's own, which is trained if there is none."),
    "processes": ("0", "Number of processes that share the robots; 0: chosen by the number of robots."),
    "crowd": ("false", "Simulate all robots in one process, in arrays, up to 100000 of them."),
    "backend": (
        "markov",
        "What the robots move in: markov (Markov world), physical (simulated floor) or real (their own bases).",
    ),
    "rtf": ("1.0", "Speed of a simulated floor over real time; 0: as fast as the robots steer."),
    "network": ("", "Faults to simulate between coordinator and robots, such as loss=0.3,duplicate=0.2,jitter=0.2."),
    "link": (
        "dds",
        "What connects robots and coordinator: dds (one ROS domain) or zenoh (a domain of its own for each robot, and thin "
        "links between them).",
    ),
    "standby": ("false", "Start a second coordinator that takes over when the first falls silent."),
    "trainer": ("false", "Start a trainer, which learns new policies for the fleet."),
    "visualization": ("false", "Publish /fleet/visualization, markers for RViz and Foxglove."),
    "fleet_prefix": ("/fleet", "Prefix of the fleet-wide topics; fleets that share a ROS domain need one each."),
    "discovery_range": (
        "",
        "How far nodes are found: localhost (this machine) or subnet; empty: simulations on this machine, others as "
        "ROS_AUTOMATIC_DISCOVERY_RANGE says.",
    ),
    "seed": ("0", "Seed of all random numbers."),
    "params_file": ("", "Parameter file for all nodes; the other arguments are set on top of it."),
    "state_file": ("", "File in which the coordinator keeps s_g over a restart; empty: none."),
    "log_level": ("info", "Least severe messages that nodes log: debug, info, warn, error or fatal."),
    "use_sim_time": ("false", "Follow /clock."),
}


def launch_setup(context: LaunchContext) -> list:
    """Turn the arguments into a plan, and the plan into nodes."""
    given = read_arguments(context, ARGUMENTS)
    game, backend = given.text("game"), given.choice("backend", BACKENDS)
    log_level = given.choice("log_level", LOG_LEVELS)
    policy = Path(given.text("policy")) if given.text("policy") else default_path(load_game(game))
    plan = FleetPlan(
        game=game,
        policy=policy,
        robots=given.whole("robots"),
        k=given.whole("k"),
        model=given.choice("model", MODEL_NAMES),
        period=find_period(given.optional_number("tick_period"), game, backend),
        backend=backend,
        real_time_factor=given.number("rtf"),
        processes=given.whole("processes"),
        crowd=given.flag("crowd"),
        seed=given.whole("seed"),
        state_file=given.text("state_file"),
        network=parse_network(given.text("network")),
        standby=given.flag("standby"),
        link=given.choice("link", LINK_KINDS),
        trainer=given.flag("trainer"),
        visualization=given.flag("visualization"),
        use_sim_time=given.flag("use_sim_time"),
        fleet_prefix=given.text("fleet_prefix"),
        params_file=Path(given.text("params_file")) if given.text("params_file") else None,
        types=types_in_fleet(load_game(game), given.whole("robots")),
    )
    reach = discovery_environment(given.text("discovery_range"), simulated=backend != "real")
    folder = data_home() / "runs" / datetime.now().strftime("%Y%m%d-%H%M%S-%f")
    actions = [*reach, *nodes_of(fleet_processes(plan, folder), log_level, essential=plan.essential)]
    return actions if given.text("policy") else after_training(plan.game, policy, actions)


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments; the nodes depend on their values."""
    return LaunchDescription([*declare_arguments(ARGUMENTS), OpaqueFunction(function=launch_setup)])
