"""Federated optimisation: a server steers a training run and hears how a few of its clients fare.

The paper's first version names this application; its tables are not public. This is our own model, in
the simplest form in which both sides have something to decide. A tick is one communication round.

    s_g  the round's kind: `train`, `synchronise` (the server's model goes out to all) or `correct`
         (clients train against a correction of their bias, as in SCAFFOLD, arXiv 1910.06378)
    a_g  the kind wanted next; it comes with probability `response`, else the present kind lasts
    s_l  a client's condition: `fresh`; `stale 1..T`, its model is old; `drifted 1..D`, its own data
         pulled its model away from the others' optimum
    a_l  its local work w in this round: `rest` (0), `light` (light_work), `heavy` (1)

A client moves by at most one step per round, with the probability of

    ageing     fresh -> stale 1, stale i -> i + 1:      ageing         not in `synchronise`
    refreshing stale i -> i - 1 (1 -> fresh):           refresh (1-w)  in `synchronise`: busy clients miss it
    drifting   fresh -> drifted 1, drifted j -> j + 1:  drift w^2      in `train`
    mending    drifted j -> j - 1 (1 -> fresh):         mend w         in `correct`: mending takes work

and the rewards are, with q(s_l) = 1 if fresh, and falling linearly to `stale_quality` at stale T and to
`drifted_quality` at drifted D (below 0: its update harms the common model),

    r_l[s_l, s_g, a_l] = gain(s_g) q(s_l) sqrt(w) - work_cost w,  gain = progress times 1, 0 and correct_gain
    r_g[s_g, a_g]      = -(broadcast_cost if s_g = synchronise) - (switch_cost if a_g != s_g)

More local steps drift faster and yield less each: w^2, sqrt(w). The best kind of round depends on what most
clients suffer from, which the server can only hear from them, and the best work on a client's own
condition and on the kind of round.
"""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, Field

from altmarl_ros.errors import GameError
from altmarl_ros.games.tabular import Start, TabularGame

TRAIN, SYNCHRONISE, CORRECT = range(3)
KINDS = ("train", "synchronise", "correct")
WORK = ("rest", "light", "heavy")


class FederatedParameters(BaseModel, extra="forbid"):
    """Parameters of the `federated` builder; probabilities are per client and round, rewards per round."""

    staleness_levels: int = Field(2, ge=1, le=16, description="T, conditions from slightly to fully stale")
    drift_levels: int = Field(2, ge=1, le=16, description="D, conditions from slightly to fully drifted")
    gamma: float = Field(0.95, gt=0, lt=1, description="discount per round")
    response: float = Field(0.9, gt=0, le=1, description="probability that the next round is of the kind wanted")
    ageing: float = Field(0.05, ge=0, le=1, description="probability to grow older by a step")
    refresh: float = Field(0.5, ge=0, le=1, description="probability that a resting client takes the server's model")
    drift: float = Field(0.25, ge=0, le=1, description="probability to drift by a step under heavy work; w^2 of it under w")
    mend: float = Field(0.5, ge=0, le=1, description="probability to come back by a step under heavy work")
    light_work: float = Field(0.5, gt=0, lt=1, description="light local work, as a share of heavy work")
    progress: float = Field(10.0, gt=0, description="reward of a fresh client's heavy work in `train`")
    correct_gain: float = Field(0.2, ge=0, le=1, description="progress of a `correct` round, as a share of `train`'s")
    stale_quality: float = Field(0.0, ge=-10, le=1, description="worth of a fully stale client's update, fresh is 1")
    drifted_quality: float = Field(-1.0, ge=-10, le=1, description="worth of a fully drifted client's update")
    work_cost: float = Field(0.5, ge=0, description="cost of heavy work, e.g. of a client's energy")
    broadcast_cost: float = Field(1.0, ge=0, description="cost of a `synchronise` round")
    switch_cost: float = Field(0.5, ge=0, description="cost of asking for another kind of round")
    start_concentration: float = Field(0.3, gt=0, le=1e6, description="Dirichlet parameter of the first conditions")


def build_federated(parameters: FederatedParameters) -> TabularGame:
    """A server that chooses the kind of each training round, and clients that grow stale or drift."""
    p = parameters
    if p.ageing + p.drift > 1.0:
        raise GameError(f"parameters.ageing + drift is {p.ageing + p.drift:g}, must be at most 1: a client moves one step")
    T, D = p.staleness_levels, p.drift_levels
    L = 1 + T + D
    w = np.array([0.0, p.light_work, 1.0])
    stale, drifted = np.arange(T + 1), np.array([0, *range(T + 1, L)])  # both ladders begin at fresh

    P_g = (1.0 - p.response) * np.eye(3)[:, None, :] + p.response * np.eye(3)[None, :, :]
    P_l = np.zeros((L, 3, 3, L))
    for kind in (TRAIN, CORRECT):
        P_l[stale[:-1], kind, :, stale[1:]] = p.ageing
    P_l[stale[1:], SYNCHRONISE, :, stale[:-1]] = p.refresh * (1.0 - w)
    P_l[drifted[:-1], TRAIN, :, drifted[1:]] = p.drift * w**2
    P_l[drifted[1:], CORRECT, :, drifted[:-1]] = p.mend * w
    P_l[np.arange(L), :, :, np.arange(L)] = 1.0 - P_l.sum(axis=-1)

    quality = np.ones(L)
    quality[stale] = np.linspace(1.0, p.stale_quality, T + 1)
    quality[drifted] = np.linspace(1.0, p.drifted_quality, D + 1)
    gain = p.progress * np.array([1.0, 0.0, p.correct_gain])
    r_l = gain[None, :, None] * quality[:, None, None] * np.sqrt(w) - p.work_cost * w
    r_g = 0.0 - p.switch_cost * (1.0 - np.eye(3)) - p.broadcast_cost * np.eye(3)[SYNCHRONISE][:, None]
    return TabularGame(
        name="federated",
        P_g=P_g,
        P_l=P_l,
        r_g=r_g,
        r_l=r_l,
        gamma=p.gamma,
        start=Start(np.full(3, 1 / 3), np.full(L, p.start_concentration)),
        local_state_names=("fresh", *(f"stale {i + 1}" for i in range(T)), *(f"drifted {j + 1}" for j in range(D))),
        global_action_names=KINDS,
        local_action_names=WORK,
    )
