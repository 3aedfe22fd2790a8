"""The coordinator's process over shares: what it controls, and how the shares of robots move.

With mu [S_l] the shares of robots per local state, P_s = P_pi(. | ., s) and r_s the kernel and reward under pi_l,

    V(s, mu) = mu . r_s + max_a [ r_g(s, a) + gamma sum_s' P_g(s' | s, a) V(s', P_s^T mu) ].

Shares move linearly and not by a_g: this is a mixed-observability Markov decision process (Ong, Png, Hsu and Lee 2010), in
which s_g is seen and the state of one representative robot is hidden, mu being the belief about it. Everything here is
sparse: kernels that global states share are stored once, and so are actions of one state that do and pay the same.

Probabilities and rewards are rounded to some eleven significant digits. A game that is built from exp() differs in the last
bit from one processor to the next; the process, and with it every decision, does not.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Sequence

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.policies.local_policy import LocalPolicy

if TYPE_CHECKING:
    from altmarl_ros.games.sparse import Sparse

IntArray = NDArray[np.int64]

_ROW_SUM_TOLERANCE = 1e-9
_ROUNDING = 1e-6  # share of the rewards that their span counts at least
_DIGITS = 38  # significant binary digits of probabilities and rewards; a last bit that is off is rarely seen among 53


class ProcessArrays(NamedTuple):
    """The process as plain arrays, for compiled loops.

    A choice is an action of one state up to those that do and pay the same. The choices of s are choice_start[s] up to
    choice_start[s + 1]; choice c leads to the successors successor[outcome_slot[o] + successor_start[s]] with
    outcome_probability[o], o from outcome_start[c] to outcome_start[c + 1].
    """

    indptr: IntArray  # of the rows (kernel, s_l) of all kernels, one after the other
    indices: IntArray
    data: FloatArray
    kernel_of: IntArray  # [S_g]
    reward: FloatArray  # r_s [S_g, S_l]
    successor_start: IntArray  # [S_g + 1]
    successor: IntArray
    choice_start: IntArray  # [S_g + 1]
    choice_reward: FloatArray
    outcome_start: IntArray  # [choices + 1]
    outcome_slot: IntArray
    outcome_probability: FloatArray
    gamma: float


class SharesProcess:
    """The process, immutable; see the module.

    Attributes:
        arrays: everything as plain arrays.
        action_of: an action for every choice, the lowest of those that are alike [choices].
        choice_of: the choice of every action [S_g, A_g].
    """

    def __init__(
        self, kernels: Sequence[Sparse], kernel_of: IntArray, reward: FloatArray, P_g: Sparse, r_g: FloatArray, *, gamma: float
    ) -> None:
        """Build it from sparse arrays.

        Args:
            kernels: distinct kernels P_s [s_l, s_l'].
            kernel_of: the kernel of every global state [S_g].
            reward: r_s under pi_l [S_g, S_l].
            P_g: global transitions [s_g * A_g + a_g, s_g'].
            r_g: global reward [S_g, A_g].
            gamma: discount per tick, in (0, 1).

        Raises:
            GameError: naming the array that does not fit the others, or whose row does not sum to 1.
        """
        S_g, S_l = reward.shape
        _check(kernels, kernel_of, (S_g, S_l), P_g, r_g)
        if not 0.0 < gamma < 1.0:
            raise GameError(f"gamma is {gamma!r}, must be in (0, 1)")
        rows = [_clean(kernel) for kernel in kernels]
        lengths = np.concatenate([[0], *(np.diff(each.indptr) for each in rows)])
        choices = _choices(_clean(P_g), rounded(np.asarray(r_g, dtype=np.float64)))
        self.action_of, self.choice_of = choices.action_of, choices.choice_of
        self.arrays = ProcessArrays(
            np.cumsum(lengths).astype(np.int64),
            np.concatenate([each.indices for each in rows]).astype(np.int64),
            np.concatenate([each.data for each in rows]),
            np.asarray(kernel_of, dtype=np.int64),
            rounded(np.ascontiguousarray(reward, dtype=np.float64)),
            choices.successor_start,
            choices.successor,
            choices.choice_start,
            choices.choice_reward,
            choices.outcome_start,
            choices.outcome_slot,
            choices.outcome_probability,
            float(gamma),
        )
        for array in (*self.arrays[:-1], self.action_of, self.choice_of):
            array.setflags(write=False)

    @classmethod
    def under_policy(cls, game: TabularGame, pi_l: LocalPolicy) -> SharesProcess:
        """The coordinator's process in a game whose robots act by pi_l, without what has a negligible chance."""
        from altmarl_ros.games.sparse import distinct, likely

        by_state, reward = game.under(pi_l.probabilities)
        kernels, kernel_of = distinct([likely(P) for P in by_state])
        return cls(kernels, kernel_of, reward, game.global_kernel.rows.likely.matrix, game.r_g, gamma=game.gamma)

    @property
    def n_global_states(self) -> int:
        """S_g."""
        return len(self.arrays.kernel_of)

    @property
    def n_local_states(self) -> int:
        """S_l."""
        return int(self.arrays.reward.shape[1])

    @property
    def n_global_actions(self) -> int:
        """A_g."""
        return int(self.choice_of.shape[1])

    @property
    def gamma(self) -> float:
        """Discount per tick."""
        return float(self.arrays.gamma)

    @cached_property
    def scale(self) -> float:
        """Reward units that tolerances are shares of: how far apart values can be, and never as little as rounding."""
        local, choice = self.arrays.reward, self.arrays.choice_reward
        rounding = _ROUNDING * (np.abs(local).max() + np.abs(choice).max())
        return float((np.ptp(local) + np.ptp(choice) + rounding) / (1.0 - self.gamma))

    @cached_property
    def most_successors(self) -> int:
        """Largest number of global states that can follow one."""
        return int(np.diff(self.arrays.successor_start).max())

    @cached_property
    def kernels(self) -> tuple[Sparse, ...]:
        """The distinct kernels [s_l, s_l']."""
        from altmarl_ros.games.sparse import Sparse  # scipy.sparse: a policy that is a ladder does without

        S_l, arrays = self.n_local_states, self.arrays
        made = []
        for first in range(0, len(arrays.indptr) - 1, S_l):
            indptr = arrays.indptr[first : first + S_l + 1]
            part = slice(indptr[0], indptr[-1])
            made.append(Sparse((arrays.data[part], arrays.indices[part], indptr - indptr[0]), shape=(S_l, S_l)))
        return tuple(made)

    def successors(self, s: int) -> IntArray:
        """Global states that can follow s, in order."""
        return self.arrays.successor[self.arrays.successor_start[s] : self.arrays.successor_start[s + 1]]

    @cached_property
    def state_of_choice(self) -> IntArray:
        """The global state of every choice [choices]."""
        return np.repeat(np.arange(self.n_global_states), np.diff(self.arrays.choice_start))

    @cached_property
    def outcome_successor(self) -> IntArray:
        """The global state of every outcome."""
        outcomes = np.diff(self.arrays.outcome_start)
        return np.asarray(
            self.arrays.successor[
                self.arrays.outcome_slot + np.repeat(self.arrays.successor_start[self.state_of_choice], outcomes)
            ]
        )


class _Choices(NamedTuple):
    successor_start: IntArray
    successor: IntArray
    choice_start: IntArray
    choice_reward: FloatArray
    outcome_start: IntArray
    outcome_slot: IntArray
    outcome_probability: FloatArray
    action_of: IntArray
    choice_of: IntArray


def _choices(P_g: Sparse, r_g: FloatArray) -> _Choices:
    S_g, A_g = r_g.shape
    successor, choice_count, choice_reward, slots, probabilities = [], [], [], [], []
    action_of: list[int] = []
    choice_of = np.empty((S_g, A_g), dtype=np.int64)
    for s in range(S_g):
        first, last = P_g.indptr[s * A_g], P_g.indptr[(s + 1) * A_g]
        reachable = np.unique(P_g.indices[first:last])
        successor.append(reachable)
        known: dict[tuple[float, bytes, bytes], int] = {}
        for a in range(A_g):
            row = slice(P_g.indptr[s * A_g + a], P_g.indptr[s * A_g + a + 1])
            key = (float(r_g[s, a]), P_g.indices[row].tobytes(), P_g.data[row].tobytes())
            if key not in known:
                known[key] = len(action_of)
                action_of.append(a)
                choice_reward.append(r_g[s, a])
                slots.append(np.searchsorted(reachable, P_g.indices[row]))
                probabilities.append(P_g.data[row])
            choice_of[s, a] = known[key]
        choice_count.append(len(known))
    return _Choices(
        _starts([len(each) for each in successor]),
        np.concatenate(successor).astype(np.int64),
        _starts(choice_count),
        np.array(choice_reward, dtype=np.float64),
        _starts([len(each) for each in slots]),
        np.concatenate(slots).astype(np.int64),
        np.concatenate(probabilities),
        np.array(action_of, dtype=np.int64),
        choice_of,
    )


def _starts(lengths: Sequence[int]) -> IntArray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _clean(matrix: Sparse) -> Sparse:
    cleaned: Sparse = matrix.astype(np.float64, copy=True)
    cleaned.sum_duplicates()
    cleaned.eliminate_zeros()
    cleaned.data = rounded(cleaned.data)
    return cleaned


def rounded(values: FloatArray) -> FloatArray:
    """The values to some eleven significant digits, the same on every machine."""
    mantissa, exponent = np.frexp(values)
    return np.asarray(np.ldexp(np.rint(np.ldexp(mantissa, _DIGITS)), exponent - _DIGITS))


def _check(kernels: Sequence[Sparse], kernel_of: IntArray, sizes: tuple[int, int], P_g: Sparse, r_g: FloatArray) -> None:
    S_g, S_l = sizes
    if np.shape(kernel_of) != (S_g,) or not 0 <= np.min(kernel_of) <= np.max(kernel_of) < len(kernels):
        raise GameError(f"kernel_of must hold {S_g} numbers below {len(kernels)}")
    if r_g.ndim != 2 or r_g.shape[0] != S_g:
        raise GameError(f"r_g has shape {r_g.shape}, must be ({S_g}, A_g)")
    shapes = [(f"kernels[{i}]", each, (S_l, S_l)) for i, each in enumerate(kernels)]
    for name, matrix, shape in [*shapes, ("P_g", P_g, (r_g.size, S_g))]:
        if matrix.shape != shape:
            raise GameError(f"{name} has shape {matrix.shape}, must be {shape}")
        sums = np.asarray(matrix.sum(axis=1))
        wrong = np.flatnonzero(~(np.abs(sums - 1.0) <= _ROW_SUM_TOLERANCE))  # NaN is wrong
        if len(wrong) or (matrix.nnz and matrix.data.min() < 0):
            raise GameError(f"{name} has a row that is no distribution: row {wrong[0] if len(wrong) else '?'}")
