"""From above, for the mean field only: the sawtooth below the fast informed bound.

In an infinite fleet seeing robots is worth nothing once the start is known, and the coordinator's problem is one of a hidden
state, that of a representative robot. The fast informed bound (informed_bound.py) lets it see that state one tick late, and the
sawtooth (Hauskrecht 2000) interpolates below it through points that are backed up. With corners u(j) and value v at a point b:

    u . mu + min(0, v - u . b) min over j with b_j > 0 of mu_j / b_j.

Neither bounds a finite team, in which seeing robots is worth something (module subset_values does).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.compiled import njit
from altmarl_ros.games.start import Start
from altmarl_ros.learning.shares.estimates import SimulatedEstimates, start_estimates
from altmarl_ros.learning.shares.informed_bound import fast_informed_vectors, sweep_operations
from altmarl_ros.learning.shares.points import Points, spread
from altmarl_ros.policies.shares.lookahead import SharesPolicy, predict
from altmarl_ros.policies.shares.process import IntArray, SharesProcess
from altmarl_ros.workers import in_slices

HOLDS_FOR = "at most, for the mean field (infinitely many robots) only"

_SUCCESSORS, _ENTRIES = 2e6, 2e7  # of all corners, and of the shares there, of a bound that is made in seconds
_OPERATIONS = 5e8  # of one of its some ten sweeps
_RUNS, _RANDOM, _APART = 400, 0.3, 0.005  # episodes, share of them at random, and distance of points in total variation


class _Teeth(NamedTuple):
    """A sawtooth as plain arrays, for compiled loops; the points of s are first[s] up to first[s + 1]."""

    corners: FloatArray
    first: IntArray
    shares: FloatArray
    values: FloatArray


@dataclass(frozen=True, eq=False)
class Sawtooth:
    """An upper bound of the mean field's value.

    Attributes:
        process: the coordinator's process.
        informed: fast informed vectors [choices, S_l].
        corners: values where all robots are in one state [S_g, S_l].
        points: where it is backed up.
        values: bounds at the points [B].
    """

    process: SharesProcess
    informed: FloatArray
    corners: FloatArray
    points: Points
    values: FloatArray

    def value(self, s: IntArray, shares: FloatArray) -> FloatArray:
        """The bound at global states [B] and shares [B, S_l], by one step of lookahead on the interpolation."""
        s, predicted = np.asarray(s, dtype=np.int64), predict(self.process, s, shares)
        local = (shares * self.process.arrays.reward[s]).sum(axis=1)
        out = self.backed_up((s, predicted, local), _informed_ahead(self.process, self.informed, s, predicted))
        return np.minimum(out, _informed_value(self.process, self.informed, s, shares))

    def backed_up(self, at: tuple[IntArray, FloatArray, FloatArray], informed_ahead: FloatArray) -> FloatArray:
        """One step of lookahead.

        Args:
            at: global states [B], the shares that robots will have there [B, S_l], and what they earn now [B].
            informed_ahead: informed bound of these shares at each global state that may follow [B, most successors].
        """
        process, teeth, out = self.process, self._teeth, np.empty(len(at[0]))

        def work(part: slice) -> None:
            _back_up(process.arrays, teeth, (at[0][part], at[1][part], at[2][part]), informed_ahead[part], out[part])

        in_slices(work, len(out), at[1].size * process.most_successors)
        return out

    @property
    def _teeth(self) -> _Teeth:
        first = np.searchsorted(self.points.s, np.arange(self.process.n_global_states + 1))
        return _Teeth(self.corners, first, self.points.shares, self.values)


def sawtooth(points: Points, precision: float = 1e-5, most_sweeps: int = 300) -> Sawtooth:
    """Back up corners and points from the fast informed bound until nothing falls by more than `precision` of the scale."""
    process = points.process
    S_g = process.n_global_states
    informed = fast_informed_vectors(process)
    first_choice = process.arrays.choice_start
    corners = np.stack([informed[first_choice[s] : first_choice[s + 1]].max(axis=0) for s in range(S_g)])
    values = _informed_value(process, informed, points.s, points.shares)
    at = points.s, points.predicted, points.local_reward
    ahead = _informed_ahead(process, informed, points.s, points.predicted)
    ahead_of_corners = [_informed_ahead(process, informed, *_of_corners(process, s)[:2]) for s in range(S_g)]
    for _ in range(most_sweeps):
        bound = Sawtooth(process, informed, corners, points, values)
        backed_up = [bound.backed_up(_of_corners(process, s), ahead_of_corners[s]) for s in range(S_g)]
        lower_corners = np.minimum(corners, np.stack(backed_up))
        lower = np.minimum(values, bound.backed_up(at, ahead))
        fall = max(float((corners - lower_corners).max()), float((values - lower).max(initial=0.0)))
        corners, values = lower_corners, lower
        if fall <= precision * (1.0 - process.gamma) * process.scale:
            break
    return Sawtooth(process, informed, corners, points, values)


def _of_corners(process: SharesProcess, s: int) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return s, the shares that follow, and what robots earn, where all are in one state. Those of all s are many numbers."""
    states = np.full(process.n_local_states, s)
    return states, predict(process, states, np.eye(len(states))), process.arrays.reward[s]


def _informed_ahead(process: SharesProcess, informed: FloatArray, s: IntArray, predicted: FloatArray) -> FloatArray:
    """The informed bound [B, most successors] of shares [B, S_l] at each global state that may follow s [B]."""
    out = np.empty((len(s), process.most_successors))

    def work(part: slice) -> None:
        _look_at_successors(process.arrays, informed, s[part], predicted[part], out[part])

    in_slices(work, len(s), predicted.size * process.most_successors)
    return out


def takes_seconds(process: SharesProcess) -> bool:
    """Whether a sawtooth of the process is made in seconds."""
    corners = process.n_global_states * process.n_local_states
    few = corners * process.most_successors <= _SUCCESSORS and corners * process.n_local_states <= _ENTRIES
    return few and sweep_operations(process) <= _OPERATIONS


def points_from_the_mean_start(policy: SharesPolicy, start: Start, per_state: int, rng: np.random.Generator) -> Points:
    """Where the mean field goes from the mean start: points for a sawtooth that is tight there."""
    process = policy.process
    drawn = [start_estimates(process, start), _sampler(start)(process, policy, rng)]
    return spread(process, drawn, per_state, _APART, fixed=1)


def _sampler(start: Start) -> SimulatedEstimates:
    return SimulatedEstimates(start, runs=_RUNS, reports=(0,), random=_RANDOM)


def sawtooth_estimates(process: SharesProcess, start: Start) -> int:
    """Number of estimates among which the points of a sawtooth are chosen, where one `takes_seconds`."""
    return _sampler(start).count(process.gamma) if takes_seconds(process) else 0


def _informed_value(process: SharesProcess, informed: FloatArray, s: IntArray, shares: FloatArray) -> FloatArray:
    values = np.empty(len(s))
    for state in np.unique(s):
        here = np.flatnonzero(s == state)
        choices = slice(process.arrays.choice_start[state], process.arrays.choice_start[state + 1])
        values[here] = (shares[here] @ informed[choices].T).max(axis=1)
    return values


@njit(nogil=True, cache=True)
def _look_at_successors(process, informed, states, predicted, out):  # type: ignore[no-untyped-def]
    for b in range(len(states)):
        s, m = states[b], predicted[b]
        occupied, begin = np.flatnonzero(m), process.successor_start[s]
        for x in range(process.successor_start[s + 1] - begin):
            then, best = process.successor[begin + x], -np.inf
            for c in range(process.choice_start[then], process.choice_start[then + 1]):
                total = 0.0
                for j in occupied:
                    total += informed[c, j] * m[j]
                best = max(best, total)
            out[b, x] = best


@njit(nogil=True, cache=True)
def _interpolated(teeth, s, m, occupied):  # type: ignore[no-untyped-def]
    """The interpolation at s for shares m [S_l], which are 0 outside of the states `occupied`."""
    plane = 0.0
    for j in occupied:
        plane += teeth.corners[s, j] * m[j]
    tooth = 0.0
    for i in range(teeth.first[s], teeth.first[s + 1]):
        ratio, below = np.inf, teeth.values[i]
        for j in range(len(m)):
            b = teeth.shares[i, j]
            if b > 0.0:
                ratio = min(ratio, m[j] / b)
                below -= teeth.corners[s, j] * b
                if ratio == 0.0:
                    break
        if ratio > 0.0 and below < 0.0:
            tooth = min(tooth, below * min(ratio, 1.0))
    return plane + tooth


@njit(nogil=True, cache=True)
def _back_up(process, teeth, at, informed_ahead, out):  # type: ignore[no-untyped-def]
    states, predicted, local = at
    ahead = np.empty(len(process.successor))
    for b in range(len(states)):
        s = states[b]
        occupied = np.flatnonzero(predicted[b])
        begin = process.successor_start[s]
        for x in range(process.successor_start[s + 1] - begin):
            then = process.successor[begin + x]
            ahead[x] = min(_interpolated(teeth, then, predicted[b], occupied), informed_ahead[b, x])
        best = -np.inf
        for c in range(process.choice_start[s], process.choice_start[s + 1]):
            future = 0.0
            for o in range(process.outcome_start[c], process.outcome_start[c + 1]):
                future += process.outcome_probability[o] * ahead[process.outcome_slot[o]]
            best = max(best, process.choice_reward[c] + process.gamma * future)
        out[b] = local[b] + best
