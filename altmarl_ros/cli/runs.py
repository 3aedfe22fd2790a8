"""Recorded runs, as an `.npz` file or as a bag: commands read either, and write bags."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator, Mapping

from rich.markup import escape

from altmarl_ros.cli import console
from altmarl_ros.cli.optional_imports import import_bag
from altmarl_ros.errors import AltmarlError, GameError, ResourceError
from altmarl_ros.games import TabularGame, load_game
from altmarl_ros.games.trajectory import Trajectory
from altmarl_ros.records.robot_states import states_in_words
from altmarl_ros.records.run_log import RunLog
from altmarl_ros.records.run_record import RunRecord

if TYPE_CHECKING:
    from altmarl_ros.nodes.tools.recorder import Recorder


def is_bag(path: Path) -> bool:
    """Whether a path names a bag: any but an `.npz` file does."""
    return path.suffix != ".npz"


def check_bag(path: Path, command: str) -> None:
    """Check that a path can be the bag that a command needs.

    Raises:
        AltmarlError: it names an `.npz` file, which holds what became of a run, and not what decisions were made from.
    """
    if not is_bag(path) and not path.is_dir():
        raise AltmarlError(
            f"{path}: {command} needs a bag, which is a folder: an .npz file does not hold what decisions were made from; "
            "`--record` and `altmarl record` write a bag at any other name"
        )


def load_run(path: Path) -> RunRecord:
    """Read the record of a run from an `.npz` file or from a bag.

    Raises:
        AltmarlError: naming the path and what is wrong with it.
    """
    if not is_bag(path):
        return RunRecord.load(path)
    log = load_log(path)
    about = next(reversed(log.configurations.values())).about() if log.configurations else {}
    try:
        record = log.record(about, first_states=_first_states(log, about))
    except AltmarlError as error:
        raise AltmarlError(f"{path}: {error}") from None
    return record


def _first_states(log: RunLog, about: Mapping[str, Any]) -> dict[int, int]:
    """Return the first local state of each robot's type, by id, where robots told their states within their type.

    What robots told whose hello, and so their type, is not known is taken out of the log.

    Raises:
        AltmarlError: the game cannot be loaded.
    """
    robots = {robot_id for told in log.drives.values() for robot_id in told}
    typed = any(log.types.values())
    if not typed and robots <= log.types.keys():
        return {}
    try:
        types = load_game(str(about.get("game", ""))).types
    except AltmarlError:
        if typed:
            raise
        return {}
    if types is None:
        return {}
    first = {each: types.block(types.index(name)).start for each, name in log.types.items() if name in types.names}
    for told in log.drives.values():
        for robot_id in told.keys() - first.keys():
            del told[robot_id]
    return first


def say_states(record: RunRecord, path: Path) -> None:
    """Say where the states of a record are from, unless they are true ones."""
    said = states_in_words(record.about)
    if said:
        console.err.print(escape(f"{path}: states are {said}"))


def load_log(path: Path) -> RunLog:
    """Read everything that a bag holds of a run.

    Raises:
        ResourceError: the MCAP library or ROS 2 is missing.
        AltmarlError: naming the path and what is wrong with it.
    """
    import_bag()
    try:
        from altmarl_ros.nodes.tools.bag_log import read_log
    except ImportError as error:
        raise ResourceError(f"ROS 2 is needed to read {path}: {error}; `altmarl doctor` says what is missing") from None
    return read_log(path, console.err.print)


def trajectory_of(record: RunRecord, path: Path, game: TabularGame) -> Trajectory:
    """Return what robots and coordinator did in the run that was read from `path`, checked against the game.

    Raises:
        AltmarlError: naming the path, and the array and entry that does not fit.
    """
    try:
        run = record.trajectory
        run.check(game)
    except GameError as error:
        raise AltmarlError(f"{path}: {error}") from None
    return run


@contextmanager
def bag_recorder(bag: Path, fleet_prefix: str = "/fleet") -> Iterator[Recorder]:
    """Context of a recorder node that writes into a new bag and completes it at the end.

    The recorder does not raise when writing fails: it keeps the error as its `failure`.
    """
    writer = import_bag().BagWriter(bag)
    from altmarl_ros.nodes.tools.recorder import Recorder

    world_prefix = "/world" if fleet_prefix == "/fleet" else f"{fleet_prefix}/world"
    recorder = Recorder(writer, fleet_prefix, world_prefix)
    try:
        yield recorder
    finally:
        recorder.destroy_node()
        recorder.finish()
