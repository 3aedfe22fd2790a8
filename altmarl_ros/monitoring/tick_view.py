"""One tick of a running fleet as an operator sees it: what the coordinator told, beside the truth where there is one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Mapping

import numpy as np

from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.protocol.messages import Verdict
from altmarl_ros.simulation.markov_world import Truth


@dataclass(frozen=True)
class TickView:
    """The coordinator's account of one tick, and what was true in it.

    Attributes:
        session, tick, policy_id: which one.
        next_policy_id: announced and not yet acted by; policy_id where there is none.
        role: of the coordinator that decided: first or standby; empty: not known.
        coordinators: how many there are.
        paused: whether no tick begins by now.
        game: name; empty: not known.
        zones: names of the local states.
        model: observation model; empty: not known.
        period: of the ticks [s]; None: not known.
        robots, live: on the roster, and in the draw.
        k, k_eff: reports wanted, and what the bandwidth allows.
        asked, backfilled, heard, rung: reports asked for, asked of others in place of silent ones, accepted; k' that decided.
        verdicts: reports since the session started, by what became of them.
        missed, held: ticks that began late, and that did not begin.
        report_bytes: in this tick [B].
        bandwidth_limit: [B/s]; 0: none.
        latency: broadcast to decision [s].
        age_mean, age_p95, age_max: ticks since the robots in the draw were heard.
        global_state, global_action: s_g, a_g.
        action: name of a_g.
        zone, next_zone: the local states that s_g and a_g stand for; None: none.
        estimate: shares of robots per local state, and truth; None: not known.
        sampling_error: largest standard deviation of an estimated share.
        estimated_reward: team reward under the estimate, and true one; None: not known.
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

    @property
    def byte_rate(self) -> float | None:
        """Reports on the wire [B/s]; None where the period is not known."""
        return self.report_bytes / self.period if self.period else None

    @property
    def refused(self) -> dict[str, int]:
        """Reports that were not accepted, by verdict, those that came."""
        return {name: count for name, count in self.verdicts.items() if count and name != Verdict.ACCEPTED.value}


def true_shares(truth: Truth, n_local_states: int) -> tuple[float, ...]:
    """Share of the robots in each local state; all 0 without robots."""
    occupancy = truth.occupancy(n_local_states)
    return tuple(float(share) for share in occupancy / max(1, occupancy.sum()))


def true_reward(game: TabularGame, truth: Truth, global_state: int, global_action: int) -> float:
    """r_g(s_g, a_g) + the mean of r_l over the robots that acted; r_g alone where none did."""
    r_l = game.r_l[:, global_state, :]
    if truth.counts:
        counts = np.reshape(truth.counts, r_l.shape)
        local = float((counts * r_l).sum() / max(1, counts.sum()))
    else:
        acted = [(s, a) for s, a in zip(truth.local_states, truth.local_actions, strict=True) if a is not None]
        local = float(np.mean([r_l[s, a] for s, a in acted])) if acted else 0.0
    return float(game.r_g[global_state, global_action]) + local
