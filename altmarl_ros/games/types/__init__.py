"""Games whose robots are of several types: joined of games of one type each (`joined_types`), and the key `types` of game files
(`type_spec`).
"""

from altmarl_ros.games.types.joined_types import game_of_type, join_types
from altmarl_ros.games.types.type_spec import TypeSpec, types_of, with_arrays

__all__ = ["TypeSpec", "game_of_type", "join_types", "types_of", "with_arrays"]
