"""Aggregates a game with groups into the game that the coordinator's ladder sees, with one local state per group.

Under a fixed pi_l a robot of group J is in its state j with probability w(j | J, s_g), taken from the joint process at
s_g. The aggregated robot moves by the average:

    P(I | J, s_g) = sum_{j in J} w(j | J, s_g) sum_{i in I} P_pi(i | j, s_g),   r(J, s_g) likewise.

Since pi_l is fixed, a single local action is left.
"""

from __future__ import annotations

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games import Start, TabularGame
from altmarl_ros.learning.populations.occupancy import Occupancy
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.counts import by_group


def aggregate(
    game: TabularGame, pi_l: LocalPolicy, occupancy: FloatArray | Occupancy | None
) -> tuple[TabularGame, LocalPolicy]:
    """Return the game on groups and its only local policy; a game without groups and its pi_l are returned unchanged.

    The states of a group are weighted by the occupancy [s_g, s_l, a_g] (`Rollouts.occupancy`), or equally without it.
    """
    game.check_seen("a ladder of count vectors")
    game.check_alike("a ladder of count vectors")
    if game.groups is None:
        return game, pi_l
    member = np.eye(game.n_groups)[game.groups]  # [s_l, J]
    weight = np.ones((game.n_global_states, game.n_local_states)) if occupancy is None else Occupancy.of(occupancy).by_state()
    # A group that was never visited at some s_g takes the weights of all s_g, and equal weights if it was never visited.
    weight = weight + 1e-6 * weight.sum(axis=0) / max(weight.sum(), 1e-300) + 1e-12
    share = weight[:, :, None] * member
    share = share / share.sum(axis=1, keepdims=True)  # [s_g, s_l, J]
    P = np.einsum("glJ,glI->JgI", share, by_group(pi_l.transition(game), game.groups))
    r = np.einsum("glJ,gl->Jg", share, pi_l.reward(game))
    alpha = by_group(np.atleast_2d(game.initial.alpha), game.groups).mean(axis=0)
    counted = TabularGame(
        name=game.name,
        P_g=game.P_g,
        P_l=P[:, :, None],
        r_g=game.r_g,
        r_l=r[:, :, None],
        gamma=game.gamma,
        start=Start(game.initial.rho_g, alpha),
        global_action_names=game.global_action_names,
    )
    return counted, LocalPolicy.uniform(counted)
