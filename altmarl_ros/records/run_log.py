"""Collects what arrives about a run, for the live table and for a record."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import MappingProxyType
from typing import Any, Mapping

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games.trajectory import UNKNOWN
from altmarl_ros.protocol.operated import Control
from altmarl_ros.records.robot_states import Act, Key, gather_states
from altmarl_ros.records.row_file import RowFile
from altmarl_ros.records.rows import Configuration, FloorRow, StatusRow
from altmarl_ros.records.run_record import IntArray, RunRecord
from altmarl_ros.records.segments import divide
from altmarl_ros.simulation.markov_world import Truth

SUMMARISED = ("asked", "heard", "report_bytes", "latency", "sampling_error")
"""Fields of a StatusRow of which a RunLog knows the mean over all ticks."""

_ALL_ALIKE: Mapping[int, int] = MappingProxyType({})
_NOTHING = (
    "nothing was recorded of how robots acted: no tick has both /fleet/status and either /fleet/truth, which simulations "
    "publish, or the drive states of robots, such as /robot_1/robot/drive; `altmarl record` keeps all of them"
)


class RunLog:
    """Collects what arrives about a run, in any order, for a RunRecord.

    The newest ticks are at hand; of older ones a sum is kept, and where a folder is given all of them in a file there.

    Attributes:
        statuses: the status of each tick, by session and tick.
        truths: the truth of each tick, by session and tick.
        drives: state within its type and action of each robot that told how it acted in a tick, by id, by session and tick.
        types: name of the type of each robot that said hello, by id; empty in a game without types.
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
        self.drives: dict[Key, dict[int, Act]] = {}
        self.types: dict[int, str] = {}
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
        whole.drives, whole.types = self.drives, self.types
        return whole

    def record(
        self, about: Mapping[str, Any], ticks: int | None = None, *, first_states: Mapping[int, int] = _ALL_ALIKE
    ) -> RunRecord:
        """Make a record of the first `ticks` ticks (None: all) of which the status is known and how robots acted.

        The truth counts where it is known, else what robots told, see `robot_states`.

        Args:
            about: describes the run, see RunRecord.
            ticks: largest number of ticks.
            first_states: the first local state of each robot's type, by id; empty in a game without types.

        Raises:
            AltmarlError: there is none, a truth does not list its robots, or older ticks are lost.
        """
        return self._whole()._record(about, ticks, first_states)

    def _record(self, about: Mapping[str, Any], ticks: int | None, first_states: Mapping[int, int]) -> RunRecord:
        sessions = list(dict.fromkeys(session for session, _ in self.statuses))  # in order of appearance
        known = (key for key in self.statuses if key in self.truths or key in self.drives)
        keys = sorted(known, key=lambda key: (sessions.index(key[0]), key[1]))[:ticks]
        if not keys:
            raise AltmarlError(_NOTHING)
        rows = [self.statuses[key] for key in keys]
        robots = gather_states(rows, self.truths, self.drives, first_states)

        def integers(name: str) -> IntArray:
            return np.array([getattr(row, name) for row in rows], dtype=np.int64)

        told = {key: {**each.about(), "policy_id": each.policy_id} for key, each in self.configurations.items()}
        more = {"operated": _operated(rows), "segments": divide(rows, told, about), **robots.about}
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
            local_state=robots.local_state,
            local_action=robots.local_action,
            actions=robots.actions,
            about={
                **about,
                "robot_ids": list(robots.ids),
                **{name: told for name, told in more.items() if told},
                **robots.about,
            },
            hidden_state=_hidden_states([self.truths.get(key) for key in keys]),
            belief=_beliefs(rows),
        )


def _hidden_states(truths: list[Truth | None]) -> IntArray | None:
    states = [UNKNOWN if truth is None or truth.hidden_state is None else truth.hidden_state for truth in truths]
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
