"""Draws V over two shares: the value vectors, their upper envelope, and the values of k robots that bound it from above.

    python docs/figures/value_vectors.py        # writes docs/images/value-vectors.png

The world has two zones, A and B. The coordinator watches one of them, and turning to the other succeeds with probability 0.7
at a cost of 0.2. A robot in the zone that is watched earns 1; robots leave A with probability 0.08 a tick, and B with 0.04.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games.sparse import Sparse
from altmarl_ros.games.start import Start
from altmarl_ros.learning.shares.estimates import SimulatedEstimates
from altmarl_ros.learning.shares.solver import SharesOptions, learn_shares
from altmarl_ros.learning.shares.subset_values import tuple_values
from altmarl_ros.plotting import BLUE, GREY, ORANGE, as_png, legend_above, new_figure, tidy
from altmarl_ros.policies.shares import SharesPolicy, SharesProcess

IMAGE = Path(__file__).parents[1] / "images" / "value-vectors.png"
KS = (1, 2, 5)
GAMMA, TURN, COST = 0.9, 0.7, 0.2


def two_zones() -> SharesProcess:
    """The coordinator's process; s_g and the action are the zone that is watched and the one to watch."""
    leaving = Sparse(np.array([[0.92, 0.08], [0.04, 0.96]]))
    turns = np.array([[[1.0, 0.0], [1.0 - TURN, TURN]], [[TURN, 1.0 - TURN], [0.0, 1.0]]])  # [s_g, a_g, s_g']
    r_g = -COST * (1.0 - np.eye(2))
    return SharesProcess([leaving], np.zeros(2, dtype=np.int64), np.eye(2), Sparse(turns.reshape(4, 2)), r_g, gamma=GAMMA)


def solved(process: SharesProcess) -> SharesPolicy:
    """Value vectors of the process."""
    start = Start(np.array([0.5, 0.5]), np.array([0.5, 0.5]))
    options = SharesOptions(points=120, tolerance=1e-6)
    return learn_shares(process, start, SimulatedEstimates(start), options).policy


def expected_over_robots(values: FloatArray, share: FloatArray) -> FloatArray:
    """E V_k(x_1, .., x_k), each robot in A with probability `share` [B] on its own, for values [2, .., 2]."""
    mean = values[..., None]
    for _ in range(values.ndim):
        mean = share * mean[0] + (1.0 - share) * mean[1]
    return np.asarray(mean)


def picture(process: SharesProcess, policy: SharesPolicy) -> bytes:
    """One panel by zone that is watched."""
    figure = new_figure(4.4, 10.0)
    share = np.linspace(0.0, 1.0, 201)
    shares = np.stack([share, 1.0 - share], axis=1)
    for s, axes in enumerate(figure.subplots(1, 2, sharey=True)):
        nodes = slice(policy.vectors.start[s], policy.vectors.start[s + 1])
        for i, alpha in enumerate(policy.vectors.alpha[nodes]):
            axes.plot(
                share, shares @ alpha, color=GREY, linewidth=0.6, alpha=0.7, label="vectors, one per plan" if not i else None
            )
        value = policy.vectors.value(np.full(len(share), s), shares)
        axes.plot(share, value, color=BLUE, linewidth=2.2, label="V, their envelope: no report")
        for k, style in zip(KS, ("-", "--", ":"), strict=True):
            bound = expected_over_robots(tuple_values(process, k)[s], share)
            axes.plot(share, bound, style, color=ORANGE, linewidth=1.4, label=f"E V_{k}: at most, n ≥ {k}")
        axes.set_ylim(float(value.min()) - 2.0, None)
        axes.set_xlabel("share of robots in A")
        axes.set_title(f"{'AB'[s]} is watched", loc="right")
        tidy(axes)
        if s == 0:
            axes.set_ylabel("discounted reward")
            legend_above(axes, 2)
    return as_png(figure)


if __name__ == "__main__":
    world = two_zones()
    IMAGE.write_bytes(picture(world, solved(world)))
