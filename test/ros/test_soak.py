"""Soaks: random kills and restarts leave nothing stuck, and no process of a fleet grows (longer ones are in benchmarks/)."""

import importlib.util
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.ros, pytest.mark.soak]


def benchmark(name):
    spec = importlib.util.spec_from_file_location(
        f"altmarl_{name}", Path(__file__).resolve().parents[2] / "benchmarks" / f"{name}.py"
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_ten_kills_leave_nothing_stuck_and_nothing_wrong(tmp_path):
    result = benchmark("soak").soak(kills=10, robots=8, period=0.2, seed=0, folder=tmp_path)
    assert len(result.recoveries) == 10
    assert result.wrong_actions == 0
    for name, early in result.memory_early.items():
        assert result.memory_late[name] < 1.1 * early


def test_no_process_of_a_fleet_grows(tmp_path, request):
    """Twenty robots at 10 Hz, from the second minute on; `--soak-minutes` says how long."""
    minutes = request.config.getoption("--soak-minutes")
    memory = benchmark("memory")
    found = memory.measure(20, 0.1, minutes, tmp_path)
    assert {"altmarl fleet", "coordinator", "world", "robots_0", "robots_1"} <= found.keys()
    growth = {name: each.growth(min(120.0, 20.0 * minutes)) for name, each in found.items()}
    assert all(share < memory.MOST_GROWTH for share in growth.values()), growth


def test_a_fleet_in_order_gives_no_alarm_for_three_minutes(tmp_path):
    """Robots on wheels, whose ticks are 30 s apart."""
    alarms = benchmark("alarms")
    plan = alarms.physical_plan("hall", 6, 30.0, tmp_path)
    counter = alarms.count_alarms(plan, 180.0, tmp_path / "logs")
    assert counter.heard > 1000
    assert counter.alarms == {}
