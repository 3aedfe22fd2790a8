"""Where games come from and go to: builders by name, files by built-in name, and files that are written.

What a file says is read by altmarl_ros.games.spec.
"""

from altmarl_ros.games.sources.builders import BUILDERS, Builder, builder_names, describe_builder, find_builder
from altmarl_ros.games.sources.located import builtin_games, locate
from altmarl_ros.games.sources.saved import save_changed_game, save_identified, save_identified_game

__all__ = [
    "BUILDERS",
    "Builder",
    "builder_names",
    "builtin_games",
    "describe_builder",
    "find_builder",
    "locate",
    "save_changed_game",
    "save_identified",
    "save_identified_game",
]
