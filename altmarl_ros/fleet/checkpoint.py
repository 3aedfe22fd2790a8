"""What a restarted coordinator must still know: its last session and the global state it left."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from altmarl_ros.files import write_atomically

_MAX_BYTES = 4096


@dataclass(frozen=True)
class Checkpoint:
    """State between two ticks. Robots and policy come back by themselves: both topics are latched.

    `global_state` is None where an external plant is not known to be in any.
    """

    game_hash: str
    session: int
    global_state: int | None


def write_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Replace the file at once; after a power cut it may be the previous one, never half a one."""
    write_atomically(path, json.dumps(asdict(checkpoint)).encode(), durable=False)


def read_checkpoint(path: Path) -> Checkpoint | None:
    """The checkpoint, or None where there is no file.

    Raises:
        ValueError: the file is not a checkpoint, with the reason.
    """
    try:
        text = path.read_bytes()[:_MAX_BYTES]
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}") from None
    try:
        values = json.loads(text)
        checkpoint = Checkpoint(**values)
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{path} is not a checkpoint: {error}") from None
    numbers = [checkpoint.session] + [checkpoint.global_state] * (checkpoint.global_state is not None)
    if not isinstance(checkpoint.game_hash, str) or not all(isinstance(n, int) and 0 <= n < 2**32 for n in numbers):
        raise ValueError(f"{path} is not a checkpoint: {values}")
    return checkpoint
