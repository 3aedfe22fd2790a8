"""The file in which a coordinator keeps what its next start must know.

Its path is a parameter, and so comes from whoever may set one: nothing is overwritten but a checkpoint, or an empty file as
a power cut leaves it. It is written in a thread, since a slow disk must not delay the ticks.
"""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from altmarl_ros.files import read_regular, write_atomically
from altmarl_ros.games import TabularGame

_MAX_BYTES = 4096
_THROTTLE = 10.0  # s


@dataclass(frozen=True)
class Checkpoint:
    """The coordinator's state between two ticks. Robots and policy need no file: their topics are latched.

    Attributes:
        game_hash: content hash of the game.
        session: number of the session.
        global_state: s_g; None where the state of an external plant is not known.
    """

    game_hash: str
    session: int
    global_state: int | None


def write_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Replace the file in one step; after a power cut it may be the previous one, never a part of one."""
    write_atomically(path, json.dumps(asdict(checkpoint)).encode(), durable=False)


def read_checkpoint(path: Path) -> Checkpoint | None:
    """Read the checkpoint; None where there is no file.

    Raises:
        ValueError: the file is not a checkpoint, with the reason.
    """
    if not path.is_symlink() and not path.exists():
        return None
    try:
        text = read_regular(path, _MAX_BYTES)
    except ValueError as error:
        raise ValueError(f"{path} is not a checkpoint: {error}") from None
    try:
        values = json.loads(text)
        checkpoint = Checkpoint(**values)
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{path} is not a checkpoint: {error}") from None
    numbers = [checkpoint.session] + [checkpoint.global_state] * (checkpoint.global_state is not None)
    if not isinstance(checkpoint.game_hash, str) or not all(isinstance(n, int) and 0 <= n < 2**32 for n in numbers):
        raise ValueError(f"{path} is not a checkpoint: {values}")
    return checkpoint


class StateFile:
    """Saves and restores checkpoints of one game, and logs what goes wrong; without a path it does neither."""

    def __init__(self, logger: Any, path: str, game: TabularGame) -> None:
        self._logger, self._game = logger, game
        self._path = Path(path) if path else None
        self._next: Checkpoint | None = None  # to be written
        self._idle = threading.Condition()
        self._writing = False

    def restore(self) -> Checkpoint | None:
        """The checkpoint of the last start; None where there is none, or none of this game."""
        if self._path is None:
            return None
        try:
            checkpoint = read_checkpoint(self._path)
        except ValueError as error:
            if self._path.is_file() and self._path.stat().st_size == 0:
                self._logger.warning(f"starting afresh: {error}")
            else:
                self._logger.error(f"starting afresh, and keeping no state, since that overwrites checkpoints only: {error}")
                self._path = None
            return None
        if checkpoint is None:
            return None
        known = checkpoint.global_state is None or checkpoint.global_state < self._game.n_global_states
        if checkpoint.game_hash != self._game.content_hash or not known:
            self._logger.warning(f"starting afresh: {self._path} is of another game")
            return None
        return checkpoint

    def save(self, session: int, global_state: int | None) -> None:
        """Write a checkpoint soon; of several that wait only the last. A disk that fails is logged, and no reason to stop."""
        if self._path is None:
            return
        with self._idle:
            self._next = Checkpoint(self._game.content_hash, session, global_state)
            if not self._writing:
                self._writing = True
                threading.Thread(target=self._write, args=(self._path,), name="state file", daemon=True).start()

    def drain(self, timeout: float) -> None:
        """Wait until all is written, at most `timeout` [s]."""
        with self._idle:
            self._idle.wait_for(lambda: not self._writing, timeout)

    def _write(self, path: Path) -> None:
        while True:
            with self._idle:
                checkpoint, self._next = self._next, None
                if checkpoint is None:
                    self._writing = False
                    self._idle.notify_all()
                    return
            try:
                write_checkpoint(checkpoint, path)
            except OSError as error:
                self._logger.error(f"{path} cannot be written: {error}", throttle_duration_sec=_THROTTLE)
