"""Team reward of one tick, from what the robots truly did."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.games.tabular import TabularGame


def team_reward(game: TabularGame, global_state: int, global_action: int, acted: NDArray[np.int64]) -> float:
    """Return r_g(s_g, a_g) plus the mean of r_l over the robots that acted; r_g alone where none did.

    Args:
        game: whose rewards they are.
        global_state: s_g.
        global_action: a_g.
        acted: number of robots per local state and action [S_l, A_l], without trailing states and actions that are 0.
    """
    S_l, A_l = acted.shape
    total = float((acted * game.r_l[:S_l, global_state, :A_l]).sum())
    return float(game.r_g[global_state, global_action]) + total / max(1, int(acted.sum()))
