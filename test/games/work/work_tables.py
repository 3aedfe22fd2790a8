"""What tests of the builders for work look at: dense tables of a game with a hidden state, and small floors."""

import numpy as np


def dense(game):
    """P_l [d, s_l, s_g, a_l, s_l'] and r_l [d, s_l, s_g, a_l] of a game with a hidden state."""
    hidden, S_g = game.hidden, game.n_global_states
    tables = np.stack(list(hidden.local_kernel.blocks()))  # [s_l, regime, a_l, s_l']
    S_l, _, A_l, _ = tables.shape
    P_l = tables.reshape(S_l, len(hidden), S_g, A_l, S_l).swapaxes(0, 1)
    return P_l, hidden.r_l.reshape(S_l, len(hidden), S_g, A_l).swapaxes(0, 1)


def zones_in_a_row(zones):
    """Zones z0, z1, ... of 4 m x 4 m from west to east, with ways of 4 m between neighbours."""
    return [{"name": f"z{i}", "rectangle": [4 * i, 0, 4 * i + 4, 4]} for i in range(zones)]


def mean_ticks(kernel, start, end):
    """Mean number of ticks until a chain [state, state'] from `start` is in `end` first."""
    others = np.delete(np.arange(len(kernel)), end)
    times = np.linalg.solve(np.eye(len(others)) - kernel[np.ix_(others, others)], np.ones(len(others)))
    return times[np.flatnonzero(others == start)[0]]
