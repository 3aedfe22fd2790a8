"""Predicts what a recorded fleet should have done according to a model, as bands over simulated fleets, and tests the model.

Given the coordinator's s_g(t) and a_g(t) from the record, robots are independent. The counts N of a fleet that starts like
the recorded one follow

    D  ~ multinomial(N_j, pi_l(. | j, s_g(t))),    N' = sum of multinomial(D_ja, P(. | j, s_g(t), a)),

with a kernel P that each simulated fleet draws from the posterior (games/identification/kernel.py). So the band covers both the
robots' randomness and the uncertainty of their kernel. Robots that did not act stay where they are. When robots disappear
from the record, as many random ones are removed from each simulated fleet; robots that appear enter where they were seen;
after a gap in the record all fleets start anew from it.

Occupancies at successive ticks depend on each other, so a model may be right although a curve leaves its 95 % band for more
than 5 % of the ticks. Therefore the bands are made from one half of the simulated fleets, and the other half shows how
often a fleet of the model lies in them. If the model holds and the decisions did not depend on the robots, the record is
exchangeable with the fleets of the other half. Then the rank of its worst share among theirs is an exact Monte Carlo test
(Davison and Hinkley, Bootstrap Methods, section 4.2). If the coordinator reacted to its robots, the test is approximate.

Bands say little about how robots move, since slower robots may be found in the same places. So a second test uses the
transitions N_j of each row, n in all, and their distance from the kernel's mean m,

    sum over rows and j of (N_j - n m_j)^2 / (n m_j + 1),

ranked among the distances of transitions that are drawn from the kernels. The smaller of the two significance levels,
doubled (Bonferroni), is the verdict's.

Where places have limited room, robots that want to enter a full one stay where they are, in the simulated fleets as in the
worlds (games/holding.py). Then P_l is where robots want to go, and a robot that is held back is no contradiction to it: the
second test draws the moves of each recorded tick again, holds robots back where there is no room, and counts what is left.

In a game with a hidden state robots move by the regime (d, s_g) in place of s_g: see `in_regimes`. Where d was not recorded
its path is drawn from what the robots' moves say of it under the game (games/identification/hidden_state.py): every simulated
fleet has a path of its own, the recorded reward is the mean over them, and the second test's significance is the mean over
some of them (a posterior predictive one: Gelman et al., Bayesian Data Analysis, 3rd ed., section 6.3). Paths that were drawn by
the record suit it, so both tests then err on the side of the model.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import Start, TabularGame
from altmarl_ros.games.identification import count_transitions
from altmarl_ros.games.identification.hidden_state import draw_hidden_paths
from altmarl_ros.games.rows import check_dense
from altmarl_ros.games.trajectory import UNKNOWN, IntArray, Trajectory
from altmarl_ros.learning.populations.room_motion import held_of_moves
from altmarl_ros.observation import draw_without_replacement
from altmarl_ros.policies import LocalPolicy

_MOST_NUMBERS = 1 << 24  # that are drawn at a time
_MOST_TESTED = 10  # paths of a hidden state
_MOST_DRAWS, _LEAST_DRAWS = 400, 40  # of a record's transitions where room is limited

SIGNIFICANCE = 0.05
"""A model is rejected if a smaller share of its own runs than this lies as far off as the record."""

BAND = 0.95
"""Share of the simulated fleets that the pointwise band holds at each tick."""

_ROUNDING = 1e-9  # relative rounding error of rewards


@dataclass(frozen=True, eq=False)
class Comparison:
    """A record beside the bands of simulated fleets.

    The Q = S_l + 1 quantities are the number of robots in each local state, and the team reward.

    Attributes:
        observed: the recorded quantities [T, Q].
        low: lower end of the pointwise band [T, Q].
        mean: mean of the simulated fleets [T, Q].
        high: upper end of the pointwise band [T, Q].
        inside: whether the record lies in the band [T, Q].
        simulated_shares: share of ticks in the band, for the simulated fleets of which it was not made [R, Q].
        transition_significance: probability that transitions drawn from the kernels lie as far from their mean as the
            recorded ones.
    """

    observed: FloatArray
    low: FloatArray
    mean: FloatArray
    high: FloatArray
    inside: NDArray[np.bool_]
    simulated_shares: FloatArray
    transition_significance: float

    @property
    def shares(self) -> FloatArray:
        """The share of ticks at which the record lies in the band [Q]."""
        return np.asarray(self.inside.mean(axis=0))

    @property
    def expected_shares(self) -> FloatArray:
        """The mean share of ticks at which simulated fleets lie in the band [Q]."""
        return np.asarray(self.simulated_shares.mean(axis=0))

    @property
    def band_significance(self) -> float:
        """The probability that a run of the model has a worst share as low as the record's."""
        worst = self.simulated_shares.min(axis=1)
        return float((1 + (worst <= self.shares.min() + _ROUNDING).sum()) / (1 + len(worst)))

    @property
    def significance(self) -> float:
        """The significance level of both tests together (Bonferroni)."""
        return min(1.0, 2.0 * min(self.band_significance, self.transition_significance))

    @property
    def holds(self) -> bool:
        """Whether the record is compatible with the model."""
        return self.significance > SIGNIFICANCE


def in_regimes(game: TabularGame, pi_l: LocalPolicy) -> tuple[TabularGame, LocalPolicy]:
    """The game of one who is told the hidden state, and the robots' policy in it: global states are regimes (d, s_g).

    Raises:
        ResourceError: the game would not fit into memory.
    """
    hidden = game.hidden
    assert hidden is not None
    R, A_g = len(hidden) * game.n_global_states, game.n_global_actions
    check_dense(f"P_g of the game {game.name!r} by hidden state", (R, A_g, R))
    told = TabularGame(
        game.name,
        np.einsum("de,gah->dgaeh", hidden.P_d, game.P_g).reshape(R, A_g, R),
        hidden.local_kernel,
        np.tile(game.r_g, (len(hidden), 1)),
        hidden.r_l,
        gamma=game.gamma,
        start=Start(np.outer(hidden.rho_d, game.initial.rho_g).ravel(), game.initial.alpha),
        local_state_names=game.local_state_names,
        global_action_names=game.global_action_names,
        local_action_names=game.local_action_names,
        places=game.places,
        room=game.room,
    )
    return told, LocalPolicy(np.tile(pi_l.probabilities, (1, len(hidden), 1)))


def runs_in_regimes(game: TabularGame, run: Trajectory, count: int, rng: np.random.Generator) -> list[Trajectory]:
    """The run with regimes (d, s_g) for global states: once where d was recorded, else with `count` paths that are drawn.

    Raises:
        GameError: the run does not fit the game.
        ResourceError: the game would not fit into memory.
    """
    hidden = game.hidden
    assert hidden is not None
    paths = draw_hidden_paths(game, run, count, rng)
    return [replace(run, global_state=hidden.regimes(path, run.global_state), hidden_state=None) for path in paths]


def compare(
    game: TabularGame,
    pi_l: LocalPolicy,
    kernels: FloatArray,
    runs: Sequence[Trajectory],
    *,
    fleets: int,
    rng: np.random.Generator,
) -> Comparison:
    """Simulate fleets beside a recorded run, and compare it with their bands.

    Args:
        game: the game, which gives the rewards.
        pi_l: the policy by which the robots acted.
        kernels: draws of P_l [M, s_l, s_g, a_l, s_l'], or [M, s_l, 1, a_l, s_l'] if robots move in the same way at all s_g;
            fleet r moves by draw r mod M.
        runs: the record, once for each path of global states that it may have had; fleet r is simulated beside the r-th, modulo
            their number. Several records may be joined into one.
        fleets: number of simulated fleets; half of them make the bands.
        rng: random generator of the fleets.

    Raises:
        GameError: the record does not fit the game.
        AltmarlError: the record is empty, there are fewer than 4 fleets, or the policy is not of the game's size.
    """
    for each in runs:
        each.check(game)
    run = runs[0]
    if len(run.tick) == 0 or fleets < 4:
        raise AltmarlError(f"{len(run.tick)} ticks and {fleets} fleets cannot be compared: at least 1 and 4 are needed")
    if pi_l.probabilities.shape != game.r_l.shape:
        raise AltmarlError(f"the policy has shape {pi_l.probabilities.shape}, must be {game.r_l.shape} for game {game.name!r}")
    rewards = np.mean([each.rewards(game) for each in runs], axis=0)
    observed = np.column_stack([run.occupancy(game.n_local_states), rewards])
    low, mean, high = (np.empty_like(observed) for _ in range(3))
    half = fleets // 2
    hits = np.zeros((fleets - half, observed.shape[1]))
    tails = [0.5 - BAND / 2, 0.5 + BAND / 2]
    for t, values in enumerate(_played(game, pi_l, kernels, runs, fleets=fleets, rng=rng)):
        low[t], high[t] = np.quantile(values[:half], tails, axis=0, method="inverted_cdf")
        mean[t] = values.mean(axis=0)
        hits += _between(low[t], values[half:], high[t])
    inside = _between(low, observed, high)
    tested = runs[:_MOST_TESTED]
    rank = float(np.mean([_moves_significance(game, kernels, each, fleets, rng) for each in tested]))
    return Comparison(observed, low, mean, high, inside, hits / len(observed), rank)


def _moves_significance(
    game: TabularGame, kernels: FloatArray, run: Trajectory, fleets: int, rng: np.random.Generator
) -> float:
    if game.room is None:
        seen = count_transitions(game, run, pool=kernels.shape[2] == 1)
        return _transition_significance(kernels, seen, fleets, rng)
    draws = min(fleets, _MOST_DRAWS, max(_LEAST_DRAWS, _MOST_NUMBERS // kernels[0].size))
    return _significance_with_room(game, kernels, run, draws, rng)


def _transition_significance(kernels: FloatArray, seen: IntArray, draws: int, rng: np.random.Generator) -> float:
    n = seen.sum(axis=-1)
    expected = n[..., None] * kernels.mean(axis=0)

    def distance(transitions: IntArray) -> float:
        return float(((transitions - expected) ** 2 / (expected + 1.0)).sum())

    null = np.array([distance(rng.multinomial(n, kernels[r % len(kernels)])) for r in range(draws)])
    return float((1 + (null >= distance(seen) - _ROUNDING).sum()) / (1 + draws))


def _significance_with_room(
    game: TabularGame, kernels: FloatArray, run: Trajectory, draws: int, rng: np.random.Generator
) -> float:
    _, S_l, S, A_l, _ = kernels.shape
    own, drawn = np.arange(draws)[:, None] % len(kernels), np.zeros((draws, *kernels.shape[1:]), dtype=np.int64)
    known, counted = run.local_state != UNKNOWN, np.zeros(run.local_state.shape, dtype=bool)
    counted[:-1] = run.follows[1:, None] & run.acted[:-1] & known[1:]
    for t in np.flatnonzero(counted.any(axis=1)).tolist():
        rows, acting = np.unique(_rows_of(run, t, counted[t], A_l), return_counts=True)
        s_l, a_l = np.divmod(rows, A_l)
        s_g = run.global_state[t] if S > 1 else 0
        wanted = rng.multinomial(acting, kernels[own, s_l, s_g, a_l])  # [R, rows, s_l']
        others = np.bincount(run.local_state[t, known[t] & ~counted[t]], minlength=S_l)  # who stay where they are
        held = _held(game, s_l, wanted, others, rng)
        drawn[:, s_l, s_g, a_l] += wanted - held
        drawn[:, s_l, s_g, a_l, s_l] += held.sum(axis=2)
    expected = drawn.mean(axis=0)
    distances = ((drawn - expected) ** 2 / (expected + 1.0)).sum(axis=(1, 2, 3, 4))
    seen = ((count_transitions(game, run, pool=S == 1) - expected) ** 2 / (expected + 1.0)).sum()
    return float((1 + (distances >= seen - _ROUNDING).sum()) / (1 + draws))


def _rows_of(run: Trajectory, t: int, robots: NDArray[np.bool_], A_l: int) -> IntArray:
    return np.asarray(run.local_state[t, robots] * A_l + run.local_action[t, robots])


def _held(game: TabularGame, origin: IntArray, wanted: IntArray, others: IntArray, rng: np.random.Generator) -> IntArray:
    """How many of the robots that want to move from `origin` [rows] to each s_l' [R, rows, s_l'] are held back.

    `others` [s_l] or [R, s_l] stay where they are.
    """
    assert game.room is not None
    R, rows, S_l = wanted.shape
    each = np.arange(S_l)
    moves = np.stack([np.append(np.repeat(origin, S_l), each), np.append(np.tile(each, rows), each)])
    robots = np.hstack([wanted.reshape(R, -1), np.broadcast_to(others, (R, S_l))])
    held = held_of_moves(moves, robots, game.room, int(robots[0].sum()), rng)
    return held[:, : rows * S_l].reshape(R, rows, S_l)


def _between(low: FloatArray, values: FloatArray, high: FloatArray) -> NDArray[np.bool_]:
    slack = _ROUNDING * (1.0 + np.abs(values))
    return np.asarray((low - slack <= values) & (values <= high + slack))


def _played(
    game: TabularGame,
    pi_l: LocalPolicy,
    kernels: FloatArray,
    runs: Sequence[Trajectory],
    *,
    fleets: int,
    rng: np.random.Generator,
) -> Iterator[FloatArray]:
    """Yield occupancies and rewards of the simulated fleets, tick by tick [R, Q]."""
    run, own_run = runs[0], np.arange(fleets) % len(runs)
    regimes = np.stack([each.global_state for each in runs])  # [runs, T]
    occupancy = run.occupancy(game.n_local_states)
    known, acted, follows = run.local_state != UNKNOWN, run.acted, run.follows
    own = np.arange(fleets) % len(kernels)
    arrived = np.zeros((fleets, occupancy.shape[1]), dtype=np.int64)
    for t, a_g in enumerate(run.global_action):
        s_g = regimes[own_run, t]  # [R]
        if follows[t]:
            appeared = run.local_state[t, known[t] & ~known[t - 1]]
            N = arrived - draw_without_replacement(arrived, int((known[t - 1] & ~known[t]).sum()), rng)
            N += np.bincount(appeared, minlength=N.shape[1])
        else:
            N = np.tile(occupancy[t], (fleets, 1))
        acting = int(acted[t].sum())
        idle = draw_without_replacement(N, int(known[t].sum()) - acting, rng)
        D = rng.multinomial(N - idle, np.moveaxis(pi_l.probabilities[:, s_g], 1, 0))  # [R, s_l, a_l]
        local = np.einsum("rla,lra->r", D, game.r_l[:, s_g]) / max(acting, 1)
        yield np.column_stack([N, game.r_g[s_g, a_g] + local])
        row = s_g if kernels.shape[2] > 1 else np.zeros_like(s_g)
        arrived, S_l = idle.copy(), game.n_local_states
        wanted = np.zeros((fleets * S_l, S_l), dtype=np.int64) if game.room is not None else None
        for fleet, s_l, moved in _moves(D, kernels, own, row, rng):
            _add_rows(arrived, fleet, moved)
            if wanted is not None:
                _add_rows(wanted, fleet * S_l + s_l, moved)
        if wanted is not None:
            held = _held(game, np.arange(S_l), wanted.reshape(fleets, S_l, S_l), idle, rng)
            arrived += held.sum(axis=2) - held.sum(axis=1)


def _moves(
    D: IntArray, kernels: FloatArray, own: IntArray, row: IntArray, rng: np.random.Generator
) -> Iterator[tuple[IntArray, IntArray, IntArray]]:
    """Yield where robots move that are in one state of one fleet and act alike: fleets [n], s_l [n], moves [n, s_l'].

    Only for those of D [R, s_l, a_l] where there are robots, of which most have none.
    """
    fleet, s_l, a_l = np.nonzero(D)
    step = max(1, _MOST_NUMBERS // D.shape[1])
    for part in (slice(first, first + step) for first in range(0, len(fleet), step)):
        cells = fleet[part], s_l[part], a_l[part]
        pvals = kernels[own[cells[0]], cells[1], row[cells[0]], cells[2]]
        yield cells[0], cells[1], rng.multinomial(D[cells], pvals)


def _add_rows(total: IntArray, row: IntArray, values: IntArray) -> None:
    """Add values [n, m] to rows [n] of `total` [rows, m], which ascend."""
    first = np.flatnonzero(np.diff(row, prepend=-1))
    total[row[first]] += np.add.reduceat(values, first, axis=0)
