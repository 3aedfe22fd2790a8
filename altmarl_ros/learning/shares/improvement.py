"""One improvement of value vectors at points: back up, drop what is best nowhere, and evaluate what stays.

At a point (s, mu) with mu' = P_s^T mu the best choice goes on, at every s' that can follow, with the vector that is best at
mu'. The vectors that this makes (Pineau, Gordon and Thrun 2003) are nodes of a controller, but what they go on with may be best
at no point and be dropped. So each node that stays is given successors among those that stay, the best ones at its own
point, and the controller is evaluated again: every vector is what a plan earns that can be played.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.learning.shares.evaluation import backed_up, evaluate
from altmarl_ros.learning.shares.points import Points
from altmarl_ros.policies.shares.lookahead import look_ahead
from altmarl_ros.policies.shares.process import IntArray, SharesProcess
from altmarl_ros.policies.shares.vectors import ValueVectors, entries_of, outcomes_of


def gain(points: Points, vectors: ValueVectors) -> FloatArray:
    """H V_Gamma - V_Gamma at the points [B]: what one backup adds."""
    ahead = look_ahead(points.process, vectors, points.s, points.predicted)
    return points.local_reward + ahead.value - vectors.value(points.s, points.shares)


def improved(points: Points, vectors: ValueVectors, precision: float) -> ValueVectors:
    """Vectors after one improvement, evaluated within `precision` times the scale."""
    nodes, witness = _backed_up(points, vectors)
    kept = np.unique(best_nodes(nodes, points))
    return evaluate(points.process, _reconnected(points, nodes, kept, witness[kept]), precision)


def extended(points: Points, vectors: ValueVectors) -> ValueVectors:
    """Vectors after one improvement that takes nothing away.

    What is best at a point stays, with all that it goes on with: V_Gamma falls nowhere at the points, and values that were
    exact remain so without another evaluation. The controller grows by each such step.
    """
    nodes, _ = _backed_up(points, vectors)
    union = _joined(nodes, vectors)
    return _closed(union, np.unique(best_nodes(union, points)))


def pruned(points: Points, vectors: ValueVectors, precision: float) -> ValueVectors:
    """Only the vectors that are best at a point, each going on with the best of them at that point."""
    best = best_nodes(vectors, points)
    kept, witness = np.unique(best, return_index=True)
    return evaluate(points.process, _reconnected(points, vectors, kept, witness), precision)


def _reconnected(points: Points, vectors: ValueVectors, kept: IntArray, witness: IntArray) -> ValueVectors:
    # The nodes `kept`, whose points are `witness`; values are those of before, a start for their evaluation.
    process = points.process
    few = _subset(vectors, kept)
    ahead = look_ahead(process, few, points.s[witness], points.predicted[witness])
    nodes, first, merged_into = _merged(process, few.choice, ahead.node)
    return replace(nodes, alpha=few.alpha[first], following=merged_into[nodes.following])


def best_nodes(vectors: ValueVectors, points: Points) -> IntArray:
    """The best node at each point [B]."""
    best = np.empty(len(points), dtype=np.int64)
    edges = np.searchsorted(points.s, np.arange(len(vectors.start)))
    for s in np.unique(points.s):
        here, nodes = slice(edges[s], edges[s + 1]), slice(vectors.start[s], vectors.start[s + 1])
        best[here] = vectors.start[s] + (points.shares[here] @ vectors.alpha[nodes].T).argmax(axis=1)
    return best


def _subset(vectors: ValueVectors, kept: IntArray) -> ValueVectors:
    # For lookups only: where these nodes go on is not carried over.
    start = np.searchsorted(vectors.state[kept], np.arange(len(vectors.start)))
    none = np.zeros(0, dtype=np.int64)
    return ValueVectors(vectors.alpha[kept], start, vectors.choice[kept], none, np.zeros(len(kept) + 1, dtype=np.int64))


def _backed_up(points: Points, vectors: ValueVectors) -> tuple[ValueVectors, IntArray]:
    # The nodes that backups at the points make, going on with nodes of `vectors`, and a point of each.
    ahead = look_ahead(points.process, vectors, points.s, points.predicted)
    nodes, witness, _ = _merged(points.process, ahead.choice, ahead.node)
    return replace(nodes, alpha=backed_up(points.process, nodes, vectors.alpha)), witness


def _joined(new: ValueVectors, old: ValueVectors) -> ValueVectors:
    # Both sets of nodes; the new ones go on with old ones.
    order = np.argsort(np.concatenate([new.state, old.state]), kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    following = np.concatenate([new.following, old.following])
    following_start = np.concatenate([new.following_start, len(new.following) + old.following_start[1:]])
    lengths = np.diff(following_start)[order]
    return ValueVectors(
        np.concatenate([new.alpha, old.alpha])[order],
        new.start + old.start,
        np.concatenate([new.choice, old.choice])[order],
        place[len(new) + following[entries_of(following_start, order)]],
        np.concatenate([[0], np.cumsum(lengths)]),
    )


def _closed(vectors: ValueVectors, kept: IntArray) -> ValueVectors:
    # The nodes `kept` and every node that these can come to.
    needed = np.zeros(len(vectors), dtype=bool)
    added = kept
    while len(added):
        needed[added] = True
        reached = np.unique(vectors.following[entries_of(vectors.following_start, added)])
        added = reached[~needed[reached]]
    nodes = np.flatnonzero(needed)
    place = np.cumsum(needed) - 1
    lengths = np.diff(vectors.following_start)[nodes]
    return ValueVectors(
        vectors.alpha[nodes],
        np.searchsorted(vectors.state[nodes], np.arange(len(vectors.start))),
        vectors.choice[nodes],
        place[vectors.following[entries_of(vectors.following_start, nodes)]],
        np.concatenate([[0], np.cumsum(lengths)]),
    )


def _merged(process: SharesProcess, choice: IntArray, node: IntArray) -> tuple[ValueVectors, IntArray, IntArray]:
    """Different nodes among those that take `choice` [B] and go on by `node` [B, successor].

    Returns:
        the nodes, their values unknown; the first point of each; the node of every point [B].
    """
    lengths = np.diff(process.arrays.outcome_start)[choice]
    point = np.repeat(np.arange(len(choice)), lengths)
    slot = process.arrays.outcome_slot[outcomes_of(process, choice)]
    key = np.full((len(choice), 1 + node.shape[1]), -1, dtype=np.int64)
    key[:, 0] = choice
    key[point, 1 + slot] = node[point, slot]
    _, first, node_of = np.unique(key, axis=0, return_index=True, return_inverse=True)
    choice = choice[first]
    ends = np.cumsum(np.diff(process.arrays.outcome_start)[choice])
    point = np.repeat(first, np.diff(process.arrays.outcome_start)[choice])
    following = node[point, process.arrays.outcome_slot[outcomes_of(process, choice)]]
    start = np.searchsorted(process.state_of_choice[choice], np.arange(process.n_global_states + 1))
    unknown = np.zeros((len(choice), process.n_local_states))
    return ValueVectors(unknown, start, choice, following, np.concatenate([[0], ends])), first, node_of.ravel()
