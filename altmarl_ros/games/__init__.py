"""What is played: finite games of one coordinator and many exchangeable robots."""

from altmarl_ros.games.spec import Builder, load_floor_map, load_game, tick_of
from altmarl_ros.games.tabular import Start, TabularGame

__all__ = ["Builder", "Start", "TabularGame", "load_floor_map", "load_game", "tick_of"]
