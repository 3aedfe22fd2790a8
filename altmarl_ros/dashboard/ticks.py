"""What each tick came to, for the charts: the coordinator's account, and beside it the truth where a simulation tells it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.protocol.budget import WINDOW

KEPT = 600
"""Ticks."""

_WAITING = 16  # truths that wait for the account of their tick


@dataclass(frozen=True)
class TickAccount:
    """What is shown of a coordinator's status, in SI units; see msg/CoordinatorStatus.msg."""

    stamp: float
    session: int
    tick: int
    policy_id: int
    next_policy_id: int
    robots: int
    live: int
    k: int
    k_eff: int
    asked: int
    heard: int
    rung: int
    late: int
    missed_ticks: int
    report_bytes: int
    bandwidth_limit: float
    latency: float
    age_mean: float
    age_p95: int
    global_state: int
    global_action: int
    estimate: tuple[float, ...]
    sampling_error: float
    reward: float


@dataclass(frozen=True, eq=False)
class TickTruth:
    """What a simulation tells of a tick: robots by local state, and by state and action of those that acted.

    Attributes:
        states: number of robots per local state [S_l].
        acted: number of robots per state and action [S_l, A_l]; empty: not told.
    """

    states: NDArray[np.int64]
    acted: NDArray[np.int64]


FIELDS = (
    "session",
    "tick",
    "stamp",
    "s_g",
    "a_g",
    "reward",
    "true_reward",
    "error",
    "true_error",
    "rung",
    "heard",
    "asked",
    "k",
    "k_eff",
    "latency",
    "rate",
    "limit",
    "live",
    "robots",
    "age_mean",
    "age_p95",
    "policy",
    "missed",
)
"""Of a row that is sent."""


@dataclass
class _Row:
    account: TickAccount
    rate: float
    true_reward: float | None = None
    true_error: float | None = None
    changed: int = 0


class Ticks:
    """The last ticks, by session and number.

    Attributes:
        changes: counts changes of rows.
        last: account of the newest tick.
        truth: true shares per local state at the newest tick of which they are known [S_l].
    """

    def __init__(self) -> None:
        self.changes = 0
        self.last: TickAccount | None = None
        self.truth: NDArray[np.float64] | None = None
        self._rows: OrderedDict[tuple[int, int], _Row] = OrderedDict()
        self._waiting: OrderedDict[tuple[int, int], TickTruth] = OrderedDict()

    def account(self, account: TickAccount, game: TabularGame | None) -> bool:
        """The coordinator's word on a tick; whether it is the newest."""
        key = account.session, account.tick
        if key in self._rows:
            return False
        newest = self.last is None or account.stamp >= self.last.stamp
        self._rows[key] = _Row(account, self._rate(account))
        self._change(self._rows[key])
        while len(self._rows) > KEPT:
            self._rows.popitem(last=False)
        if newest:
            self.last = account
        truth = self._waiting.pop(key, None)
        if truth is not None:
            self._compare(key, truth, game)
        return newest

    def hear_truth(self, session: int, tick: int, truth: TickTruth, game: TabularGame | None) -> None:
        """A simulation's word on a tick, before or after the coordinator's."""
        if (session, tick) in self._rows:
            self._compare((session, tick), truth, game)
            return
        self._waiting[session, tick] = truth
        while len(self._waiting) > _WAITING:
            self._waiting.popitem(last=False)

    def since(self, change: int) -> list[list[Any]]:
        """Rows changed after that change, in the order of FIELDS, oldest first."""
        return [_listed(row) for row in self._rows.values() if row.changed > change]

    def _compare(self, key: tuple[int, int], truth: TickTruth, game: TabularGame | None) -> None:
        row = self._rows[key]
        robots = truth.states.sum()
        if robots == 0:
            return
        shares = truth.states / robots
        if len(shares) <= len(row.account.estimate):
            shares = np.pad(shares, (0, len(row.account.estimate) - len(shares)))
            row.true_error = float(np.abs(shares - row.account.estimate).max())
            self.truth = shares
        row.true_reward = true_reward(game, row.account.global_state, row.account.global_action, truth.acted)
        self._change(row)

    def _rate(self, account: TickAccount) -> float:
        """Reports on the wire over the last seconds, or since the tick before where that is longer [B/s]."""
        total, since, later = 0, account.stamp, account.report_bytes
        for row in reversed(self._rows.values()):
            if row.account.stamp <= account.stamp - WINDOW and since < account.stamp:
                break
            # What came since a tick stands in the account of the next one.
            total += later
            later, since = row.account.report_bytes, min(since, row.account.stamp)
        return total / (account.stamp - since) if since < account.stamp else 0.0

    def _change(self, row: _Row) -> None:
        self.changes += 1
        row.changed = self.changes


def true_reward(game: TabularGame | None, s_g: int, a_g: int, acted: NDArray[np.int64]) -> float | None:
    """r_g(s_g, a_g) + mean over the robots that acted of r_l(s_i, s_g, a_i); None where it cannot be told."""
    if game is None or acted.size == 0 or acted.sum() == 0:
        return None
    if s_g >= game.n_global_states or a_g >= game.n_global_actions:
        return None
    S_l, A_l = acted.shape
    if S_l > game.n_local_states or A_l > game.n_local_actions:
        return None
    mean = float((acted * game.r_l[:S_l, s_g, :A_l]).sum() / acted.sum())
    return float(game.r_g[s_g, a_g]) + mean


def count_acted(states: NDArray[np.uint16], actions: NDArray[np.uint16], none: int) -> NDArray[np.int64]:
    """Robots by state and action [S_l, A_l], as far as either occurs, of those that acted; `none`: the action of the others."""
    took = actions != none
    if not took.any():
        return np.empty((0, 0), dtype=np.int64)
    s, a = states[took].astype(np.int64), actions[took].astype(np.int64)
    width = int(a.max()) + 1
    height = int(s.max()) + 1
    return np.bincount(s * width + a, minlength=height * width).reshape(height, width)


def _listed(row: _Row) -> list[Any]:
    a = row.account
    return [
        a.session,
        a.tick,
        round(a.stamp, 3),
        a.global_state,
        a.global_action,
        _short(a.reward),
        _short(row.true_reward),
        _short(a.sampling_error),
        _short(row.true_error),
        a.rung,
        a.heard,
        a.asked,
        a.k,
        a.k_eff,
        _short(a.latency),
        _short(row.rate),
        _short(a.bandwidth_limit),
        a.live,
        a.robots,
        _short(a.age_mean),
        a.age_p95,
        a.policy_id,
        a.missed_ticks,
    ]


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")
