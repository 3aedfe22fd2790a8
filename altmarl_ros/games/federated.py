"""Federated optimisation: a server steers a training run and hears the condition of a few of its clients.

The paper's first version names this application; its tables are not public. This is our own model, the
simplest one in which both sides have something to decide. A tick is one communication round.

    s_g  the round's kind: `train`, `synchronise` (the server's model goes out to all) or `correct`
         (clients train against a correction of their bias, as in SCAFFOLD, arXiv 1910.06378)
    a_g  the kind that the server wants next; it comes with probability `response`, else the present kind stays
    s_l  a client's condition: `fresh`; `stale 1..T`, its model is old; `drifted 1..D`, its own data
         pulled its model away from the others' optimum
    a_l  the client's local work w in this round: `rest` (0), `light` (light_work), `heavy` (1)

A client moves by at most one step per round, with the following probabilities:

    ageing     fresh -> stale 1, stale i -> i + 1:      ageing         not in `synchronise`
    refreshing stale i -> i - 1 (1 -> fresh):           refresh (1-w)  in `synchronise`: busy clients miss it
    drifting   fresh -> drifted 1, drifted j -> j + 1:  drift w^2      in `train`
    mending    drifted j -> j - 1 (1 -> fresh):         mend w         in `correct`: mending takes work

Let q(s_l) be 1 if fresh and fall linearly to `stale_quality` at stale T and to `drifted_quality` at drifted D
(below 0 the client's update harms the common model). The rewards are

    r_l[s_l, s_g, a_l] = gain(s_g) q(s_l) sqrt(w) - work_cost w,  gain = progress times 1, 0 and correct_gain
    r_g[s_g, a_g]      = -(broadcast_cost if s_g = synchronise) - (switch_cost if a_g != s_g)

More local work makes a client drift faster (w^2) and yields less per step (sqrt(w)). The best kind of round depends
on the condition of most clients, which the server can learn only from them; the best work depends on the client's
own condition and on the kind of round.
"""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, Field

from altmarl_ros.errors import GameError
from altmarl_ros.games.start import Start
from altmarl_ros.games.tabular import TabularGame

TRAIN, SYNCHRONISE, CORRECT = range(3)
KINDS = ("train", "synchronise", "correct")
WORK = ("rest", "light", "heavy")


class FederatedParameters(BaseModel, extra="forbid"):
    """Parameters of the `federated` builder; probabilities are per client and round, rewards per round."""

    staleness_levels: int = Field(2, ge=1, le=16, description="T, number of conditions from slightly to fully stale")
    drift_levels: int = Field(2, ge=1, le=16, description="D, number of conditions from slightly to fully drifted")
    gamma: float = Field(0.95, gt=0, lt=1, description="discount per round")
    response: float = Field(0.9, gt=0, le=1, description="probability that the next round is of the kind that the server wants")
    ageing: float = Field(0.05, ge=0, le=1, description="probability that a client becomes one step staler")
    refresh: float = Field(0.5, ge=0, le=1, description="probability that a resting client takes the server's model")
    drift: float = Field(
        0.25, ge=0, le=1, description="probability that a client drifts one step under heavy work; times w^2 under work w"
    )
    mend: float = Field(0.5, ge=0, le=1, description="probability that a drifted client comes back one step under heavy work")
    light_work: float = Field(0.5, gt=0, lt=1, description="amount of light local work, as a share of heavy work")
    progress: float = Field(10.0, gt=0, description="reward of a fresh client's heavy work in `train`")
    correct_gain: float = Field(0.2, ge=0, le=1, description="progress of a `correct` round, as a share of `train`'s")
    stale_quality: float = Field(0.0, ge=-10, le=1, description="value of a fully stale client's update; a fresh one has 1")
    drifted_quality: float = Field(-1.0, ge=-10, le=1, description="value of a fully drifted client's update")
    work_cost: float = Field(0.5, ge=0, description="cost of heavy work, e.g. of a client's energy")
    broadcast_cost: float = Field(1.0, ge=0, description="cost of a `synchronise` round")
    switch_cost: float = Field(0.5, ge=0, description="cost of asking for another kind of round")
    start_concentration: float = Field(0.3, gt=0, le=1e6, description="Dirichlet parameter of the first conditions")


def build_federated(parameters: FederatedParameters) -> TabularGame:
    """A server chooses the kind of each training round; its clients grow stale or drift."""
    p = parameters
    if p.ageing + p.drift > 1.0:
        raise GameError(f"parameters.ageing + drift is {p.ageing + p.drift:g}, must be at most 1: a client moves one step")
    T, D = p.staleness_levels, p.drift_levels
    L = 1 + T + D
    w = np.array([0.0, p.light_work, 1.0])
    stale, drifted = np.arange(T + 1), np.array([0, *range(T + 1, L)])  # both rows of conditions begin at fresh

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
