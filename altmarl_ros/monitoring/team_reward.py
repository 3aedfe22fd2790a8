"""Team reward of one tick, from what the robots truly did."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.games.tabular import TabularGame


def team_reward(
    game: TabularGame, global_state: int, global_action: int, acted: NDArray[np.int64], hidden_state: int | None = None
) -> float | None:
    """Return r_g(s_g, a_g) plus the mean of r_l over the robots that acted; r_g alone where none did.

    It is None where robots earn by a hidden state that is not known.

    Args:
        game: whose rewards they are.
        global_state: s_g.
        global_action: a_g.
        acted: number of robots per local state and action [S_l, A_l], without trailing states and actions that are 0.
        hidden_state: d, in a game that has one; None: it is not known.
    """
    S_l, A_l = acted.shape
    rewards, regime = game.r_l, global_state
    if game.hidden is not None:
        d = 0 if game.hidden.rewards_alike else hidden_state
        if d is None or d >= len(game.hidden):
            return None
        rewards, regime = game.hidden.r_l, d * game.n_global_states + global_state
    total = float((acted * rewards[:S_l, regime, :A_l]).sum())
    return float(game.r_g[global_state, global_action]) + total / max(1, int(acted.sum()))
