"""The process of a coordinator that is told the hidden state: its global state is then the regime (d, s_g).

What it earns bounds from above what a coordinator earns that has to find the hidden state out.
"""

from __future__ import annotations

import numpy as np

from altmarl_ros.games import Start, TabularGame
from altmarl_ros.games.sparse import Sparse, distinct
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.shares import SharesProcess


def told_process(game: TabularGame, pi_l: LocalPolicy) -> SharesProcess:
    """The process over shares whose global states are the regimes d * S_g + s_g, of robots that act by pi_l."""
    from scipy.sparse import kron

    assert game.hidden is not None
    by_regime, reward = game.in_regimes(pi_l.probabilities)
    kernels, kernel_of = distinct(by_regime)
    P_g = game.global_kernel.rows.matrix
    # Rows (d, s_g, a_g) and columns (d', s_g').
    joint = Sparse(kron(Sparse(game.hidden.P_d), P_g, format="csr"))
    return SharesProcess(kernels, kernel_of, reward, joint, np.tile(game.r_g, (len(game.hidden), 1)), gamma=game.gamma)


def told_start(game: TabularGame) -> Start:
    """How episodes begin for it."""
    assert game.hidden is not None
    start = game.initial
    return Start(np.outer(game.hidden.rho_d, start.rho_g).ravel(), start.alpha, types=start.types)
