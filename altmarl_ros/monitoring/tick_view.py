"""One tick of a running fleet as an operator sees it: what the coordinator said, and the truth where a simulation tells it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Mapping, Sequence

import numpy as np

from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.monitoring.team_reward import team_reward
from altmarl_ros.protocol.messages import Verdict
from altmarl_ros.simulation.markov_world import Truth


@dataclass(frozen=True)
class TickView:
    """The coordinator's account of one tick, and the truth about it.

    Attributes:
        session, tick: which tick it is.
        policy_id: policy in force.
        next_policy_id: policy that is announced and not in force yet; policy_id where there is none.
        role: of the coordinator that decided: first or standby; empty: not known.
        coordinators: number of coordinators.
        paused: whether the coordinator begins no further tick at present.
        game: name; empty: not known.
        zones: names of the local states.
        model: observation model; empty: not known.
        period: tick period [s]; None: not known.
        robots, live: number of robots on the roster, and of those in the draw.
        k, k_eff: reports wanted, and as many of them as the bandwidth allows.
        asked, backfilled, heard: reports asked for, of these in place of silent robots, and accepted.
        rung: k' of the policy that decided.
        verdicts: number of reports since the session started, by verdict.
        missed, held: ticks that began late, and that did not begin.
        report_bytes: size of the tick's reports on the wire [B].
        bandwidth_limit: limit for reports on the wire [B/s]; 0: none.
        latency: time from broadcast to decision [s].
        age_mean, age_p95, age_max: ticks since the robots in the draw were heard.
        global_state, global_action: s_g, a_g.
        action: name of a_g.
        zone, next_zone: local states that s_g and a_g stand for; None: they stand for none.
        estimate: estimated share of the robots per local state.
        truth: true share of the robots per local state; None: not known.
        sampling_error: largest standard deviation of an estimated share.
        hidden: names of the hidden states; empty in a game without one.
        belief: probability of each hidden state; empty in a game without one.
        hidden_state: the true one; None: not known.
        operated: what operators have robots do, in words by robot id; of these `robots` counts those on the roster.
        on_roster: number of operated robots that `robots` counts.
        estimated_reward: team reward under the estimate.
        true_reward: true team reward; None: not known.
    """

    session: int
    tick: int
    policy_id: int
    next_policy_id: int
    role: str
    coordinators: int
    paused: bool
    game: str
    zones: tuple[str, ...]
    model: str
    period: float | None
    robots: int
    live: int
    k: int
    k_eff: int
    asked: int
    backfilled: int
    heard: int
    rung: int
    report_bytes: int
    bandwidth_limit: float
    latency: float
    missed: int
    held: int
    age_mean: float
    age_p95: int
    age_max: int
    global_state: int
    global_action: int
    action: str
    zone: int | None
    next_zone: int | None
    estimate: tuple[float, ...]
    truth: tuple[float, ...] | None
    sampling_error: float
    estimated_reward: float
    true_reward: float | None
    verdicts: Mapping[str, int] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()
    belief: tuple[float, ...] = ()
    hidden_state: int | None = None
    operated: Mapping[int, str] = field(default_factory=dict)
    on_roster: int = 0

    @property
    def byte_rate(self) -> float | None:
        """Rate of reports on the wire [B/s]; None where the period is not known."""
        return self.report_bytes / self.period if self.period else None

    @property
    def refused(self) -> dict[str, int]:
        """Number of reports that were not accepted, by verdict, without verdicts that none got."""
        return {name: count for name, count in self.verdicts.items() if count and name != Verdict.ACCEPTED.value}


def true_shares(truth: Truth, n_local_states: int) -> tuple[float, ...]:
    """Return the true share of the robots in each local state [S_l]; all 0 without robots."""
    occupancy = truth.occupancy(n_local_states)
    return tuple(float(share) for share in occupancy / max(1, occupancy.sum()))


def likely_hidden(belief: Sequence[float], least: float = 0.05) -> list[int]:
    """Return the hidden states with a probability of at least `least`, and in any case the likeliest; likeliest first."""
    order = sorted(range(len(belief)), key=lambda d: -belief[d])
    return order[:1] + [d for d in order[1:] if belief[d] >= least]


def true_reward(game: TabularGame, truth: Truth, global_state: int, global_action: int) -> float | None:
    """Return the team reward of a tick by its truth, None where that does not tell it; only robots that acted count."""
    shape = (game.n_local_states, game.n_local_actions)
    if truth.counts:
        return team_reward(game, global_state, global_action, np.reshape(truth.counts, shape), truth.hidden_state)
    acted = np.zeros(shape, dtype=np.int64)
    for s_l, a_l in zip(truth.local_states, truth.local_actions, strict=True):
        if a_l is not None:
            acted[s_l, a_l] += 1
    return team_reward(game, global_state, global_action, acted, truth.hidden_state)
