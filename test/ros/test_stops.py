"""Single faults stop robots that drive, in the simulated world's own time: some of benchmarks/stops.py, which has them all."""

import importlib.util
import sys
from pathlib import Path

import pytest

_path = Path(__file__).resolve().parents[2] / "benchmarks" / "stops.py"
_spec = importlib.util.spec_from_file_location("altmarl_stops", _path)
stops = sys.modules[_spec.name] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(stops)

pytestmark = pytest.mark.ros

LOAD = 0.2  # s for the messages and processes of a loaded machine


def check(causes, robots, trials):
    assert causes
    found = stops.run(causes, robots, trials, lambda name, done: print(*stops.row(name, done)))
    late = {
        name: [trial for trial in done if trial.took > trial.allowed + LOAD or trial.contacts] for name, done in found.items()
    }
    assert not any(late.values()), late


def test_a_silent_coordinator_and_broken_sensors_stop_every_robot_in_time():
    quick = ("network cut (coordinator hangs)", "pose not a number", "laser frozen, old stamps", "coordinator killed")
    check([cause for name in quick for cause in stops.CAUSES if cause.name == name], robots=2, trials=2)


@pytest.mark.soak
@pytest.mark.parametrize("cause", stops.CAUSES, ids=lambda cause: cause.name)
def test_every_fault_stops_every_robot_in_time(cause):
    check([cause], robots=5, trials=10)
