"""The YAML files of games: a named builder with its parameters, explicit arrays beside the file, or tables in it.

    name: my_fleet                    name: my_fleet
    builder: warehouse                arrays: tables.npz    # P_g, P_l, r_g, r_l; see array_files
    parameters: {zones: 5}            gamma: 0.95

The third form is `tables` (see written_tables). All may have names (local_state_names, ...), a one-line `description`,
`identified: kernel.npz` with a P_l that replaces the model's (and with P_d, where there is a hidden state), `room` and
`places` (see module room), and `types` of robots (see package types). The parameters of the `floor` builder may name a floor
map (`map: hall.yaml`), whose keys are then parameters too. A builder is looked up among the built-in ones first, and then among
the entry points of the group `altmarl_ros.games`, each of which loads a `Builder`.
"""

from altmarl_ros.games.game_files.builders import BUILDERS, Builder, builder_names, describe_builder, find_builder
from altmarl_ros.games.game_files.floors import find_floor_map, load_floor_map, load_workplace, tick_of
from altmarl_ros.games.game_files.identified import load_posterior, save_changed_game, save_identified, save_identified_game
from altmarl_ros.games.game_files.load import build_game, describe_game, load_game
from altmarl_ros.games.game_files.spec import builtin_games

__all__ = [
    "BUILDERS",
    "Builder",
    "build_game",
    "builder_names",
    "builtin_games",
    "describe_builder",
    "describe_game",
    "find_builder",
    "find_floor_map",
    "load_floor_map",
    "load_game",
    "load_posterior",
    "load_workplace",
    "save_changed_game",
    "save_identified",
    "save_identified_game",
    "tick_of",
]
