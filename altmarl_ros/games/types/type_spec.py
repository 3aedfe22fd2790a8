"""Reads the key `types` of a game file: how many robots of each type there are, and in what they differ.

    types:
      carrier: {robots: 20}                               # or share: 0.8; as the rest of the file says
      lifter: {robots: 5, parameters: {stay_logit: 5.0}}  # parameters of the builder that differ
      picker:
        robots: 5
        arrays: picker.npz                                # P_l, r_l or alpha that replace the game's
      tug:
        robots: 2
        P_l: [[dock, "*", go, {same: 0.5, hall: 0.5}]]    # games with tables: lines after those of the game
        r_l: [[dock, "*", go, 1.0]]

Either all types say `robots` or all say `share`. A fleet of another size has the types in the same proportion.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

import numpy as np
from pydantic import BaseModel, Field

from altmarl_ros.errors import GameError
from altmarl_ros.games.array_checks import frozen_array
from altmarl_ros.games.array_files import read_arrays
from altmarl_ros.games.hidden import HiddenState
from altmarl_ros.games.robot_types import RobotTypes
from altmarl_ros.games.start import Start
from altmarl_ros.games.tabular import TabularGame


class TypeSpec(BaseModel, extra="forbid"):
    """What a game file says of one type; annotations as in spec."""

    robots: Optional[int] = Field(None, ge=1)
    share: Optional[float] = Field(None, gt=0, le=1)
    parameters: Dict[str, Any] = Field(default_factory=dict)
    arrays: Optional[str] = None
    P_l: List[Any] = Field(default_factory=list)
    r_l: List[Any] = Field(default_factory=list)


def types_of(given: Mapping[str, TypeSpec], place_names: tuple[str, ...]) -> RobotTypes:
    """The types that a game file names.

    Raises:
        GameError: none is named, they mix `robots` and `share`, or the shares do not sum to 1.
    """
    if not given:
        raise GameError("types names no type")
    in_robots = [each.robots is not None for each in given.values()]
    for name, each in given.items():
        if (each.robots is None) == (each.share is None):
            raise GameError(f"types.{name} needs one of the keys 'robots' and 'share'")
    if any(in_robots) and not all(in_robots):
        raise GameError("types: either all of them say 'robots', or all say 'share'")
    number = np.array([each.robots if each.robots is not None else each.share for each in given.values()], dtype=np.float64)
    if not all(in_robots) and abs(number.sum() - 1.0) > 1e-6:
        raise GameError(f"types: the shares sum to {number.sum():.9g}, must sum to 1")
    return RobotTypes(tuple(given), number, place_names)


def with_arrays(game: TabularGame, path: Path) -> TabularGame:
    """The game with the P_l, r_l or alpha that an `.npz` holds; with a hidden state P_l and r_l have d as their first axis.

    Raises:
        GameError: the file cannot be read, or an array breaks a rule.
    """
    arrays = read_arrays("arrays", path, (), ("P_l", "r_l", "alpha"))
    if "alpha" in arrays:
        game = replace(game, start=Start(game.initial.rho_g, arrays["alpha"]))
    changes: dict[str, Any] = {name: arrays[name] for name in ("P_l", "r_l") if name in arrays}
    if game.hidden is None:
        return replace(game, **changes)
    own = game.hidden
    S_l, _, A_l = own.r_l.shape
    r_l = own.r_l.reshape(S_l, len(own), own.n_global_states, A_l).transpose(1, 0, 2, 3)
    rewards = frozen_array("r_l", changes["r_l"], ["d", "s_l", "s_g", "a_l"]) if "r_l" in changes else r_l
    hidden = HiddenState(own.P_d, changes.get("P_l", own.local_kernel), rewards, rho_d=own.rho_d, names=own.names)
    return replace(game, hidden=hidden)
