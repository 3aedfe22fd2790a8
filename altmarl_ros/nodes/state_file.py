"""Where a coordinator keeps what its next start must know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from altmarl_ros.fleet.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from altmarl_ros.games import TabularGame

_THROTTLE = 10.0  # s


class StateFile:
    """Shell around `fleet.checkpoint`. Without a path nothing is kept."""

    def __init__(self, logger: Any, path: str, game: TabularGame) -> None:
        self._logger, self._game = logger, game
        self._path = Path(path) if path else None

    def restore(self) -> Checkpoint | None:
        """What the last start left; None where it left nothing, or nothing of this game."""
        if self._path is None:
            return None
        try:
            checkpoint = read_checkpoint(self._path)
        except ValueError as error:
            self._logger.warning(f"starting afresh: {error}")
            return None
        if checkpoint is None:
            return None
        known = checkpoint.global_state is None or checkpoint.global_state < self._game.n_global_states
        if checkpoint.game_hash != self._game.content_hash or not known:
            self._logger.warning(f"starting afresh: {self._path} is of another game")
            return None
        return checkpoint

    def save(self, session: int, global_state: int | None) -> None:
        """Keep this; a disk that cannot is no reason to stop."""
        if self._path is None:
            return
        try:
            write_checkpoint(Checkpoint(self._game.content_hash, session, global_state), self._path)
        except OSError as error:
            self._logger.error(f"{self._path} cannot be written: {error}", throttle_duration_sec=_THROTTLE)
