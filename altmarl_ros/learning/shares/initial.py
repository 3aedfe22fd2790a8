"""The first value vectors: plans that look at nothing, or as little as that.

A blind plan repeats one action for ever. Its value is the fixed point of linear equations, so that V_Gamma <= H V_Gamma
holds from the beginning; values cut off from 0 would overstate. Where there are too many actions for that, one node per
global state, which repeats the choice of the highest reward, is enough to begin with.
"""

from __future__ import annotations

import numpy as np

from altmarl_ros.learning.shares.evaluation import evaluate
from altmarl_ros.policies.shares.process import IntArray, SharesProcess
from altmarl_ros.policies.shares.vectors import ValueVectors, outcomes_of

_MOST_ENTRIES = 200_000  # of vectors that blind plans may have; their evaluation takes some tenths of a second


def blind_plans(process: SharesProcess, precision: float) -> ValueVectors:
    """Plans that repeat one action, each of them where they are few, evaluated within `precision` times the scale."""
    S_g, S_l, A_g = process.n_global_states, process.n_local_states, process.n_global_actions
    plans = min(A_g, max(1, _MOST_ENTRIES // (S_g * S_l)))
    actions = np.unique(np.linspace(0, A_g - 1, plans).round().astype(np.int64))
    return repeated(process, process.choice_of[:, actions], precision)


def repeated(process: SharesProcess, choice: IntArray, precision: float) -> ValueVectors:
    """Plans that take choice[s, plan] whenever they are in s."""
    S_g, plans = choice.shape
    flat = np.ascontiguousarray(choice).ravel()  # node = s * plans + plan
    lengths = np.diff(process.arrays.outcome_start)[flat]
    plan = np.repeat(np.tile(np.arange(plans), S_g), lengths)
    following = process.outcome_successor[outcomes_of(process, flat)] * plans + plan
    alpha = np.zeros((len(flat), process.n_local_states))
    start = plans * np.arange(S_g + 1)
    nodes = ValueVectors(alpha, start, flat, following, np.concatenate([[0], np.cumsum(lengths)]))
    return evaluate(process, nodes, precision)
