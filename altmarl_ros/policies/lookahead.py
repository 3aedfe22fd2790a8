"""Values the coordinator's actions on an estimated population by one step of lookahead, and draws actions by these values.

Let x [S_l] be the shares of robots per local state. Value vectors give Q(s_g, x, a) themselves (policies/shares). With V the
values of a ladder's top rung K, up to terms that do not depend on a,

    Q(s_g, x, a) = r_g(s_g, a) + gamma sum_s' P_g(s' | s_g, a) V(s', [K P_pi(s_g)^T x]),

where [.] is the nearest count vector of K robots, and gamma and r_g are those under which the bundle was learned. With a
temperature T > 0 action a is drawn with probability proportional to exp((Q(a) - Q(a*)) / T); a*, the policy's own action,
counts as the best one.
"""

from __future__ import annotations

from typing import Callable

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import BundleError
from altmarl_ros.games import TabularGame
from altmarl_ros.policies.bundle import PolicyBundle
from altmarl_ros.policies.counts import by_group, rank_counts, scale_counts
from altmarl_ros.policies.ladder import Ladder
from altmarl_ros.policies.local_policy import softmax

ActionValues = Callable[[int, FloatArray], FloatArray]
"""Computes Q [A_g, reward units] at s_g and shares [S_l], up to a term that all actions share."""


class Lookahead:
    """Draws global actions with probabilities that grow with their value.

    Raises:
        BundleError: the bundle holds no values.
    """

    def __init__(self, game: TabularGame, bundle: PolicyBundle) -> None:
        check_values(bundle)
        ladder = bundle.pi_g
        self._Q: ActionValues = _on_counts(game, bundle, ladder) if isinstance(ladder, Ladder) else ladder.action_values

    def gaps(self, s_g: int, shares: FloatArray, best: int) -> FloatArray:
        """Compute the loss of each a_g against the action `best` at s_g and shares [S_l]: at least 0 [A_g, reward units]."""
        Q = self._Q(s_g, shares)
        return np.asarray(np.maximum(Q[best] - Q, 0.0))

    def draw(self, s_g: int, shares: FloatArray, best: int, temperature: float, chance: float) -> int:
        """Draw an action by inverse transform sampling: the first whose cumulative probability exceeds `chance` in [0, 1)."""
        cumulative = np.cumsum(softmax(-self.gaps(s_g, shares, best), temperature))
        return min(int(np.searchsorted(cumulative, chance, side="right")), len(cumulative) - 1)


def has_values(bundle: PolicyBundle) -> bool:
    """Return whether the bundle holds the values that a temperature above 0 needs."""
    return not isinstance(bundle.pi_g, Ladder) or bundle.pi_g.values is not None


def check_values(bundle: PolicyBundle) -> None:
    """Raise BundleError unless the bundle holds the values that a temperature above 0 needs."""
    if not has_values(bundle):
        raise BundleError("the policy bundle has no values, by which a temperature weighs actions: train it again")


def _on_counts(game: TabularGame, bundle: PolicyBundle, ladder: Ladder) -> ActionValues:
    P, r_g, V = bundle.pi_l.transition(game), game.r_g if bundle.r_g is None else bundle.r_g, ladder.values
    assert V is not None

    def action_values(s_g: int, shares: FloatArray) -> FloatArray:
        following = by_group((shares @ P[s_g])[None], ladder.groups)
        V_next = V[rank_counts(scale_counts(following, ladder.K))[0]].astype(np.float64)  # [s_g']
        return np.asarray(r_g[s_g] + bundle.gamma * game.P_g[s_g] @ V_next)

    return action_values
