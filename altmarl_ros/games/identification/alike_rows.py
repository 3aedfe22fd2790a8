"""Rows of a kernel that a model takes for alike, and how far those of one run lie from their mean.

In a game of work a robot's next place follows from where it is and where it heads for. So most rows of P_l at the same s_l, of
other actions, stops of the crew and hidden states, are the same row, and what a run says of one of them it says of all.

The rows of one run lie farther from the mean of many runs than chance has it: where the demand is, robots meet at doors and go
slower. Let m be the mean of a row, A the number of transitions that it rests on, the prior's among them, and c the *spread*.
Then the row of another run is taken to be Dirichlet with the mean m and the precision e,

    1 / (e + 1) = 1 / (A + 1) + 1 / (c + 1),

so that the variance of what is not known of m and that between runs add up. The weight w of the prior and c are those by which
each part of the record is predicted best from the other parts, that is with the highest sum of

    log DirichletMultinomial(N_part | e m),    m and A of w P_l + N - N_part,

where the parts are the runs, or four stretches of a single one.
"""

from __future__ import annotations

from typing import Sequence

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games.trajectory import IntArray

WEIGHTS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""The weights of the prior that are tried [transitions]."""

SPREADS = (5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 1e6)
"""The spreads that are tried [transitions]."""

_DIGITS = 9
_LEAST = 0.05  # precision
_NEVER = 1e-12


def alike_rows(model: FloatArray) -> IntArray:
    """Number the rows of a kernel [s_l, S, a_l, s_l'] such that those that are alike have the same number [s_l, S, a_l].

    Only rows of the same s_l are; numbers begin at 0 and have no gap.
    """
    group, first = np.empty(model.shape[:-1], dtype=np.int64), 0
    for s_l, rows in enumerate(model):
        _, number = np.unique(np.round(rows.reshape(-1, rows.shape[-1]), _DIGITS), axis=0, return_inverse=True)
        group[s_l] = first + number.reshape(rows.shape[:-1])
        first = int(group[s_l].max()) + 1
    return group


def summed_rows(transitions: FloatArray | IntArray, group: IntArray) -> FloatArray:
    """Add up the transitions [s_l, S, a_l, s_l'] of rows that are alike [number, s_l']."""
    total = np.zeros((int(group.max()) + 1, transitions.shape[-1]))
    np.add.at(total, group.ravel(), transitions.reshape(-1, transitions.shape[-1]))
    return total


def of_one_run(alpha: FloatArray, spread: float) -> FloatArray:
    """The Dirichlet parameters of one run's own rows, given those of the mean over runs [..., s_l']."""
    total = alpha.sum(axis=-1, keepdims=True)
    precision = 1.0 / (1.0 / (total + 1.0) + 1.0 / (spread + 1.0)) - 1.0
    return np.asarray(alpha / total * np.maximum(precision, _LEAST))


def best_weights(prior: FloatArray, parts: Sequence[FloatArray], weight: float | None = None) -> tuple[float, float]:
    """Choose the weight of the prior and the spread by which parts of a record are predicted best from one another.

    Args:
        prior: the prior's mean [row, s_l'].
        parts: at least two; the transitions of each [row, s_l'].
        weight: of the prior, where it is given; None: one of WEIGHTS.

    Returns:
        The weight, and one of SPREADS.
    """
    whole = np.sum(parts, axis=0)
    seen = [np.flatnonzero(part.any(axis=1)) for part in parts]

    def predicted(tried: float, spread: float) -> float:
        return sum(
            _log_likelihood(part[rows], of_one_run(tried * prior[rows] + whole[rows] - part[rows], spread))
            for part, rows in zip(parts, seen, strict=True)
        )

    weights = WEIGHTS if weight is None else (weight,)
    return max(((tried, spread) for tried in weights for spread in SPREADS), key=lambda each: predicted(*each))


def _log_likelihood(counts: FloatArray, alpha: FloatArray) -> float:
    """The logarithm of the Dirichlet-multinomial likelihood of rows, without the multinomial coefficients."""
    from scipy.special import gammaln  # imported here, since most processes do not need it and start sooner

    row, column = np.nonzero(counts)
    total, n = alpha.sum(axis=1), counts.sum(axis=1)
    own = np.maximum(alpha[row, column], _NEVER)
    return float((gammaln(total) - gammaln(total + n)).sum() + (gammaln(own + counts[row, column]) - gammaln(own)).sum())
