"""Collects what arrives about a run, for the live table and for a record."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Mapping

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games.trajectory import UNKNOWN
from altmarl_ros.protocol.operated import Control
from altmarl_ros.records.row_file import RowFile
from altmarl_ros.records.rows import Configuration, FloorRow, StatusRow
from altmarl_ros.records.run_record import IntArray, RunRecord
from altmarl_ros.records.segments import divide
from altmarl_ros.simulation.markov_world import Truth

SUMMARISED = ("asked", "heard", "report_bytes", "latency", "sampling_error")
"""Fields of a StatusRow of which a RunLog knows the mean over all ticks."""


class RunLog:
    """Collects what arrives about a run, in any order, for a RunRecord.

    The newest ticks are at hand; of older ones a sum is kept, and where a folder is given all of them in a file there.

    Attributes:
        statuses: the status of each tick, by session and tick.
        truths: the truth of each tick, by session and tick.
        reports: number of reports of each tick, by session and tick.
        configurations: the configurations, by session and first tick.
        floors: the places of robots on a simulated floor, by simulated time [s].
    """

    def __init__(self, most_ticks: int | None = 100_000, folder: Path | None = None) -> None:
        """Begin a log.

        Args:
            most_ticks: number of the newest ticks that are kept at hand; None: all of them.
            folder: for the file with older ones; None: they are kept nowhere.
        """
        self._most_ticks = most_ticks
        self._older = None if folder is None else RowFile(folder)
        self._dropped: Counter[str] = Counter()  # number of older ticks, by book
        self._sums: Counter[str] = Counter()  # of older statuses, by field
        self._sessions: set[int] = set()  # of older statuses
        self.statuses: dict[tuple[int, int], StatusRow] = {}
        self.truths: dict[tuple[int, int], Truth] = {}
        self.reports: Counter[tuple[int, int]] = Counter()
        self.configurations: dict[tuple[int, int], Configuration] = {}
        self.floors: dict[float, FloorRow] = {}

    @property
    def heard_ticks(self) -> int:
        """Number of ticks of which the status came."""
        return len(self.statuses) + self._dropped["statuses"]

    @property
    def true_ticks(self) -> int:
        """Number of ticks of which the truth came."""
        return len(self.truths) + self._dropped["truths"]

    @property
    def sessions(self) -> int:
        """Number of sessions of which a status came."""
        return len(self._sessions | {session for session, _ in self.statuses})

    def mean(self, name: str) -> float | None:
        """Mean of one of SUMMARISED over the ticks of which the status came; None: there are none."""
        total = self._sums[name] + sum(getattr(row, name) for row in self.statuses.values())
        return float(total / self.heard_ticks) if self.heard_ticks else None

    def forget_old(self) -> None:
        """Put away what exceeds the bound; to be called after adding."""
        for name in ("statuses", "truths", "reports", "configurations", "floors"):
            book: dict[Any, Any] = getattr(self, name)
            while self._most_ticks is not None and len(book) > self._most_ticks:
                key = next(iter(book))
                self._put_away(name, key, book.pop(key))

    def _put_away(self, name: str, key: Any, row: Any) -> None:
        self._dropped[name] += 1
        if isinstance(row, StatusRow):
            self._sessions.add(row.session)
            for summed in SUMMARISED:
                self._sums[summed] += getattr(row, summed)
        if self._older is not None and name in ("statuses", "truths", "reports"):
            self._older.add(name, (key, row) if name == "reports" else list(vars(row).values()))

    def _whole(self) -> RunLog:
        """Return the log with its older rows at hand."""
        if self._older is None:
            return self
        whole = RunLog(most_ticks=None)
        for name, values in self._older.rows():
            if name == "statuses":
                status = StatusRow(*map(_tupled, values))
                whole.statuses[status.session, status.tick] = status
            elif name == "truths":
                truth = Truth(*map(_tupled, values))
                whole.truths[truth.session, truth.tick] = truth
            else:
                whole.reports[_tupled(values[0])] += values[1]
        whole.statuses.update(self.statuses)
        whole.truths.update(self.truths)
        whole.reports.update(self.reports)
        whole.configurations = self.configurations
        return whole

    def record(self, about: Mapping[str, Any], ticks: int | None = None) -> RunRecord:
        """Make a record of the first `ticks` ticks (None: all) for which both status and truth are known.

        `about` describes the run, see RunRecord.

        Raises:
            AltmarlError: there is none, a truth does not list its robots, or older ticks are lost.
        """
        return self._whole()._record(about, ticks)

    def _record(self, about: Mapping[str, Any], ticks: int | None) -> RunRecord:
        sessions = list(dict.fromkeys(session for session, _ in self.statuses))  # in order of appearance
        both = (key for key in self.statuses if key in self.truths)
        keys = sorted(both, key=lambda key: (sessions.index(key[0]), key[1]))[:ticks]
        if not keys:
            raise AltmarlError("nothing was recorded: no tick has both /fleet/status and /fleet/truth")
        rows = [self.statuses[key] for key in keys]
        ids = sorted({robot_id for key in keys for robot_id in self.truths[key].robot_ids})
        column = {robot_id: i for i, robot_id in enumerate(ids)}
        table = {name: np.full((len(keys), len(ids)), UNKNOWN, dtype=np.int64) for name in ("state", "action")}
        actions = np.zeros((len(keys), len(ids)), dtype=np.int64)
        for t, key in enumerate(keys):
            truth = self.truths[key]
            if truth.counts:
                raise AltmarlError("a crowd that tells counts alone cannot be recorded robot by robot")
            at = [column[robot_id] for robot_id in truth.robot_ids]
            table["state"][t, at] = truth.local_states
            table["action"][t, at] = [UNKNOWN if action is None else action for action in truth.local_actions]
            actions[t, at] = truth.actions

        def integers(name: str) -> IntArray:
            return np.array([getattr(row, name) for row in rows], dtype=np.int64)

        told = {key: {**each.about(), "policy_id": each.policy_id} for key, each in self.configurations.items()}
        more = {"operated": _operated(rows), "segments": divide(rows, told, about)}
        return RunRecord(
            session=integers("session"),
            tick=integers("tick"),
            global_state=integers("global_state"),
            global_action=integers("global_action"),
            asked=integers("asked"),
            heard=integers("heard"),
            rung=integers("rung"),
            reports=np.array([self.reports[key] for key in keys], dtype=np.int64),
            report_bytes=integers("report_bytes"),
            latency=np.array([row.latency for row in rows]),
            estimate=np.array([row.estimate for row in rows]),
            local_state=table["state"],
            local_action=table["action"],
            actions=actions,
            about={**about, "robot_ids": ids, **{name: told for name, told in more.items() if told}},
            hidden_state=_hidden_states([self.truths[key] for key in keys]),
            belief=_beliefs(rows),
        )


def _hidden_states(truths: list[Truth]) -> IntArray | None:
    states = [UNKNOWN if truth.hidden_state is None else truth.hidden_state for truth in truths]
    return None if set(states) == {UNKNOWN} else np.array(states, dtype=np.int64)


def _operated(rows: list[StatusRow]) -> list[dict[str, Any]]:
    """Return which robots were in whose hand, and in how many ticks, as JSON values."""
    ticks = Counter(each for row in rows for each in row.operated)
    known = {control.value: control.name.lower() for control in Control}
    return [
        {"robot": robot_id, "control": known.get(control, str(control)), "operator": operator, "ticks": count}
        for (robot_id, control, operator), count in sorted(ticks.items())
    ]


def _beliefs(rows: list[StatusRow]) -> FloatArray | None:
    sizes = {len(row.belief) for row in rows}
    return np.array([row.belief for row in rows]) if len(sizes) == 1 and sizes != {0} else None


def _tupled(value: Any) -> Any:
    """Convert lists of JSON into tuples, within each other too."""
    return tuple(map(_tupled, value)) if isinstance(value, list) else value
