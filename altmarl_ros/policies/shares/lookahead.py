"""What the coordinator does: one step of lookahead on the shares that it believes in.

    Q(s, m, a) = r_g(s, a) + gamma sum_s' P_g(s' | s, a) V_Gamma(s', P_s^T m),      a = argmax_a Q

and it earns no less than V_Gamma (module bounds of learning/shares says what that needs). Every sum is taken in one fixed
order, number by number and without a linear algebra library, so that every machine decides the same. Of actions that are
worth the same within rounding the lowest is taken, whatever the unit of reward.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.compiled import njit
from altmarl_ros.policies.shares.process import IntArray, SharesProcess
from altmarl_ros.policies.shares.vectors import ValueVectors
from altmarl_ros.workers import in_slices

_MANY = 16  # vectors of one global state
_TOGETHER = 32  # points
_FEW = 8  # points, for which that does not pay
_TIE = 1e-12  # share of the process' scale by which an action must be better than one of lower number


class SharesPolicy:
    """pi_g over shares: a process and its value vectors (see GlobalPolicy)."""

    def __init__(self, process: SharesProcess, vectors: ValueVectors) -> None:
        """Raises BundleError where the vectors are not of that process."""
        vectors.check(process)
        self.process, self.vectors = process, vectors

    @property
    def n_global_states(self) -> int:
        """S_g, number of global states."""
        return self.process.n_global_states

    @property
    def n_local_states(self) -> int:
        """S_l, number of local states."""
        return self.process.n_local_states

    @property
    def n_global_actions(self) -> int:
        """A_g, number of global actions."""
        return self.process.n_global_actions

    @property
    def most_reports(self) -> None:
        """See GlobalPolicy: value vectors serve every number of reports."""

    def act_on_shares(self, s_g: NDArray[np.integer], shares: FloatArray) -> IntArray:
        """Choose actions a_g [R] for global states [R] and shares [R, S_l]."""
        return np.asarray(self.process.action_of[self.choose(np.asarray(s_g, dtype=np.int64), shares)])

    def choose(self, s: IntArray, shares: FloatArray) -> IntArray:
        """Like `act_on_shares`, but returns choices of the process [B]."""
        ahead = look_ahead(self.process, self.vectors, s, predict(self.process, s, shares))
        return ahead.choice

    def action_values(self, s: int, shares: FloatArray) -> FloatArray:
        """Q(s, m, a) [A_g] for shares m [S_l], with the robots' reward of this tick, in units of reward."""
        m = np.ascontiguousarray(shares, dtype=np.float64)
        predicted = predict(self.process, np.array([s]), m[None])[0]
        value = np.empty(self.process.most_successors)
        node = np.empty(self.process.most_successors, dtype=np.int64)
        _best_vectors(self.process.arrays, self.vectors.arrays, s, predicted, (value, node))
        values = np.empty(self.process.n_global_actions)
        _action_values(self.process.arrays, self.process.choice_of[s], value, values)
        return np.asarray(values + _dot(self.process.arrays.reward[s], m))


class Ahead:
    """What one step of lookahead finds at B points.

    Attributes:
        choice: the best choice [B].
        value: its value without the robots' reward of this tick [B].
        node: the best node at every successor of s, in the order of the process [B, most successors]; -1 beyond the last.
    """

    def __init__(self, points: int, most_successors: int) -> None:
        self.choice = np.empty(points, dtype=np.int64)
        self.value = np.empty(points)
        self.node = np.full((points, most_successors), -1, dtype=np.int64)


def predict(process: SharesProcess, s: IntArray, shares: FloatArray) -> FloatArray:
    """Shares one tick later, P_s^T m [B, S_l], for global states [B] and shares m [B, S_l]."""
    given = np.ascontiguousarray(shares, dtype=np.float64)
    out = np.empty_like(given)
    _predict_all(process.arrays, np.asarray(s, dtype=np.int64), given, out)
    return out


def look_ahead(process: SharesProcess, vectors: ValueVectors, s: IntArray, predicted: FloatArray) -> Ahead:
    """One step of lookahead from global states [B] whose shares will be `predicted` [B, S_l]."""
    found = Ahead(len(s), process.most_successors)
    state = np.asarray(s, dtype=np.int64)

    def work(points: slice) -> None:
        at, out = (state[points], predicted[points]), (found.choice[points], found.value[points], found.node[points])
        _look_ahead(process.arrays, vectors.arrays, at, _TIE * process.scale, out)

    per_state = len(vectors) / process.n_global_states
    in_slices(work, len(s), predicted.size * process.most_successors * per_state)
    return found


@njit(nogil=True, cache=True)
def _predict(process, s, m, out):  # type: ignore[no-untyped-def]
    S_l = len(m)
    out[:] = 0.0
    row = process.kernel_of[s] * S_l
    for i in range(S_l):
        share = m[i]
        if share != 0.0:
            for e in range(process.indptr[row + i], process.indptr[row + i + 1]):
                out[process.indices[e]] += share * process.data[e]


@njit(nogil=True, cache=True)
def _predict_all(process, s, shares, out):  # type: ignore[no-untyped-def]
    # Points in a row that move alike go together, _TOGETHER at a time: a processor then adds up several at once.
    B, S_l = shares.shape
    before, after = np.empty((S_l, _TOGETHER)), np.empty((S_l, _TOGETHER))
    begin = 0
    while begin < B:
        kernel, end = process.kernel_of[s[begin]], begin + 1
        while end < B and end - begin < _TOGETHER and process.kernel_of[s[end]] == kernel:
            end += 1
        if end - begin < _FEW:
            for b in range(begin, end):
                _predict(process, s[b], shares[b], out[b])
        else:
            for b in range(begin, end):
                before[:, b - begin] = shares[b]
            _predict_together(process, kernel * S_l, before[:, : end - begin], after[:, : end - begin])
            for b in range(begin, end):
                out[b] = after[:, b - begin]
        begin = end


@njit(nogil=True, cache=True)
def _predict_together(process, row, before, after):  # type: ignore[no-untyped-def]
    # Of shares [S_l, points] that move by the kernel whose rows begin at `row`; each in the order of `_predict`.
    after[:] = 0.0
    for i in range(len(before)):
        share = before[i]
        for e in range(process.indptr[row + i], process.indptr[row + i + 1]):
            p, there = process.data[e], after[process.indices[e]]
            for b in range(len(share)):
                there[b] += share[b] * p


@njit(nogil=True, cache=True)
def _best_vectors(process, vectors, s, m, out):  # type: ignore[no-untyped-def]
    # The value and node of the best vector at each successor of s, the first of those that are worth the same.
    value, node = out
    first = process.successor_start[s]
    count = process.successor_start[s + 1] - first
    x = 0
    while x < count:
        state = process.successor[first + x]
        begin, end = vectors.start[state], vectors.start[state + 1]
        if end - begin >= _MANY:
            value[x], node[x] = _best_of_many(vectors.transposed, begin, end, m)
            x += 1
            continue
        last = state  # of successors in a row that have few vectors each, which are then read together
        while x + last - state + 1 < count and process.successor[first + x + last - state + 1] == last + 1:
            if vectors.start[last + 2] - vectors.start[last + 1] >= _MANY:
                break
            last += 1
        worth = _values(vectors.alpha, begin, vectors.start[last + 1], m)
        for of in range(state, last + 1):
            best, arg = -np.inf, vectors.start[of]
            for i in range(vectors.start[of], vectors.start[of + 1]):
                if worth[i - begin] > best:
                    best, arg = worth[i - begin], i
            value[x], node[x] = best, arg
            x += 1


@njit(nogil=True, cache=True)
def _values(alpha, begin, end, m):  # type: ignore[no-untyped-def]
    # What vectors are worth, eight at a time, each summed in the order of the states.
    worth = np.empty(end - begin + 8)
    for i in range(begin, end, 8):
        i1, i2, i3, i4 = min(i + 1, end - 1), min(i + 2, end - 1), min(i + 3, end - 1), min(i + 4, end - 1)
        i5, i6, i7 = min(i + 5, end - 1), min(i + 6, end - 1), min(i + 7, end - 1)
        v0 = v1 = v2 = v3 = v4 = v5 = v6 = v7 = 0.0
        for j in range(len(m)):
            share = m[j]
            v0 += alpha[i, j] * share
            v1 += alpha[i1, j] * share
            v2 += alpha[i2, j] * share
            v3 += alpha[i3, j] * share
            v4 += alpha[i4, j] * share
            v5 += alpha[i5, j] * share
            v6 += alpha[i6, j] * share
            v7 += alpha[i7, j] * share
        place = i - begin
        worth[place], worth[place + 1], worth[place + 2], worth[place + 3] = v0, v1, v2, v3
        worth[place + 4], worth[place + 5], worth[place + 6], worth[place + 7] = v4, v5, v6, v7
    return worth


@njit(nogil=True, cache=True)
def _best_of_many(transposed, begin, end, m):  # type: ignore[no-untyped-def]
    # All vectors at a time, which a processor adds up several at once, each summed in the order of the states. Four states
    # are read before a sum is written again.
    S_l, count = len(m), end - begin
    alpha = transposed[begin * S_l : end * S_l].reshape((S_l, count))
    value = np.zeros(count)
    whole = S_l - S_l % 4
    for j in range(0, whole, 4):
        m0, m1, m2, m3 = m[j], m[j + 1], m[j + 2], m[j + 3]
        if m0 == 0.0 and m1 == 0.0 and m2 == 0.0 and m3 == 0.0:
            continue
        a0, a1, a2, a3 = alpha[j], alpha[j + 1], alpha[j + 2], alpha[j + 3]
        for i in range(count):
            value[i] = value[i] + a0[i] * m0 + a1[i] * m1 + a2[i] * m2 + a3[i] * m3
    for j in range(whole, S_l):
        share, of_state = m[j], alpha[j]
        for i in range(count):
            value[i] += of_state[i] * share
    best, arg = -np.inf, begin
    for i in range(count):
        if value[i] > best:
            best, arg = value[i], begin + i
    return best, arg


@njit(nogil=True, cache=True)
def _worth(process, c, value):  # type: ignore[no-untyped-def]
    future = 0.0
    for o in range(process.outcome_start[c], process.outcome_start[c + 1]):
        future += process.outcome_probability[o] * value[process.outcome_slot[o]]
    return process.choice_reward[c] + process.gamma * future


@njit(nogil=True, cache=True)
def _look_ahead(process, vectors, at, tie, out):  # type: ignore[no-untyped-def]
    states, predicted = at
    choice, worth, node = out
    value = np.empty(node.shape[1])
    for b in range(len(states)):
        s = states[b]
        _best_vectors(process, vectors, s, predicted[b], (value, node[b]))
        best = -np.inf
        choice[b] = process.choice_start[s]
        for c in range(process.choice_start[s], process.choice_start[s + 1]):
            q = _worth(process, c, value)
            if q > best + tie:
                best = q
                choice[b] = c
        worth[b] = best


@njit(nogil=True, cache=True)
def _action_values(process, choices, value, out):  # type: ignore[no-untyped-def]
    for a in range(len(choices)):
        out[a] = _worth(process, choices[a], value)


@njit(nogil=True, cache=True)
def _dot(one, other):  # type: ignore[no-untyped-def]
    total = 0.0
    for j in range(len(one)):
        total += one[j] * other[j]
    return total
