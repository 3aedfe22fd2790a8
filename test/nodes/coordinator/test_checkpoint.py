import os
from dataclasses import replace

import pytest

from altmarl_ros.games import load_game
from altmarl_ros.nodes.coordinator.state_file import Checkpoint, StateFile, read_checkpoint, write_checkpoint

GOOD = Checkpoint("0123456789abcdef", 2**32 - 1, 4)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "checkpoint.json"


@pytest.mark.parametrize("checkpoint", [GOOD, replace(GOOD, global_state=None)])
def test_round_trip(path, checkpoint):
    write_checkpoint(checkpoint, path)
    assert read_checkpoint(path) == checkpoint


def test_no_file_is_no_checkpoint(path):
    assert read_checkpoint(path) is None


def test_failed_write_leaves_the_old_one(path, monkeypatch):
    write_checkpoint(GOOD, path)

    def fail(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(OSError, match="No space left"):
            write_checkpoint(Checkpoint("other", 1, 1), path)
    assert read_checkpoint(path) == GOOD
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"null",
        b"[1, 2, 3]",
        b"[" * 4096,
        b"{}",
        b'{"game_hash": "a", "session": 1}',
        b'{"game_hash": "a", "session": 1, "global_state": 0, "more": 1}',
        b'{"game_hash": 1, "session": 1, "global_state": 0}',
        b'{"game_hash": "a", "session": -1, "global_state": 0}',
        b'{"game_hash": "a", "session": 4294967296, "global_state": 0}',
        b'{"game_hash": "a", "session": 1, "global_state": 0.5}',
        b'{"game_hash": "a", "session": NaN, "global_state": 0}',
        b'{"game_hash": "a", "session": "1", "global_state": 0}',
        b'{"game_hash": "a", "session": null, "global_state": 0}',
        b'{"game_hash": "' + b"a" * 5000 + b'", "session": 1, "global_state": 0}',
    ],
)
def test_what_is_no_checkpoint_is_refused_by_file(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"checkpoint\.json is not a checkpoint"):
        read_checkpoint(path)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="is a folder"):
        read_checkpoint(tmp_path)


class Log:
    """Collects what is logged."""

    def __init__(self):
        self.lines = []

    def error(self, text, **_):
        self.lines.append(text)

    warning = error


@pytest.fixture
def game():
    return load_game("warehouse")


def test_what_is_saved_is_restored_by_the_next_start(path, game):
    log = Log()
    file = StateFile(log, str(path), game)
    assert file.restore() is None
    for state in (0, 1, 2, 3, 4):
        file.save(7, state)
    file.drain(10.0)
    assert StateFile(log, str(path), game).restore() == Checkpoint(game.content_hash, 7, 4)
    assert log.lines == []


@pytest.mark.parametrize("content", [b"my letters", b"{}", b"\0" * 9000])
def test_another_file_is_never_overwritten(path, game, content):
    path.parent.mkdir()
    path.write_bytes(content)
    log = Log()
    file = StateFile(log, str(path), game)
    assert file.restore() is None
    file.save(7, 1)
    file.drain(10.0)
    assert path.read_bytes() == content
    assert len(log.lines) == 1
    assert "overwrites checkpoints only" in log.lines[0]


def test_an_empty_file_as_a_power_cut_leaves_it_is_written_again(path, game):
    path.parent.mkdir()
    path.touch()
    file = StateFile(Log(), str(path), game)
    assert file.restore() is None
    file.save(7, 1)
    file.drain(10.0)
    assert read_checkpoint(path).session == 7


def test_a_pipe_neither_blocks_nor_is_replaced(path, game):
    path.parent.mkdir()
    os.mkfifo(path)
    file = StateFile(Log(), str(path), game)
    assert file.restore() is None
    file.save(7, 1)
    file.drain(10.0)
    assert path.is_fifo()
