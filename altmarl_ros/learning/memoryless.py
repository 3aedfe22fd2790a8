"""L-LEARN for robots that do not see a hidden state: the best policy without memory on (s_g, s_l), locally.

What happens to a robot depends on the hidden state d, which it does not see; its mean kernel over d makes no best response,
since p(d | s_g, s_l) moves with its own policy. So (Jaakkola, Singh and Jordan 1994)

    Q(s_g, d, s_l, a)    what a robot earns that takes a once and then acts by pi, were d known;
    Q(s_g, s_l, a)       its mean over d, by the discounted occupancy of pi itself;
    pi <- (1 - eta) pi + eta greedy(Q)

is repeated while it earns more, from what would be best were d known, averaged over d, and from a policy that is given. The
result is a local optimum. All is linear algebra on the states (s_g, x), x = d * S_l + s_l, of a robot that meets the
coordinator's response as it was seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games import TabularGame
from altmarl_ros.games.sparse import Sparse
from altmarl_ros.learning.coordinator_response import Response, response_to
from altmarl_ros.learning.populations.occupancy import Occupancy
from altmarl_ros.observation.start_posterior import mean_start

_STEPS = (1.0, 0.5, 0.25, 0.1)  # eta, tried in turn until one of them earns more
_MOST_IMPROVEMENTS = 30
_ENOUGH = 1e-5  # share of the scale of values that an improvement adds at least
_SWEEPS = 100  # of the first action values, were d known


@dataclass(frozen=True, eq=False)
class MemorylessSolution:
    """What a policy without memory does.

    Attributes:
        policy: [s_l, s_g, a_l].
        Q: its action values, averaged over d [s_l, s_g, a_l].
        value: what it earns from the start.
        occupied: its discounted shares of time, which sum to 1 [s_g, d, s_l].
    """

    policy: FloatArray
    Q: FloatArray
    value: float
    occupied: FloatArray


def best_memoryless(game: TabularGame, occupancy: Occupancy, given: tuple[FloatArray, ...] = ()) -> MemorylessSolution:
    """Find a policy against the coordinator that an occupancy of (s_g, x, a_g) shows, also from the policies `given`."""
    world = MemorylessWorld(game, response_to(game, occupancy))
    S_l, S_g, A_l = game.r_l.shape
    averaged = world.averaged(world.known_values(), world.by_hidden(np.full((S_l, S_g, A_l), 1.0 / A_l)))
    starts = (greedy_in(averaged), *given)
    return max((_climb(world, start) for start in starts), key=lambda solution: solution.value)


def _climb(world: MemorylessWorld, policy: FloatArray) -> MemorylessSolution:
    held = world.solved(policy)
    for _ in range(_MOST_IMPROVEMENTS):
        target = greedy_in(held.Q)
        for eta in _STEPS:
            tried = world.solved((1.0 - eta) * held.policy + eta * target)
            if tried.value > held.value + _ENOUGH * world.scale:
                held = tried
                break
        else:
            break
    return held


def greedy_in(Q: FloatArray) -> FloatArray:
    """The policy that takes the first best action along the last axis, up to rounding."""
    near = Q.max(axis=-1, keepdims=True) - 1e-10 * np.ptp(Q) <= Q
    return np.asarray(np.eye(Q.shape[-1])[near.argmax(axis=-1)])


class MemorylessWorld:
    """The states (s_g, x) of one robot: rows of matrices are s_g * X + x, x = d * S_l + s_l."""

    def __init__(self, game: TabularGame, response: Response, start: FloatArray | None = None) -> None:
        """Meet the coordinator's response; from the game's start, or from the distribution `start` [s_g, x]."""
        assert game.hidden is not None
        self._game, self._response, self._hidden = game, response, game.hidden
        self._S_l, self._S_g, self._A_l = game.r_l.shape
        self._D = len(game.hidden)
        self._X = self._D * self._S_l
        by_state = game.hidden.r_l.reshape(self._S_l, self._D, self._S_g, self._A_l).transpose(2, 1, 0, 3)
        self._reward = by_state.reshape(self._S_g, self._X, self._A_l) + response.reward[:, :, None]
        self._given_start = start
        self.scale = float(np.ptp(self._reward) + 1e-6 * np.abs(self._reward).max()) / (1.0 - game.gamma)

    @cached_property
    def _start(self) -> FloatArray:
        if self._given_start is not None:
            return np.asarray(self._given_start.ravel() / self._given_start.sum())
        initial = self._game.initial
        x = initial.joint(mean_start(initial)[None])[0]
        return np.outer(initial.rho_g, x).ravel()

    def solved(self, policy: FloatArray, charge: FloatArray | None = None) -> MemorylessSolution:
        """What a policy [s_l, s_g, a_l] earns, and its action values averaged over d; a robot may be charged [s_g, d, s_l]."""
        factors, reward = self._factors(policy), self._reward
        if charge is not None:
            reward = reward - charge.reshape(self._S_g, self._X, 1)
        here = self._by_x(policy)
        V = factors.solve((here * reward).sum(axis=2).ravel())
        occupied = factors.solve(self._start, trans="T").reshape(self._S_g, self._D, self._S_l)
        values = self._action_values(V.reshape(self._S_g, self._X), reward)
        Q = self.averaged(values, self._shares_of_hidden(occupied))
        return MemorylessSolution(policy, Q, float(self._start @ V), (1.0 - self._game.gamma) * np.maximum(occupied, 0.0))

    def by_hidden(self, policy: FloatArray) -> FloatArray:
        """p(d | s_g, s_l) [s_g, d, s_l] in the discounted occupancy of a policy."""
        occupied = self._factors(policy).solve(self._start, trans="T")
        return self._shares_of_hidden(occupied.reshape(self._S_g, self._D, self._S_l))

    def averaged(self, Q: FloatArray, by_hidden: FloatArray) -> FloatArray:
        """Action values [s_g, x, a_l] averaged over d [s_l, s_g, a_l]."""
        by_state = Q.reshape(self._S_g, self._D, self._S_l, self._A_l)
        return np.ascontiguousarray(np.einsum("gdla,gdl->lga", by_state, by_hidden))

    def known_values(self) -> FloatArray:
        """Action values [s_g, x, a_l] of robots that see d."""
        V = self._reward.max(axis=2)
        for _ in range(_SWEEPS):
            Q = self._action_values(V, self._reward)
            V = Q.max(axis=2)
        return Q

    def _shares_of_hidden(self, occupied: FloatArray) -> FloatArray:
        # Where a robot never comes, d is as likely as in the long run of its whole occupancy.
        known = np.maximum(occupied, 0.0) + 1e-12 * occupied.sum(axis=(0, 2))[None, :, None]
        return np.asarray(known / known.sum(axis=1, keepdims=True))

    def _by_x(self, policy: FloatArray) -> FloatArray:
        return np.tile(policy.transpose(1, 0, 2), (1, self._D, 1))  # [s_g, x, a_l]

    def _factors(self, policy: FloatArray) -> Any:
        from scipy.sparse import identity
        from scipy.sparse.linalg import splu

        M = self._chain(policy)
        return splu((identity(M.shape[0]) - self._game.gamma * M).tocsc())

    def _chain(self, policy: FloatArray) -> Sparse:
        from scipy.sparse import diags_array

        here = self._by_x(policy).reshape(-1, self._A_l)
        total = diags_array(here[:, 0]) @ self._chains[0]
        for a_l in range(1, self._A_l):
            total = total + diags_array(here[:, a_l]) @ self._chains[a_l]
        return Sparse(total)

    @cached_property
    def _chains(self) -> list[Sparse]:
        # Of a robot that always takes the same action, by action [s_g * X + x, s_g' * X + x'].
        return [self._chain_of(np.broadcast_to(one, self._game.r_l.shape)) for one in np.eye(self._A_l)]

    @cached_property
    def _moves(self) -> list[Sparse]:
        # By kind of movement [a_l * S_l + s_l, s_l'].
        kernel = self._hidden.local_kernel
        return [kernel.of_kind(kind).matrix for kind in range(int(kernel.moves_at.max()) + 1)]

    def _chain_of(self, policy: FloatArray) -> Sparse:
        from scipy.sparse import bmat, diags

        kernels, _ = self._game.under(policy)
        follow = self._game.global_kernel.likely_successors
        blocks: list[list[Any]] = [[None] * self._S_g for _ in range(self._S_g)]
        for s, kernel in enumerate(kernels):
            for m, after in enumerate(follow.indices[follow.indptr[s] : follow.indptr[s + 1]]):
                blocks[s][after] = diags(self._response.successor[s, :, m]) @ kernel
        for s in range(self._S_g):
            if all(row[s] is None for row in blocks):
                blocks[s][s] = 0.0 * kernels[s]
        whole: Any = bmat(blocks, format="csr")
        return Sparse(whole)

    def _action_values(self, V: FloatArray, reward: FloatArray) -> FloatArray:
        # One step before V [s_g, x]: first over d', then over where a robot moves, then over where s_g goes.
        ahead = np.einsum("de,gel->dlg", self._hidden.P_d, V.reshape(self._S_g, self._D, self._S_l))  # [d, s_l', s_g']
        follow, moves_at = self._game.global_kernel.likely_successors, self._hidden.local_kernel.moves_at
        Q = np.empty((self._S_g, self._X, self._A_l))
        for d in range(self._D):
            kinds = moves_at[d * self._S_g : (d + 1) * self._S_g]
            moved = {kind: (self._moves[kind] @ ahead[d]).reshape(self._A_l, self._S_l, self._S_g) for kind in np.unique(kinds)}
            x = slice(d * self._S_l, (d + 1) * self._S_l)
            for s in range(self._S_g):
                states = follow.indices[follow.indptr[s] : follow.indptr[s + 1]]
                weight = self._response.successor[s, x, : len(states)]
                future = np.einsum("als,ls->la", moved[kinds[s]][:, :, states], weight)
                Q[s, x] = reward[s, x] + self._game.gamma * future
        return Q
