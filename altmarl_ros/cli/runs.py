"""Recorded runs, light (`.npz`) or whole (a bag): whoever reads runs takes either."""

from pathlib import Path

from altmarl_ros.cli import console
from altmarl_ros.cli.ros_imports import import_bag
from altmarl_ros.errors import AltmarlError, GameError, ResourceError
from altmarl_ros.games import TabularGame
from altmarl_ros.games.trajectory import Trajectory
from altmarl_ros.records.run_record import RunLog, RunRecord


def load_run(path: Path) -> RunRecord:
    """The record of a run from an `.npz` file or from a bag.

    Raises:
        AltmarlError: naming the path and what is wrong with it.
    """
    if not is_bag(path):
        return RunRecord.load(path)
    log = load_log(path)
    try:
        record = log.record(next(reversed(log.configurations.values())).about() if log.configurations else {})
    except AltmarlError as error:
        raise AltmarlError(f"{path}: {error}") from None
    return record


def trajectory_of(record: RunRecord, path: Path, game: TabularGame) -> Trajectory:
    """What robots and coordinator did in the run of that file, checked against the game.

    Raises:
        AltmarlError: naming the path, and the array and entry that does not fit.
    """
    try:
        run = record.trajectory
        run.check(game)
    except GameError as error:
        raise AltmarlError(f"{path}: {error}") from None
    return run


def is_bag(path: Path) -> bool:
    """Whether a path is, or would be, that of a bag."""
    return path.suffix != ".npz"


def load_log(path: Path) -> RunLog:
    """Everything that a bag holds of a run."""
    import_bag()
    try:
        from altmarl_ros.nodes.tools.bag_log import read_log
    except ImportError as error:
        raise ResourceError(f"ROS 2 is needed to read {path}: {error}; `altmarl doctor` says what is missing") from None
    return read_log(path, console.err.print)
