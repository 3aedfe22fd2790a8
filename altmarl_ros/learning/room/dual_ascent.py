"""Finds prices of room by dual ascent, where the linear programme of module programme is too large for a solver.

    Q_t      values of a robot that pays the prices lambda_t; pi_t is greedy to them
    x_t      shares of time of pi_t from mu on
    lambda_{t+1}(s_g, p) = max(0, lambda_t(s_g, p) + eta_t (x_t(s_g, p) / x_t(s_g) - c_p)),    eta_t ~ 1 / sqrt(t)

A place that is over its room becomes dearer, one that is not becomes cheaper. The mean of the x_t comes near the programme's
solution (Nedic and Ozdaglar, Approximate primal solutions and rate analysis for dual subgradient methods, 2009), and the mean
of the prices near its dual one; the first ones are left out.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games import TabularGame
from altmarl_ros.games.room import Room
from altmarl_ros.games.sparse import Sparse
from altmarl_ros.learning.coordinator_response import Response
from altmarl_ros.learning.horizon import discounted_horizon
from altmarl_ros.learning.local_agent import greedy
from altmarl_ros.learning.room.programme import RoomSolution, capacity_of, moves_of, priced_response

_STEPS = 150
_STEP_SIZE = 0.03  # in spans of the reward for a place that is over its room by as much as fits
_LEFT_OUT = 50  # first steps, whose prices are far from those of the end
_TAIL = 1e-3  # share of the time that is left out at the end of a run


def ascend(
    game: TabularGame, response: Response, room: Room, n: int, *, start: FloatArray, share: float = 1.0, steps: int = _STEPS
) -> RoomSolution:
    """Solve the programme for a fleet of n robots approximately; see `programme.solve` for the arguments."""
    places, capacity = room.places.of, capacity_of(room, n, share)
    gain = (game.r_l + response.reward.T[:, :, None]).transpose(1, 0, 2)  # [s_g, s_l, a_l]
    moves, source = moves_of(game, response), start / start.sum()
    inside = sparse.csr_array((np.ones(len(places)), (np.arange(len(places)), places)))  # [s_l, p]
    scale = float(np.ptp(gain)) / max(float(capacity.min()), 1.0 / n)
    price, mean_price = np.zeros((2, game.n_global_states, len(capacity)))
    mean = np.zeros(gain.shape)
    for step in range(1, steps + 1):
        policy = greedy(priced_response(game, response, room, price, capacity)).transpose(1, 0, 2)
        x = _shares_of_time(moves, policy, source, game.gamma)
        used = x.sum(axis=2) @ inside
        here = used.sum(axis=1, keepdims=True)
        if step > _LEFT_OUT:
            mean, mean_price = mean + x / (steps - _LEFT_OUT), mean_price + price / (steps - _LEFT_OUT)
        over = np.divide(used, here, out=np.zeros_like(used), where=here > 0) - capacity
        price = np.maximum(0.0, price + _STEP_SIZE * scale / np.sqrt(step) * over)
    used = mean.sum(axis=2) @ inside
    overflow = np.maximum(0.0, used - capacity * used.sum(axis=1, keepdims=True))
    Q = priced_response(game, response, room, mean_price, capacity)
    return RoomSolution(mean, float((mean * gain).sum()), mean_price, overflow, Q, mean.sum(axis=(1, 2)), exact=False)


def _shares_of_time(moves: Sparse, policy: FloatArray, source: FloatArray, gamma: float) -> FloatArray:
    """Discounted shares of time [S_g, S_l, A_l] of a policy [S_g, S_l, A_l] from `source` [S_g, S_l] on."""
    onward = moves.T.tocsr()
    at, shares = source, np.zeros(policy.shape)
    for tick in range(discounted_horizon(gamma, _TAIL)):
        x = at[:, :, None] * policy
        shares += gamma**tick * x
        at = (onward @ x.ravel()).reshape(source.shape)
    return np.asarray(shares / shares.sum())
