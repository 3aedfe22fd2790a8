"""The newest ticks, for the charts: the coordinator's account of each, and the truth where a simulation tells it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Mapping

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.monitoring import team_reward
from altmarl_ros.protocol.budget import WINDOW

KEPT = 600
"""Number of ticks that are kept."""

_WAITING = 16  # truths that are kept until the account of their tick comes


@dataclass(frozen=True)
class TickAccount:
    """The part of a coordinator's status that is shown, in SI units; see msg/CoordinatorStatus.msg."""

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
    age_p95: float
    global_state: int
    global_action: int
    estimate: tuple[float, ...]
    sampling_error: float
    reward: float
    belief: tuple[float, ...] = ()
    operated: Mapping[int, str] = field(default_factory=dict)
    on_roster: int = 0


@dataclass(frozen=True, eq=False)
class TickTruth:
    """What a simulation tells of one tick.

    Attributes:
        states: number of robots per local state [S_l].
        acted: number of the robots that acted per state and action [S_l, A_l]; empty: not told.
        hidden_state: d; None: not told.
    """

    states: NDArray[np.int64]
    acted: NDArray[np.int64]
    hidden_state: int | None = None


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
"""Names of the fields of a row that is sent."""


@dataclass
class _Row:
    account: TickAccount
    rate: float
    true_reward: float | None = None
    true_error: float | None = None
    changed: int = 0


class Ticks:
    """The newest ticks, by session and number.

    Attributes:
        changes: number of changes of rows so far.
        last: account of the newest tick.
        truth: true shares of the newest tick whose truth is known [S_l].
        hidden_state: the true one of that tick; None: not known.
    """

    def __init__(self, first_change: int = 0) -> None:
        """Begin without ticks; `first_change`: number of changes before, which browsers know of."""
        self.changes = first_change
        self.last: TickAccount | None = None
        self.truth: NDArray[np.float64] | None = None
        self.hidden_state: int | None = None
        self._rows: OrderedDict[tuple[int, int], _Row] = OrderedDict()
        self._waiting: OrderedDict[tuple[int, int], TickTruth] = OrderedDict()

    def account(self, account: TickAccount, game: TabularGame | None) -> bool:
        """Add the coordinator's account of a tick; returns whether it is the newest tick."""
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
        """Add the truth about a tick, which may come before or after the coordinator's account."""
        if (session, tick) in self._rows:
            self._compare((session, tick), truth, game)
            return
        self._waiting[session, tick] = truth
        while len(self._waiting) > _WAITING:
            self._waiting.popitem(last=False)

    def since(self, change: int) -> list[list[Any]]:
        """Return the rows that changed after the `change`-th change, oldest first, in the order of FIELDS."""
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
            self.truth, self.hidden_state = shares, truth.hidden_state
        s_g, a_g = row.account.global_state, row.account.global_action
        row.true_reward = true_reward(game, s_g, a_g, truth.acted, truth.hidden_state)
        self._change(row)

    def _rate(self, account: TickAccount) -> float:
        """Return the rate of reports on the wire [B/s], over the last seconds or since the tick before if that is longer."""
        total, since, later = 0, account.stamp, account.report_bytes
        for row in reversed(self._rows.values()):
            if row.account.stamp <= account.stamp - WINDOW and since < account.stamp:
                break
            # The reports that came since a tick are counted in the account of the next one.
            total += later
            later, since = row.account.report_bytes, min(since, row.account.stamp)
        return total / (account.stamp - since) if since < account.stamp else 0.0

    def _change(self, row: _Row) -> None:
        self.changes += 1
        row.changed = self.changes


def true_reward(
    game: TabularGame | None, s_g: int, a_g: int, acted: NDArray[np.int64], hidden_state: int | None = None
) -> float | None:
    """Return the team reward by the robots that acted [S_l, A_l].

    It is None if none did, if the game is unknown or differs, or if its hidden state is not known.
    """
    if game is None or acted.size == 0 or acted.sum() == 0:
        return None
    if s_g >= game.n_global_states or a_g >= game.n_global_actions:
        return None
    S_l, A_l = acted.shape
    if S_l > game.n_local_states or A_l > game.n_local_actions:
        return None
    return team_reward(game, s_g, a_g, acted, hidden_state)


def count_acted(states: NDArray[np.uint16], actions: NDArray[np.uint16], none: int) -> NDArray[np.int64]:
    """Count the robots that acted by state and action [S_l, A_l], up to the largest of either; `none`: action of the others."""
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
        _short(a.age_p95),
        a.policy_id,
        a.missed_ticks,
    ]


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")
