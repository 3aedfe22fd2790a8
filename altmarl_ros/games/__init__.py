"""What is played: finite games of one coordinator and many exchangeable robots.
A `TabularGame` holds the tables; builders and YAML files make it; a `Trajectory` says what was played.
"""

from altmarl_ros.games.array_files import beyond_arrays, save_game
from altmarl_ros.games.hidden import HiddenState
from altmarl_ros.games.moves import goal_zones
from altmarl_ros.games.rewards import Rewards
from altmarl_ros.games.robot_types import RobotTypes
from altmarl_ros.games.sources import Builder, builder_names, builtin_games, describe_builder, find_builder
from altmarl_ros.games.spec import build_game, describe_game, find_floor_map, load_floor_map, load_game, load_workplace, tick_of
from altmarl_ros.games.tabular import MAX_STATES, Start, TabularGame
from altmarl_ros.games.trajectory import UNKNOWN, Trajectory
from altmarl_ros.games.types import game_of_type, join_types

__all__ = [
    "MAX_STATES",
    "UNKNOWN",
    "Builder",
    "HiddenState",
    "Rewards",
    "RobotTypes",
    "Start",
    "TabularGame",
    "Trajectory",
    "beyond_arrays",
    "build_game",
    "builder_names",
    "builtin_games",
    "describe_builder",
    "describe_game",
    "find_builder",
    "find_floor_map",
    "game_of_type",
    "goal_zones",
    "join_types",
    "load_floor_map",
    "load_game",
    "load_workplace",
    "save_game",
    "tick_of",
]
