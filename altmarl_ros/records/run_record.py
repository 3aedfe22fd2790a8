"""A run as an operator saw it, tick by tick: for the report and comparisons."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Mapping

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import AltmarlError
from altmarl_ros.files import read_npz, write_npz
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.games.trajectory import Trajectory

IntArray = NDArray[np.int64]

_OPTIONAL = ("hidden_state", "belief")  # arrays of a RunRecord


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
        actions: number of actions that the world received [T, n]; UNKNOWN where nobody told.
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
        """Team reward of each tick over the robots that acted [T]; r_g alone where none did.

        Where robots earn by d(t) and it is not known, it is what the coordinator had to expect by its belief.

        Raises:
            GameError: neither d(t) of every tick nor a belief is known in a game with a hidden state.
        """
        return self.trajectory.rewards(game, self.belief)

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
