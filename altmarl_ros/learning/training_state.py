"""Saves the state of a training on disk, so that an interrupted training continues from its last round or rung.

The state is one `.npz` beside the bundle that it will become: `header` (JSON with the steps and a fingerprint of game and
options), the pair held so far (`pi_l`, and `pi_g` or the arrays of a policy over shares), `V` of the last G-LEARN over count
vectors, and the rungs solved so far.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import AltmarlError
from altmarl_ros.files import read_npz, write_npz
from altmarl_ros.games import TabularGame
from altmarl_ros.policies import Ladder, LocalPolicy
from altmarl_ros.policies.shares import SharesPolicy
from altmarl_ros.policies.shares.stored import ARRAYS, arrays_of, policy_from

_FORMAT = "altmarl training 3"
_PATIENCE = 10.0  # s; least time between two saves


@dataclass(frozen=True)
class Step:
    """One UPDATE: the candidate's value, its gain over the pair held before, and whether it was kept."""

    round: int
    learner: str
    value: float
    standard_error: float
    gain: float
    gain_error: float
    kept: bool
    seconds: float


@dataclass
class TrainingState:
    """A training between two rounds, or between two rungs of the ladder.

    Attributes:
        pi_l: the robots' policy of the pair that is held.
        pi_g: the coordinator's policy of that pair, of a ladder the top rung; None before the first step.
        V: values of the last G-LEARN over count vectors [rank of c, s_g], from which the next one starts.
        steps: the steps that are done.
        rounds: number of rounds that are done.
        settled: whether no step of the last round was kept, or no round is left.
        rungs: the solved rungs of the final ladder, from 0 on.
        rung_V: values of the last of these, from which the next one starts.
        method: how G-LEARN computed last, and the reason for it.
        seconds: time spent before this state was read [s].
    """

    pi_l: LocalPolicy
    pi_g: Ladder | SharesPolicy | None = None
    V: FloatArray | None = None
    steps: list[Step] = field(default_factory=list)
    rounds: int = 0
    settled: bool = False
    rungs: list[NDArray[np.uint16]] = field(default_factory=list)
    rung_V: FloatArray | None = None
    method: tuple[str, str] = ("", "")
    seconds: float = 0.0
    _began: float = field(default_factory=time.monotonic)

    def elapsed(self) -> float:
        """Return the time spent on the whole training [s]."""
        return self.seconds + time.monotonic() - self._began


class StateKeeper:
    """Holds the state of a training and, if it has a path, saves it on disk."""

    def __init__(self, game: TabularGame, options: Any, path: Path | None) -> None:
        """Continue from the state at `path` if it was made for the same game and options (a dataclass), else start anew."""
        self._path, self._made_with = path, fingerprint(game, options)
        resumed = read_state(self._made_with, path, game) if path else None
        self.state = resumed or TrainingState(LocalPolicy.uniform(game))
        self._kept = time.monotonic()

    def keep(self) -> None:
        """Write the state.

        Raises:
            AltmarlError: the file cannot be written.
        """
        if self._path:
            write_state(self.state, self._made_with, self._path)
        self._kept = time.monotonic()

    def keep_now_and_then(self) -> None:
        """Write the state unless it was written within the last seconds."""
        if time.monotonic() - self._kept > _PATIENCE:
            self.keep()

    def forget(self) -> None:
        """Remove the file."""
        if self._path:
            self._path.unlink(missing_ok=True)


def fingerprint(game: TabularGame, options: Any) -> str:
    """Compute a hash of the game and the options (a dataclass); a training continues only from a state with the same hash."""
    text = json.dumps([game.content_hash, asdict(options)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def write_state(state: TrainingState, made_with: str, path: Path) -> None:
    """Write a state atomically.

    Raises:
        AltmarlError: the file cannot be written.
    """
    header = {
        "format": _FORMAT,
        "made_with": made_with,
        "steps": [asdict(step) for step in state.steps],
        "rounds": state.rounds,
        "settled": state.settled,
        "seconds": state.elapsed(),
        "method": state.method,
        "K": state.pi_g.K if isinstance(state.pi_g, Ladder) else None,
    }
    arrays: dict[str, NDArray[Any]] = {"header": np.frombuffer(json.dumps(header).encode(), np.uint8)}
    arrays["pi_l"] = state.pi_l.probabilities
    if isinstance(state.pi_g, SharesPolicy):
        arrays |= arrays_of(state.pi_g)
    optional = {"pi_g": state.pi_g.rungs[-1] if isinstance(state.pi_g, Ladder) else None, "V": state.V, "rung_V": state.rung_V}
    arrays.update({name: array for name, array in optional.items() if array is not None})
    arrays.update({f"rung_{k}": rung for k, rung in enumerate(state.rungs)})
    try:
        write_npz(path, arrays)
    except ValueError as error:
        raise AltmarlError(f"{path}: {error}") from None


def read_state(made_with: str, path: Path, game: TabularGame) -> TrainingState | None:
    """Read the state in a file; None if there is none, or it is damaged or was made for another game or other options."""
    if not path.exists():
        return None
    try:
        arrays = read_npz(path, 1 << 32)
        header = json.loads(arrays["header"].astype(np.uint8).tobytes())
        if (header["format"], header["made_with"]) != (_FORMAT, made_with):
            return None
        n_rungs = sum(name.startswith("rung_") and name != "rung_V" for name in arrays)
        return TrainingState(
            pi_l=LocalPolicy(arrays["pi_l"]),
            pi_g=_pi_g(arrays, header["K"], game),
            V=arrays.get("V"),
            steps=[Step(**step) for step in header["steps"]],
            rounds=header["rounds"],
            settled=header["settled"],
            rungs=[arrays[f"rung_{k}"] for k in range(n_rungs)],
            rung_V=arrays.get("rung_V"),
            method=tuple(header["method"]),
            seconds=header["seconds"],
        )
    except (ValueError, KeyError, TypeError, AltmarlError):
        return None


def _pi_g(arrays: dict[str, NDArray[Any]], K: int | None, game: TabularGame) -> Ladder | SharesPolicy | None:
    if K is not None:
        return Ladder.with_top(K, arrays["pi_g"], game.n_local_states, game.n_global_actions, game.groups)
    return policy_from(arrays, game.gamma) if set(arrays) >= ARRAYS else None
