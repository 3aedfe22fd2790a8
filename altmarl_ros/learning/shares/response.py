"""What a robot sees of the coordinator of a fleet that is seen whole: gathered in episodes, discounted.

See `coordinator_response`; the weight of (s_g, s_l) is gamma^t m(s_l), m the shares of robots.
"""

from __future__ import annotations

from math import ceil, log

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games.start import Start
from altmarl_ros.learning.coordinator_response import Response
from altmarl_ros.learning.shares.estimates import draw_successors
from altmarl_ros.observation.start_posterior import mean_start
from altmarl_ros.policies.shares.lookahead import SharesPolicy, predict
from altmarl_ros.policies.shares.process import IntArray, SharesProcess

_BORROWED = 1e-9  # weight of what is known of s_g alone, where a robot of that s_l was never there


def play_mean_field(
    policy: SharesPolicy, start: Start, runs: int, rng: np.random.Generator, *, pooled: bool = False
) -> tuple[Response, FloatArray]:
    """Episodes of an infinite fleet that the coordinator sees: its response, and discounted rewards [runs].

    With `pooled` the response is the same for every s_l.
    """
    process = policy.process
    gamma = process.gamma
    ticks = max(2, ceil(log(0.01) / log(gamma)))
    sums = np.zeros((process.n_global_states, process.n_local_states, process.most_successors + 1))
    s = rng.choice(process.n_global_states, size=runs, p=start.rho_g)
    shares = start.draw_shares(runs, rng)
    returns = np.zeros(runs)
    for t in range(ticks):
        choice = policy.choose(s, shares)
        _gather(sums, process, choice, s, gamma**t * shares)
        local = (shares * process.arrays.reward[s]).sum(axis=1)
        returns += gamma**t * (local + process.arrays.choice_reward[choice])
        shares = predict(process, s, shares)
        s = draw_successors(process, choice, rng)
    if pooled:
        sums = np.repeat(sums.sum(axis=1, keepdims=True), process.n_local_states, axis=1)
    return _averaged(sums, policy, start), returns


def _gather(sums: FloatArray, process: SharesProcess, choice: IntArray, s: IntArray, weight: FloatArray) -> None:
    # sums [s_g, s_l, successor and, last, reward]
    for run, c in enumerate(choice):
        outcomes = slice(process.arrays.outcome_start[c], process.arrays.outcome_start[c + 1])
        at = sums[s[run]]
        for slot, p in zip(process.arrays.outcome_slot[outcomes], process.arrays.outcome_probability[outcomes], strict=True):
            at[:, slot] += p * weight[run]
        at[:, -1] += process.arrays.choice_reward[c] * weight[run]


def _averaged(sums: FloatArray, policy: SharesPolicy, start: Start) -> Response:
    # States s_g that were never visited borrow what the coordinator would do there at the mean start.
    process = policy.process
    states = np.arange(process.n_global_states)
    choice = policy.choose(states, np.tile(mean_start(start), (len(states), 1)))
    anywhere = np.zeros_like(sums)
    _gather(anywhere, process, choice, states, np.ones(sums.shape[:2]))
    known = sums + _BORROWED * (sums.sum(axis=1, keepdims=True) + _BORROWED * anywhere)
    weight = known[:, :, :-1].sum(axis=2)
    return Response(np.ascontiguousarray(known[:, :, :-1] / weight[..., None]), known[:, :, -1] / weight)
