"""Finds prices of room, and how robots keep to it, in a game with a hidden state, by dual ascent.

Robots do not see the hidden state d, and yet crowd where they find it good; so room limits what is expected in a place given
(s_g, d), and prices are by place, s_g and d. A robot pays lambda(s_g, d, p) at place p without knowing which price it is:

    Q_t       action values of pi_t where a robot pays the prices lambda_t, averaged over d (module memoryless)
    pi_{t+1} = (1 - eta_t) pi_t + eta_t greedy(Q_t),                    eta_t = max(2 / (t + 1), 0.1)
    lambda_{t+1} = max(0, lambda_t + c_t (x_t(s_g, d, p) / x_t(s_g, d) - c_p)),    c_t ~ 1 / sqrt(t)

with x_t the shares of time of pi_t. What comes out is the mean of the x_t and of the prices of the later steps. Policies
without memory are no convex set, as those of the programme are: this finds good ones and proves nothing, and UPDATE, which
plays them where robots are held back, has the last word.
"""

from __future__ import annotations

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games import TabularGame
from altmarl_ros.games.room import Room
from altmarl_ros.learning.coordinator_response import response_to
from altmarl_ros.learning.memoryless import MemorylessWorld, greedy_in
from altmarl_ros.learning.populations.occupancy import Occupancy
from altmarl_ros.learning.room.programme import RoomSolution, capacity_of

_STEPS = 100
_LEFT_OUT = 50  # first steps, whose prices are far from those of the end
_LEAST_STEP = 0.1
_STEP_SIZE = 0.5  # of prices, in spans of the reward for a place that is over its room by as much as fits


def ascend_without_memory(
    game: TabularGame, occupancy: Occupancy, room: Room, n: int, *, share: float = 1.0, steps: int = _STEPS
) -> RoomSolution:
    """Find prices for a fleet of n robots that start where those of `occupancy` were, and use a share of the room at most."""
    assert game.hidden is not None
    S_l, S_g, A_l = game.r_l.shape
    D, left_out = len(game.hidden), min(_LEFT_OUT, steps // 2)
    world = MemorylessWorld(game, response_to(game, occupancy), np.maximum(occupancy.by_state(), 0.0))
    capacity, inside = capacity_of(room, n, share), np.eye(len(room.places))[room.places.of]  # [P], [s_l, p]
    span = world.scale * (1.0 - game.gamma)
    scale = span / max(float(capacity.min()), 1.0 / n)
    policy = np.full((S_l, S_g, A_l), 1.0 / A_l)
    price, mean_price = np.zeros((2, S_g, D, len(capacity)))
    mean, reward = np.zeros((S_g, D, S_l, A_l)), 0.0
    for step in range(1, steps + 1):
        charge = price[:, :, room.places.of]
        found = world.solved(policy, charge)
        x = found.occupied[..., None] * policy.transpose(1, 0, 2)[:, None]  # [s_g, d, s_l, a_l]
        used = found.occupied @ inside
        if step > left_out:
            weight = 1.0 / (steps - left_out)
            paid = float((found.occupied * charge).sum())
            mean, mean_price = mean + weight * x, mean_price + weight * price
            reward += weight * (found.value * (1.0 - game.gamma) + paid)
        here = used.sum(axis=2, keepdims=True)
        over = np.divide(used, here, out=np.zeros_like(used), where=here > 0) - capacity
        price = np.maximum(0.0, price + _STEP_SIZE * scale / np.sqrt(step) * over)
        eta = max(2.0 / (step + 1.0), _LEAST_STEP)
        policy = (1.0 - eta) * policy + eta * greedy_in(found.Q)
    used = mean.sum(axis=3) @ inside
    overflow = np.maximum(0.0, used - capacity * used.sum(axis=2, keepdims=True))

    def by_regime(table: FloatArray) -> FloatArray:
        return np.asarray(table.transpose(1, 0, 2).reshape(D * S_g, -1))

    time = mean.sum(axis=(2, 3)).T.ravel()
    return RoomSolution(mean.sum(axis=1), reward, by_regime(mean_price), by_regime(overflow), found.Q, time, exact=False)
