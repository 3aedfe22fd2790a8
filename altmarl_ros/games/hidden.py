"""A hidden state of a game: what happens to robots and the coordinator does not see, such as where orders arrive.

With a hidden state d, common to all robots, robots move and earn by

    s_i(t+1) ~ P_l(. | s_i, s_g, a_i, d),     r_l(s_i, s_g, a_i, d),     d(t+1) ~ P_d(. | d(t)).

Neither the coordinator's state nor d drives the other. Robots notice d by what happens to them, and their reports tell the
coordinator. A pair (d, s_g) is called a regime; its number is d * S_g + s_g.

To the coordinator the state of one representative robot is then (d, s_l), with the number d * S_l + s_l: the share of that
state is the probability of d times the share of robots in s_l given d. These shares move linearly, as shares do without d.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError, shown
from altmarl_ros.games.array_checks import distributions, frozen_array
from altmarl_ros.games.kernels import LocalKernel
from altmarl_ros.games.rows import IntArray, Rows

if TYPE_CHECKING:
    from altmarl_ros.games.sparse import Sparse

MOST_HIDDEN = 64
"""Largest number of hidden states: a belief keeps the shares of robots for each of them."""


@dataclass(frozen=True, eq=False, init=False)
class HiddenState:
    """A validated hidden state and how robots move and earn in each of its regimes; immutable.

    Attributes:
        P_d: transitions [d, d'].
        rho_d: distribution of the first d [D].
        local_kernel: movement of robots; its axis of global states holds the regimes d * S_g + s_g.
        r_l: local reward [s_l, d * S_g + s_g, a_l].
        names: one name per hidden state.
    """

    P_d: FloatArray
    rho_d: FloatArray
    local_kernel: LocalKernel
    r_l: FloatArray
    names: tuple[str, ...]

    def __init__(
        self,
        P_d: ArrayLike,
        P_l: ArrayLike | LocalKernel,
        r_l: ArrayLike,
        *,
        rho_d: ArrayLike | None = None,
        names: tuple[str, ...] = (),
    ) -> None:
        """Check the parts and put them together.

        P_l is a table [d, s_l, s_g, a_l, s_l'], or a kernel over regimes; r_l a table [d, s_l, s_g, a_l]. Without rho_d the
        first d is drawn from the long-run shares of the hidden states; names that are left out are numbered.

        Raises:
            GameError: an array breaks a rule; the message names the array, the index and the rule.
        """
        given = frozen_array("P_d", P_d, ["d", "d'"])
        D = len(given)
        if given.shape != (D, D) or not 2 <= D <= MOST_HIDDEN:
            raise GameError(f"P_d has shape {given.shape}, must be (D, D) with D from 2 to {MOST_HIDDEN}")
        self._set("P_d", distributions("P_d", given, ["d", "d'"]))
        first = _long_run(self.P_d) if rho_d is None else frozen_array("rho_d", rho_d, ["d"])
        if first.shape != (D,):
            raise GameError(f"rho_d has shape {first.shape}, must be ({D},)")
        self._set("rho_d", distributions("rho_d", first, ["d"]))
        rewards = frozen_array("r_l", r_l, ["d", "s_l", "s_g", "a_l"])
        if len(rewards) != D:
            raise GameError(f"r_l has {len(rewards)} hidden states, must have {D} as P_d has")
        _, S_l, S_g, A_l = rewards.shape
        by_regime = np.ascontiguousarray(rewards.transpose(1, 0, 2, 3).reshape(S_l, D * S_g, A_l))
        by_regime.setflags(write=False)
        self._set("r_l", by_regime)
        kernel = P_l if isinstance(P_l, LocalKernel) else _regime_kernel(P_l, D)
        if kernel.shape != (S_l, D * S_g, A_l, S_l):
            raise GameError(
                f"P_l has {kernel.shape} over regimes, must be {(S_l, D * S_g, A_l, S_l)} to agree with P_d and r_l"
            )
        self._set("local_kernel", kernel)
        chosen = tuple(names) or tuple(f"hidden {d}" for d in range(D))
        if len(chosen) != D or len(set(chosen)) != D:
            raise GameError(f"the hidden state has {len(set(chosen))} distinct names, must have {D}")
        odd = next((each for each in chosen if not str(each).isprintable()), None)
        if odd is not None:
            raise GameError(f"the hidden state's name {shown(str(odd))} must be printable: names are written to terminals")
        self._set("names", chosen)

    def _set(self, attribute: str, value: object) -> None:
        object.__setattr__(self, attribute, value)

    def __len__(self) -> int:
        return len(self.P_d)

    def renamed(self, names: tuple[str, ...]) -> HiddenState:
        """The same hidden state with other names.

        Raises:
            GameError: they are not as many distinct names as there are hidden states.
        """
        return HiddenState(self.P_d, self.local_kernel, self._rewards, rho_d=self.rho_d, names=names)

    def moved_by(self, local_kernel: LocalKernel, P_d: ArrayLike | None = None) -> HiddenState:
        """The same hidden state where robots move by another kernel over regimes, and d by another P_d if one is given.

        An episode that begins as the long run of d goes on doing so.

        Raises:
            GameError: the kernel or P_d has another shape, or P_d is no distribution.
        """
        if P_d is None:
            return HiddenState(self.P_d, local_kernel, self._rewards, rho_d=self.rho_d, names=self.names)
        long_run = np.allclose(self.rho_d, _long_run(self.P_d), atol=1e-9)
        return HiddenState(P_d, local_kernel, self._rewards, rho_d=None if long_run else self.rho_d, names=self.names)

    def rewarded(self, weight: float) -> HiddenState:
        """The same hidden state with all local rewards times a weight."""
        return HiddenState(self.P_d, self.local_kernel, weight * self._rewards, rho_d=self.rho_d, names=self.names)

    @property
    def _rewards(self) -> FloatArray:
        # r_l [d, s_l, s_g, a_l]
        S_l, _, A_l = self.r_l.shape
        return self.r_l.reshape(S_l, len(self), self.n_global_states, A_l).transpose(1, 0, 2, 3)

    @cached_property
    def rewards_alike(self) -> bool:
        """Whether local rewards are the same in every hidden state."""
        return bool((self._rewards == self._rewards[:1]).all())

    @property
    def n_global_states(self) -> int:
        """S_g."""
        return self.local_kernel.shape[1] // len(self)

    @cached_property
    def cumulative(self) -> FloatArray:
        """The distribution of the next d by each d, summed up [d, d']."""
        return np.cumsum(self.P_d, axis=1)

    def draw_first(self, runs: int, rng: np.random.Generator) -> IntArray:
        """Draw the first hidden states of `runs` episodes [R]."""
        return np.asarray(rng.choice(len(self), size=runs, p=self.rho_d), dtype=np.int64)

    def draw_next(self, d: IntArray, rng: np.random.Generator) -> IntArray:
        """Draw d' ~ P_d(. | d) [R], each by one uniform number."""
        after = (rng.random(len(d))[:, None] >= self.cumulative[d]).sum(axis=1)
        return np.asarray(np.minimum(after, len(self) - 1), dtype=np.int64)

    def regimes(self, d: IntArray, s_g: IntArray) -> IntArray:
        """The numbers of the regimes (d, s_g) [R]."""
        return np.asarray(d * self.n_global_states + s_g)

    def mean_kernel(self) -> LocalKernel:
        """Movement of robots on average over the long run of d, by s_g: what one sees who knows nothing of d."""
        from altmarl_ros.games.sparse import mixture

        weights, S_g = _long_run(self.P_d), self.n_global_states
        kinds: dict[tuple[int, ...], int] = {}
        moves: list[list[Sparse]] = []
        S_l, A_l = self.local_kernel.shape[0], self.local_kernel.n_actions
        by_state = np.repeat(weights[:, None], S_l, axis=1)
        moves_at = np.empty(S_g, dtype=np.int64)
        for s_g, by_d in enumerate(self.local_kernel.moves_at.reshape(len(self), S_g).T):
            key = tuple(by_d.tolist())
            if key not in kinds:
                kinds[key] = len(moves)
                moves.append([mixture(tuple(self.local_kernel.moves[kind][a] for kind in key), by_state) for a in range(A_l)])
            moves_at[s_g] = kinds[key]
        return LocalKernel.from_moves(moves, moves_at)

    def mean_reward(self) -> FloatArray:
        """Local reward on average over the long run of d [s_l, s_g, a_l]."""
        S_l, _, A_l = self.r_l.shape
        by_hidden = self.r_l.reshape(S_l, len(self), self.n_global_states, A_l)
        return np.asarray(np.einsum("d,ldga->lga", _long_run(self.P_d), by_hidden))

    def joint(self, kernels: list[Sparse], rewards: FloatArray) -> tuple[list[Sparse], FloatArray]:
        """Join what happens in every regime under one policy to the process of (d, s_l).

        Args:
            kernels: P_pi of every regime, [s_l, s_l'] each.
            rewards: r_pi [regime, s_l].

        Returns:
            P_pi of every s_g, [(d, s_l), (d', s_l')] each; r_pi [s_g, (d, s_l)].
        """
        from scipy.sparse import kron, vstack

        from altmarl_ros.games.sparse import Sparse

        D, S_g = len(self), self.n_global_states
        known: dict[tuple[int, ...], Sparse] = {}
        joined = []
        for s_g in range(S_g):
            of_d = [kernels[d * S_g + s_g] for d in range(D)]
            key = tuple(id(kernel) for kernel in of_d)
            if key not in known:
                parts = [kron(Sparse(self.P_d[d : d + 1]), kernel, format="csr") for d, kernel in enumerate(of_d)]
                known[key] = Sparse(vstack(parts, format="csr"))
            joined.append(known[key])
        return joined, np.ascontiguousarray(rewards.reshape(D, S_g, -1).transpose(1, 0, 2).reshape(S_g, -1))


def _regime_kernel(P_l: ArrayLike, D: int) -> LocalKernel:
    table = frozen_array("P_l", P_l, ["d", "s_l", "s_g", "a_l", "s_l'"])
    if len(table) != D:
        raise GameError(f"P_l has {len(table)} hidden states, must have {D} as P_d has")
    _, S_l, S_g, A_l, after = table.shape
    checked = distributions("P_l", table, ["d", "s_l", "s_g", "a_l", "s_l'"])
    if after != S_l:
        raise GameError(f"P_l has shape {table.shape}, must have as many next states as states")
    kinds, moves_at = [], np.arange(D * S_g)
    for d in range(D):
        for s_g in range(S_g):
            kinds.append([Rows.from_dense(np.ascontiguousarray(checked[d, :, s_g, a])) for a in range(A_l)])
    return LocalKernel.from_moves(kinds, moves_at)


def _long_run(P_d: FloatArray) -> FloatArray:
    # The stationary distribution; of several, the one that a uniform start leads to.
    weights = np.full(len(P_d), 1.0 / len(P_d))
    power = 0.5 * (P_d + np.eye(len(P_d)))  # without periods
    for _ in range(60):
        power = power @ power
        power /= power.sum(axis=1, keepdims=True)
    mean = weights @ power
    return np.asarray(mean / mean.sum())
