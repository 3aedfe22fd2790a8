"""What the coordinator's actions are worth on an estimated population, by one step of lookahead.

With shares x [S_l] of robots per local state and V the values of the ladder's top rung K,

    Q(s_g, x, a) = r_g(s_g, a) + gamma sum_s' P_g(s' | s_g, a) V(s', [K P_pi(s_g)^T x]) + what no a_g changes,

[.] the nearest count vector of K robots, gamma and r_g those that the bundle was learned by. By it a temperature T > 0
draws a_g with probability proportional to exp((Q(a) - Q(a*)) / T), where the ladder's own action a* counts as best.
"""

from __future__ import annotations

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import BundleError
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.policies.bundle import PolicyBundle
from altmarl_ros.policies.counts import by_group, rank_counts, scale_counts
from altmarl_ros.policies.local_policy import softmax


class Lookahead:
    """Draws global actions by what they are worth."""

    def __init__(self, game: TabularGame, bundle: PolicyBundle) -> None:
        """Raises BundleError where the bundle holds no values."""
        check_values(bundle)
        self._game, self._bundle = game, bundle
        self._P = bundle.pi_l.transition(game)
        self._r_g = game.r_g if bundle.r_g is None else bundle.r_g

    def gaps(self, s_g: int, shares: FloatArray, best: int) -> FloatArray:
        """How much less than the action `best` each a_g is worth [A_g, reward units], at s_g and shares [S_l]; at least 0."""
        ladder, V = self._bundle.ladder, self._bundle.ladder.values
        assert V is not None
        following = by_group((shares @ self._P[s_g])[None], ladder.groups)
        V_next = V[rank_counts(scale_counts(following, ladder.K))[0]].astype(np.float64)  # [s_g']
        Q = self._r_g[s_g] + self._bundle.gamma * self._game.P_g[s_g] @ V_next
        return np.asarray(np.maximum(Q[best] - Q, 0.0))

    def draw(self, s_g: int, shares: FloatArray, best: int, temperature: float, chance: float) -> int:
        """An action for a uniform `chance` in [0, 1): the first whose cumulative probability is above it."""
        cumulative = np.cumsum(softmax(-self.gaps(s_g, shares, best), temperature))
        return min(int(np.searchsorted(cumulative, chance, side="right")), len(cumulative) - 1)


def check_values(bundle: PolicyBundle) -> None:
    """Raise BundleError unless a temperature above 0 is possible."""
    if bundle.ladder.values is None:
        raise BundleError("the policy bundle has no values, by which a temperature weighs actions: train it again")
