"""Discretises a continuous game, so that it can be solved as a finite one; it is still played on its own dynamics.

The ranges of both positions are cut into equal cells. From the centre of a cell the next position is a clipped
Gaussian, whose mass in every cell is computed exactly as a difference of normal distribution functions, with the tails
in the end cells. Rewards are those at the centres. Cells of width h add h^2 / 12 to the variance of a step. The
coordinator's count vectors are over the bins (`groups`), not over the cells.
"""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, Field

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games.continuous import ContinuousWarehouse
from altmarl_ros.games.grid import Grid
from altmarl_ros.games.start import Start
from altmarl_ros.games.tabular import TabularGame

_CONCENTRATION = 1e5  # Dirichlet concentration around a start; far above n, so that only the robots' own noise is left
_LEAST_SHARE = 1e-9  # least start probability of a cell: the Dirichlet needs positive parameters


class ContinuousWarehouseParameters(BaseModel, extra="forbid"):
    """Parameters of the `continuous_warehouse` builder; the defaults are the authors' numbers."""

    gamma: float = Field(0.95, gt=0, lt=1)
    bins: int = Field(5, ge=2, le=64)
    half_width: float = Field(2.0, gt=0, le=1e6)
    steering: float = Field(0.6, gt=0, le=1)
    sigma_g: float = Field(0.08, gt=0, le=1e6)
    sigma_l: float = Field(0.04, gt=0, le=1e6)
    step: float = Field(0.05, gt=0, le=1e6)
    commitment_reward: float = Field(5.0, ge=-1e6, le=1e6)
    commitment_width: float = Field(0.30, gt=0, le=1e6)
    alignment_reward: float = Field(10.0, ge=-1e6, le=1e6)
    alignment_width: float = Field(0.20, gt=0, le=1e6)
    move_cost: float = Field(5.0, ge=-1e6, le=1e6)
    start_range: float = Field(1.0, gt=0, le=1e6)
    start_spread: float = Field(0.18, gt=0, le=1e6)
    majority: float = Field(0.55, gt=0, le=1)
    global_cells_per_bin: int = Field(9, ge=1, le=99)
    local_cells_per_bin: int = Field(33, ge=1, le=99)


def build_continuous_warehouse(parameters: ContinuousWarehouseParameters) -> TabularGame:
    """Build the discretised game, which holds the continuous game that it stands for.

    An odd number of cells per bin puts the centre of a cell on every target.
    """
    numbers = dict(parameters)
    gamma, per_global, per_local = (numbers.pop(key) for key in ("gamma", "global_cells_per_bin", "local_cells_per_bin"))
    game = ContinuousWarehouse(**numbers)
    return discretise(game, gamma, game.bins * per_global, game.bins * per_local)


def discretise(game: ContinuousWarehouse, gamma: float, global_cells: int, local_cells: int) -> TabularGame:
    """Discretise the game with `global_cells` and `local_cells` cells; the latter must be a multiple of the number of bins."""
    of_g, of_l = Grid(game.half_width, global_cells), Grid(game.half_width, local_cells)
    s_g, s_l = of_g.centres, of_l.centres
    a_g, a_l = np.arange(game.bins), np.arange(len(game.offsets))
    P_l = of_l.gaussian(game.mean_s_l(s_l[:, None], a_l), game.sigma_l)  # [s_l, a_l, s_l']
    return TabularGame(
        name="continuous_warehouse",
        P_g=of_g.gaussian(game.mean_s_g(s_g[:, None], a_g), game.sigma_g),
        P_l=np.broadcast_to(P_l[:, None], (local_cells, global_cells, *P_l.shape[1:])),
        r_g=game.r_g(s_g[:, None], a_g),
        r_l=game.r_l(s_l[:, None, None], s_g[:, None], a_l),
        gamma=gamma,
        start=Start(of_g.uniform(-game.start_range, game.start_range), _CONCENTRATION * _starts(game, of_l)),
        local_state_names=tuple(f"{centre:+.4f}" for centre in s_l),
        global_action_names=tuple(f"to {target:+.2f}" for target in game.targets),
        local_action_names=("stay", "forward", "backward"),
        groups=Grid(game.half_width, game.bins).cell_of(s_l),
        continuous=game,
    )


def _starts(game: ContinuousWarehouse, grid: Grid) -> FloatArray:
    # One distribution of robots over cells for each pair of bins that they may start around.
    around = grid.gaussian(game.targets, game.start_spread)
    shares = game.majority * around[game.pairs[:, 0]] + (1.0 - game.majority) * around[game.pairs[:, 1]] + _LEAST_SHARE
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))
