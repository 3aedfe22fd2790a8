"""Shows one tick of a recorded run as if it happened now, and goes to any other one."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any, Mapping

import numpy as np

from altmarl_ros.dashboard.commands import Outcome, Value
from altmarl_ros.dashboard.ticks import TickAccount
from altmarl_ros.dashboard.view import FleetView
from altmarl_ros.floors.floor_map import FloorMap
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.games.trajectory import UNKNOWN
from altmarl_ros.records.robot_states import drawn_states
from altmarl_ros.records.run_log import RunLog
from altmarl_ros.records.run_record import RunRecord

CHARTED = 300
"""Ticks before the one that is shown of which the charts are drawn."""

_NO_ACTION = 0xFFFF
_REFUSED = Outcome(False, "this dashboard shows a record, which nothing can change")


class RecordedFleet:
    """Feeds a view from a record; as `dashboard.commands.Operations` it refuses everything.

    Attributes:
        count: number of ticks of the record.
    """

    def __init__(
        self, view: FleetView, record: RunRecord, game: TabularGame, floor: FloorMap | None = None, log: RunLog | None = None
    ) -> None:
        """Show the last tick. `log`: what a bag tells beyond the record: who was heard, and where robots were on a floor."""
        self.count = len(record.tick)
        self._view, self._record = view, record
        self._ids = np.array(record.about.get("robot_ids", range(record.local_state.shape[1])), dtype=np.uint32)
        self._statuses = log.statuses if log is not None else {}
        self._floors = sorted(log.floors.values(), key=lambda row: row.time) if log is not None else []
        self._floor_times = [row.time for row in self._floors]
        self._states = drawn_states(record.local_state, record.about)
        self._period = float(record.about.get("period", 1.0))
        view.set_game(game, floor, {"name": game.name, "hash": game.content_hash, "note": ""})
        self.seek(self.count - 1)

    def seek(self, at: int) -> None:
        """Show the `at`-th tick, or the last one if there are fewer."""
        last = max(0, min(at, self.count - 1))
        with self._view.lock:
            self._view.restart()
            for t in range(max(0, last + 1 - CHARTED), last + 1):
                self._show(t)
            for robot_id in self._ids[self._states[last] == UNKNOWN].tolist():
                self._view.robots.leave(robot_id, 1)
            self._show_floor(last)
            self._view.put("record", {"at": last, "count": self.count})

    async def change(self, node: str, values: Mapping[str, Value]) -> Outcome:
        """Refuse (see Operations)."""
        return _REFUSED

    async def stop(self, pressed: bool) -> Outcome:
        """Refuse (see Operations)."""
        return _REFUSED

    async def train(self, verb: str) -> Outcome:
        """Refuse (see Operations)."""
        return _REFUSED

    async def operate(self, robot_id: int, command: str, zone: str) -> Outcome:
        """Refuse (see Operations)."""
        return _REFUSED

    def _show(self, t: int) -> None:
        record = self._record
        states, actions = self._states[t], record.local_action[t]
        there = states != UNKNOWN
        status = self._statuses.get((int(record.session[t]), int(record.tick[t])))
        answers = dict(status.answers) if status is not None else {}
        self._view.hear_status(self._account(t, int(there.sum())), tuple(answers), answers, live=False)
        self._view.hear_truth(
            int(record.session[t]),
            int(record.tick[t]),
            ids=self._ids[there],
            states=states[there].astype(np.uint16),
            actions=np.where(actions[there] == UNKNOWN, _NO_ACTION, actions[there]).astype(np.uint16),
            none=_NO_ACTION,
            counts=np.zeros(0, dtype=np.int64),
            hidden_state=self._hidden_state(t),
        )

    def _show_floor(self, t: int) -> None:
        now = bisect_right(self._floor_times, self._stamp(t)) - 1
        if now < 0:
            return
        row = self._floors[now]
        ids = sorted(row.places)
        columns: dict[str, Any] = {
            "x": np.array([row.places[i][0] for i in ids], dtype=np.float32),
            "y": np.array([row.places[i][1] for i in ids], dtype=np.float32),
            "yaw": np.array([row.headings.get(i, np.nan) for i in ids], dtype=np.float32),
        }
        self._view.hear_floor(np.array(ids, dtype=np.uint32), 0, row.factor, **columns)

    def _account(self, t: int, live: int) -> TickAccount:
        record = self._record
        status = self._statuses.get((int(record.session[t]), int(record.tick[t])))
        k = int(record.about.get("k", record.asked[t]))
        return TickAccount(
            stamp=self._stamp(t),
            session=int(record.session[t]),
            tick=int(record.tick[t]),
            policy_id=status.policy_id if status is not None else 0,
            next_policy_id=status.policy_id if status is not None else 0,
            robots=len(self._ids),
            live=status.live if status is not None else live,
            k=k,
            k_eff=k,
            asked=int(record.asked[t]),
            heard=int(record.heard[t]),
            rung=int(record.rung[t]),
            late=0,
            missed_ticks=0,
            report_bytes=int(record.report_bytes[t]),
            bandwidth_limit=0.0,
            latency=float(record.latency[t]),
            age_mean=np.nan,
            age_p95=np.nan,
            global_state=int(record.global_state[t]),
            global_action=int(record.global_action[t]),
            estimate=tuple(record.estimate[t].tolist()),
            sampling_error=status.sampling_error if status is not None else np.nan,
            reward=np.nan,
            belief=() if record.belief is None else tuple(record.belief[t].tolist()),
        )

    def _stamp(self, t: int) -> float:
        status = self._statuses.get((int(self._record.session[t]), int(self._record.tick[t])))
        return status.stamp if status is not None else self._period * t

    def _hidden_state(self, t: int) -> int | None:
        hidden = self._record.hidden_state
        return None if hidden is None or hidden[t] == UNKNOWN else int(hidden[t])
