"""Identifies how long a hidden state lasts and how robots move in it, from runs that recorded it or did not.

Robots move independently given d(t), so that the moves of a tick have the likelihood

    e_t(d) = prod_i P_l(s_i(t+1) | s_i(t), s_g(t), a_i(t), d),

or 1 at the recorded d(t) and 0 elsewhere. With these a record is a hidden Markov chain, and Baum and Welch's steps are repeated
from the game's own P_d and P_l: smooth the record (module smoothing), then take for the parameters their posterior means, given
the expected numbers of transitions. The priors are centred on the game and count for `weight` transitions:

    leaving    h_d = P_d(not d | d)  ~ Beta;   one h for all d where the game's own are all alike
    where to   P_d(d' | d, left)     ~ Dirichlet
    movement   P_l                   ~ Dirichlet, see module kernel

Where d is recorded one step is enough, and exact. The dwell is 1 / h ticks on average. Its interval is that of the posterior of
h on a grid, by the likelihood of the whole record with all else held fixed.

What this can tell: changes between hidden states in which robots move differently, if such moves are seen often enough before d
changes again. What it cannot tell: states in which robots move alike; changes so quick that no robot meets them; or which of
two states is which, other than by the game's own P_l.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError
from altmarl_ros.games.hidden import HiddenState
from altmarl_ros.games.identification.alike_rows import alike_rows, best_weights, summed_rows
from altmarl_ros.games.identification.kernel import WEIGHT, IdentifiedKernel, feels_global_state, identify
from altmarl_ros.games.identification.smoothing import draw_paths, smooth
from altmarl_ros.games.rows import check_dense
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.games.trajectory import UNKNOWN, IntArray, Trajectory

_STRETCHES, _SHORTEST_RUN = 4, 50  # ticks
_MOST_STEPS = 60
_SETTLED = 1e-6  # change of P_d at which the steps end
_RAREST, _POINTS = 1e-7, 121  # the grid of the probability to leave a hidden state
_NOWHERE = 1e-7  # share of the highest density that counts as none
_NEVER = 1e-12  # probability of a move that the model rules out
_ALIKE = 1e-9


@dataclass(frozen=True)
class Dwell:
    """How long a hidden state lasts [ticks]: that of the game, the posterior's median, and its central 95 % interval."""

    model: float
    identified: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class IdentifiedHiddenState:
    """What runs say about a hidden state.

    Attributes:
        P_d: transitions, posterior means [d, d'].
        kernel: posterior of P_l, whose axis of global states holds the regimes d * S_g + s_g.
        dwell: of each hidden state, or of all alike if there is one entry.
        belief: p(d(t) | record) [T, D].
        changes: expected number of changes in the record, of all hidden states together.
        recorded: share of ticks at which d was recorded.
    """

    P_d: FloatArray
    kernel: IdentifiedKernel
    dwell: tuple[Dwell, ...]
    belief: FloatArray
    changes: float
    recorded: float


def identify_hidden_state(
    game: TabularGame,
    run: Trajectory,
    weight: float | None = WEIGHT,
    pool: bool | None = None,
    *,
    alike: bool = False,
) -> IdentifiedHiddenState:
    """Identify P_d and P_l of a game with a hidden state from a run, or from several that were joined.

    Args:
        game: the game, whose own P_d and P_l are the prior's means.
        run: what happened.
        weight: how many transitions the prior of each row counts for; None: as many as the record says, where rows that are
            alike are pooled, and else WEIGHT.
        pool: whether to pool the rows of all s_g at the same d; None: where they are alike in the game.
        alike: whether to pool all rows of a state that are alike in the game, and to estimate how runs vary around them.

    Raises:
        GameError: the game has no hidden state, the weight is not positive and finite, or pooled rows differ in the game.
        ResourceError: P_l would fill more than 1 GiB as a dense array.
    """
    if game.hidden is None:
        raise GameError(f"the game {game.name!r} has no hidden state")
    run.check(game)
    hidden = game.hidden
    check_dense(f"P_l of the game {game.name!r} by hidden state", hidden.local_kernel.shape)
    model = np.stack(list(hidden.local_kernel.blocks()))
    D = len(hidden)
    pooled = not feels_global_state(model, D) if pool is None else pool
    moves, given = _Moves.of(game, run), WEIGHT if weight is None else weight
    leaving = _Leaving(hidden, given)

    def posterior(transitions: IntArray | FloatArray, weight: float, spread: float | None) -> IdentifiedKernel:
        return identify(model, transitions, weight, pooled, n_hidden_states=D, spread=spread)

    spread = np.inf if alike else None
    P_d, kernel = hidden.P_d, posterior(np.zeros(model.shape), given, spread)
    for _ in range(_MOST_STEPS):
        seen = smooth(moves.log_emission(kernel.P_l), P_d, hidden.rho_d, run.follows)
        kernel = posterior(moves.expected(seen.belief, model.shape), given, spread)
        before, P_d = P_d, leaving.mean(seen.transitions)
        if np.abs(P_d - before).max() < _SETTLED or moves.all_known:
            break
    if alike:
        group = alike_rows(kernel.prior)
        beliefs = (np.where(part[:, None], seen.belief, 0.0) for part in _parts(run))
        parts = [summed_rows(posterior(moves.expected(each, model.shape), given, None).evidence, group) for each in beliefs]
        _, first = np.unique(group, return_index=True)
        best, spread = best_weights(kernel.prior.reshape(-1, kernel.prior.shape[-1])[first], parts, weight)
        kernel = posterior(kernel.transitions, best, spread)
    emission = moves.log_emission(kernel.P_l)
    seen = smooth(emission, P_d, hidden.rho_d, run.follows)
    dwell = leaving.dwell(P_d, lambda tried: smooth(emission, tried, hidden.rho_d, run.follows).log_likelihood)
    changes = float(seen.transitions.sum() - np.trace(seen.transitions))
    return IdentifiedHiddenState(P_d, kernel, dwell, seen.belief, changes, float(moves.known.mean()))


def draw_hidden_paths(game: TabularGame, run: Trajectory, count: int, rng: np.random.Generator) -> IntArray:
    """Draw paths of the hidden state [count, T] from what a run says of it under the game's own P_d and P_l.

    Where d(t) was recorded it is kept; a path that is known at every tick is returned once, whatever `count`.

    Raises:
        GameError: the game has no hidden state, or the run does not fit it.
        ResourceError: P_l would fill more than 1 GiB as a dense array.
    """
    if game.hidden is None:
        raise GameError(f"the game {game.name!r} has no hidden state")
    run.check(game)
    moves = _Moves.of(game, run)
    if moves.all_known:
        return moves.hidden_state[None]
    check_dense(f"P_l of the game {game.name!r} by hidden state", game.hidden.local_kernel.shape)
    emission = moves.log_emission(np.stack(list(game.hidden.local_kernel.blocks())))
    paths = draw_paths(emission, game.hidden.P_d, game.hidden.rho_d, run.follows, count=count, rng=rng)
    paths[:, moves.known] = moves.hidden_state[moves.known]  # also where the game rules it out
    return paths


def _parts(run: Trajectory) -> list[NDArray[np.bool_]]:
    """The ticks of each run that was joined into one, or of four stretches of a single run [T each]; gaps make no run."""
    T, starts = len(run.tick), [0]
    for t in np.flatnonzero(~run.follows).tolist():
        if t - starts[-1] >= _SHORTEST_RUN:
            starts.append(t)
    if len(starts) == 1:
        starts = [T * i // _STRETCHES for i in range(_STRETCHES)]
    number = np.searchsorted(starts, np.arange(T), side="right")
    return [number == part for part in np.unique(number)]


@dataclass(frozen=True, eq=False)
class _Moves:
    """The transitions of robots in a run: entries (t, s_l, s_g, a_l, s_l'), and where d is known."""

    tick: IntArray
    entry: tuple[IntArray, IntArray, IntArray, IntArray]
    known: NDArray[np.bool_]
    hidden_state: IntArray
    n_hidden_states: int

    @classmethod
    def of(cls, game: TabularGame, run: Trajectory) -> _Moves:
        before, after = run.local_state[:-1], run.local_state[1:]
        tick, robot = np.nonzero(run.follows[1:, None] & run.acted[:-1] & (after != UNKNOWN))
        entry = before[tick, robot], run.global_state[tick], run.local_action[tick, robot], after[tick, robot]
        hidden_state = np.full(len(run.tick), UNKNOWN) if run.hidden_state is None else run.hidden_state
        return cls(tick, entry, hidden_state != UNKNOWN, hidden_state, game.n_hidden_states)

    @property
    def all_known(self) -> bool:
        return bool(self.known.all())

    def log_emission(self, P_l: FloatArray) -> FloatArray:
        """The logarithms of e_t [T, D] under P_l over regimes [s_l, D * S_g, a_l, s_l']."""
        s_l, s_g, a_l, moved = self.entry
        T, D = len(self.known), self.n_hidden_states
        S_g = P_l.shape[1] // D
        logarithms = np.empty((T, D))
        for d in range(D):
            p = np.maximum(P_l[s_l, d * S_g + s_g, a_l, moved], _NEVER)
            logarithms[:, d] = np.bincount(self.tick, np.log(p), minlength=T)
        logarithms[self.known] = np.where(np.eye(D, dtype=bool)[self.hidden_state[self.known]], 0.0, -np.inf)
        return logarithms

    def expected(self, belief: FloatArray, shape: tuple[int, ...]) -> FloatArray:
        """The expected numbers of transitions in each regime [s_l, D * S_g, a_l, s_l'], given p(d(t)) [T, D]."""
        s_l, s_g, a_l, moved = self.entry
        counts = np.zeros(shape)
        S_g = shape[1] // self.n_hidden_states
        for d in range(self.n_hidden_states):
            np.add.at(counts, (s_l, d * S_g + s_g, a_l, moved), belief[self.tick, d])
        return counts


class _Leaving:
    """The prior of P_d: of leaving each hidden state, or all alike, and of where to."""

    def __init__(self, hidden: HiddenState, weight: float) -> None:
        D = len(hidden)
        self._weight, self._h = weight, 1.0 - np.diag(hidden.P_d)
        off = hidden.P_d * (1.0 - np.eye(D))
        self._jump = off / np.maximum(off.sum(axis=1, keepdims=True), 1e-300)
        self._groups = [np.arange(D)] if np.ptp(self._h) < _ALIKE else list(np.arange(D)[:, None])

    def mean(self, transitions: FloatArray) -> FloatArray:
        """The posterior mean of P_d [D, D], given the expected transitions [D, D]."""
        stays = np.diag(transitions)
        off = transitions - np.diag(stays)
        leaves, w, h = off.sum(axis=1), self._weight, self._h.copy()
        for group in self._groups:
            h[group] = (w * self._h[group[0]] + leaves[group].sum()) / (w + leaves[group].sum() + stays[group].sum())
        jump = (w * self._jump + off) / (w + leaves)[:, None]
        return self._with_leaving(h, jump)

    def dwell(self, P_d: FloatArray, log_likelihood: Callable[[FloatArray], float]) -> tuple[Dwell, ...]:
        """The posterior of the dwell of each group, with all else as in P_d."""
        h = 1.0 - np.diag(P_d)
        jump = (P_d - np.diag(np.diag(P_d))) / np.maximum(h, 1e-300)[:, None]
        dwells = []
        for group in self._groups:
            prior = float(self._h[group[0]])

            def log_posterior(tried: float, group: IntArray = group, prior: float = prior) -> float:
                changed = h.copy()
                changed[group] = tried
                beta = self._weight * (prior * np.log(tried) + (1.0 - prior) * np.log(max(1.0 - tried, _NEVER)))
                return float(log_likelihood(self._with_leaving(changed, jump)) + beta)

            low, median, high = _quantiles(log_posterior).tolist()
            dwells.append(Dwell(1.0 / max(prior, 1e-300), 1.0 / median, 1.0 / high, 1.0 / low))
        return tuple(dwells)

    @staticmethod
    def _with_leaving(h: FloatArray, jump: FloatArray) -> FloatArray:
        return np.asarray(np.diag(1.0 - h) + h[:, None] * jump)


def _quantiles(log_density: Callable[[float], float]) -> FloatArray:
    """Central 95 % interval and median [low, median, high] of a probability with this density over its logarithm."""
    grid = np.geomspace(_RAREST, 1.0, _POINTS)
    for _ in range(2):  # roughly, and then where it is
        logarithms = np.array([log_density(float(p)) for p in grid])
        density = np.exp(logarithms - logarithms.max())
        there = np.flatnonzero(density > _NOWHERE)
        first, last = max(there[0] - 1, 0), min(there[-1] + 1, len(grid) - 1)
        points, weights = grid, density
        grid = np.geomspace(grid[first], grid[last], _POINTS)
    below = np.cumsum(weights) - 0.5 * weights
    return np.asarray(np.exp(np.interp(np.array([0.025, 0.5, 0.975]) * weights.sum(), below, np.log(points))))
