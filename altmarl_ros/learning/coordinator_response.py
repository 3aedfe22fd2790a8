"""What a robot sees of the coordinator: where s_g goes from (s_g, s_l), on average over what the robot does not see.

From the discounted occupancy w(s_g, s_l, a_g) of the joint process, with q(a_g | s_g, s_l) = w / sum_a w,

    Pr(s_g' | s_g, s_l) = sum_a q(a | s_g, s_l) P_g(s_g' | s_g, a),      E[r_g | s_g, s_l] = sum_a q(a | s_g, s_l) r_g(s_g, a).

These two are all of the coordinator's response that the robot's decision problem needs, and as sparse as P_g.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games import TabularGame
from altmarl_ros.learning.populations.occupancy import Occupancy

_BORROWED = 1e-9  # share of the response at s_g, and of that anywhere, where a pair (s_g, s_l) was seldom visited


@dataclass(frozen=True, eq=False)
class Response:
    """How s_g moves through a robot's eyes.

    Attributes:
        successor: probability of each successor of s_g, in the order of `GlobalKernel.likely_successors`, 0 beyond the last
            [S_g, S_l, most].
        reward: expected r_g [S_g, S_l].
    """

    successor: FloatArray
    reward: FloatArray


def response_to(game: TabularGame, occupancy: FloatArray | Occupancy) -> Response:
    """The coordinator's response that an occupancy [s_g, s_l, a_g] shows.

    A pair (s_g, s_l) that was never visited takes the response at s_g, or else the response over all states.
    """
    seen = Occupancy.of(occupancy)
    follow = game.global_kernel.likely_successors
    S_g, S_l, A_g = seen.shape
    anywhere = _BORROWED * seen.by_action()
    successor = np.zeros((S_g, S_l, int(np.diff(follow.indptr).max())))
    reward = np.empty((S_g, S_l))
    for s_g, weight in enumerate(seen.by_global_state()):
        smoothed = weight + _BORROWED * (weight.sum(axis=0) + anywhere + 1e-300)
        q = smoothed / smoothed.sum(axis=1, keepdims=True)
        states = follow.indices[follow.indptr[s_g] : follow.indptr[s_g + 1]]
        moves = game.global_kernel.rows.dense(s_g * A_g, (s_g + 1) * A_g)[:, states]
        successor[s_g, :, : len(states)] = q @ moves
        reward[s_g] = q @ game.r_g[s_g]
    return Response(successor, reward)
