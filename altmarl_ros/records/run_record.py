"""A run as an operator saw it, tick by tick: for the live table, the report and comparisons."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Mapping

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import AltmarlError
from altmarl_ros.files import read_npz, write_npz
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.games.trajectory import UNKNOWN, Trajectory
from altmarl_ros.protocol.operated import Control
from altmarl_ros.protocol.standby import Handover
from altmarl_ros.records.row_file import RowFile
from altmarl_ros.records.segments import divide
from altmarl_ros.simulation.markov_world import Truth

IntArray = NDArray[np.int64]

SUMMARISED = ("asked", "heard", "report_bytes", "latency", "sampling_error")
"""Fields of a StatusRow of which a RunLog knows the mean over all ticks."""


_OPTIONAL = ("hidden_state", "belief")  # arrays of a RunRecord


@dataclass(frozen=True)
class StatusRow:
    """The fields of a coordinator's status of one tick that are recorded.

    Attributes:
        stamp: time of the status [s, the coordinator's clock].
        session, tick: session and number of the tick.
        policy_id: id of the policy in force.
        global_state, global_action: s_g(t) and a_g(t).
        asked, heard: number of robots polled by the first broadcast, and of accepted reports.
        rung: number of reports for which the deciding policy was learned.
        report_bytes: what the reports cost on the wire [B].
        latency: time from broadcast to decision [s].
        live: number of robots in the draw.
        sampling_error: largest standard deviation of an estimated share.
        estimate: estimated share of robots per local state [S_l].
        answers: the accepted reports, (robot id, local state), in the order in which they came.
        belief: probability of each hidden state [D]; empty in a game without one, and in records from before there were any.
        returned: local states of the robots that operators gave back since the tick before.
        operated: robots in an operator's hand, (robot id, number of a `Control`, operator's name).
        evidence: weights of the hidden states that others told and that counted in this tick [D]; empty: none.
    """

    stamp: float
    session: int
    tick: int
    policy_id: int
    global_state: int
    global_action: int
    asked: int
    heard: int
    rung: int
    report_bytes: int
    latency: float
    live: int
    sampling_error: float
    estimate: tuple[float, ...]
    answers: tuple[tuple[int, int], ...] = ()
    belief: tuple[float, ...] = ()
    returned: tuple[int, ...] = ()
    operated: tuple[tuple[int, int, str], ...] = ()
    evidence: tuple[float, ...] = ()


@dataclass(frozen=True)
class FloorRow:
    """The places of all robots of a simulated floor at one time.

    Attributes:
        time: simulated time [s].
        factor: simulated seconds per second, averaged over the last seconds.
        contacts: number of contacts so far.
        places: x and y of each robot [m; map], by id.
        headings: yaw of each robot [rad; map], by id.
    """

    time: float
    factor: float
    contacts: int
    places: Mapping[int, tuple[float, float]]
    headings: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Configuration:
    """The configuration by which a session decides from one tick on.

    Attributes:
        session: number of the session.
        tick: number of the first tick that is decided by it.
        game_name, game_hash: name and content hash of the game.
        policy_hash, policy_id: content hash and id of the policy bundle in force.
        parameters: the coordinator's parameters by name; `policy.file` is the file of the bundle in force.
        handover: what the session began with.
    """

    session: int
    tick: int
    game_name: str
    game_hash: str
    policy_hash: str
    policy_id: int
    parameters: Mapping[str, Any]
    handover: Handover

    def about(self) -> dict[str, Any]:
        """The description that a RunRecord carries."""
        names = {
            "game": "game",
            "policy": "policy.file",
            "k": "sampling.k",
            "period": "tick.period",
            "seed": "sampling.seed",
            "model": "sampling.model",
        }
        known = {key: self.parameters[name] for key, name in names.items() if name in self.parameters}
        return {**known, "game_name": self.game_name, "game_hash": self.game_hash}


@dataclass(frozen=True, eq=False)
class RunRecord:
    """A recorded run of T ticks and n robots.

    Attributes:
        session, tick: number of each tick [T].
        global_state, global_action: s_g(t) and a_g(t) [T].
        asked, heard, rung: robots polled, reports accepted, and the rung that decided [T].
        reports: reports that the recorder counted on the topic [T].
        report_bytes: what the reports cost on the wire, as the coordinator counted [T, B].
        latency: time from broadcast to decision [T, s].
        estimate: the coordinator's estimated shares [T, S_l].
        local_state, local_action: s_i(t), a_i(t) [T, n]; UNKNOWN for a robot that is not in the world or did not act.
        actions: number of actions that the world received [T, n].
        about: game, policy, k, seed and whatever else describes the run (JSON values).
        hidden_state: d(t) [T], UNKNOWN where it is not known; None in a game without a hidden state.
        belief: the coordinator's probability of each hidden state [T, D]; None in a game without one.
    """

    session: IntArray
    tick: IntArray
    global_state: IntArray
    global_action: IntArray
    asked: IntArray
    heard: IntArray
    rung: IntArray
    reports: IntArray
    report_bytes: IntArray
    latency: FloatArray
    estimate: FloatArray
    local_state: IntArray
    local_action: IntArray
    actions: IntArray
    about: Mapping[str, Any]
    hidden_state: IntArray | None = None
    belief: FloatArray | None = None

    @property
    def trajectory(self) -> Trajectory:
        """The states and actions of robots and coordinator.

        Raises:
            GameError: naming the array that does not fit the others.
        """
        return Trajectory(
            self.session,
            self.tick,
            self.global_state,
            self.global_action,
            self.local_state,
            self.local_action,
            self.hidden_state,
        )

    def occupancy(self, n_local_states: int) -> IntArray:
        """Number of robots per local state [T, S_l]."""
        return self.trajectory.occupancy(n_local_states)

    def rewards(self, game: TabularGame) -> FloatArray:
        """Team reward of each tick over the robots that acted [T]; r_g alone where none did."""
        return self.trajectory.rewards(game)

    def save(self, path: str | Path) -> Path:
        """Write the record to an `.npz` without pickle, atomically.

        Raises:
            AltmarlError: the file cannot be written.
        """
        arrays = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "about"}
        arrays = {name: array for name, array in arrays.items() if array is not None}
        arrays["about"] = np.frombuffer(json.dumps(dict(self.about)).encode(), dtype=np.uint8)
        try:
            write_npz(Path(path), arrays)
        except ValueError as error:
            raise AltmarlError(f"{path}: {error}") from None
        return Path(path)

    @classmethod
    def load(cls, path: str | Path) -> RunRecord:
        """Read a record.

        Raises:
            AltmarlError: naming the file and what is wrong with it.
        """
        try:
            arrays = read_npz(Path(path))
        except ValueError as error:
            raise AltmarlError(f"{path}: {error}") from None
        try:
            about = json.loads(arrays.pop("about").astype(np.uint8).tobytes().decode())
            names = (each.name for each in fields(cls) if each.name != "about")
            lengths = {name: len(arrays[name]) for name in names if name in arrays or name not in _OPTIONAL}
        except KeyError as error:
            raise AltmarlError(f"{path}: is damaged or not a run record: it has no {error}") from None
        except (ValueError, TypeError, RecursionError) as error:
            raise AltmarlError(f"{path}: is damaged or not a run record: {error}") from None
        if len(set(lengths.values())) != 1 or not isinstance(about, dict) or arrays.keys() != lengths.keys():
            raise AltmarlError(f"{path}: is damaged: its arrays have the lengths {lengths}")
        return cls(**arrays, about=about)


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
