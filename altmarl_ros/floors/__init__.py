"""Where a game is played: floor maps, their zones and passages, the ways through them and the slots in them.

`games.load_floor_map` reads a floor from a file; `driving.zones` is what a robot asks of one.
"""

from altmarl_ros.floors.floor_map import FloorMap
from altmarl_ros.floors.floor_plan import MAX_COORDINATE, OUTSIDE, FloorPlan, Zone

__all__ = ["MAX_COORDINATE", "OUTSIDE", "FloorMap", "FloorPlan", "Zone"]
