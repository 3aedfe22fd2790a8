"""A short soak: random kills and restarts leave nothing stuck (the long one is benchmarks/soak.py)."""

import importlib.util
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.ros, pytest.mark.soak]

_spec = importlib.util.spec_from_file_location("altmarl_soak", Path(__file__).resolve().parents[2] / "benchmarks" / "soak.py")
_soak = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = _soak
_spec.loader.exec_module(_soak)


def test_ten_kills_leave_nothing_stuck_and_nothing_wrong(tmp_path):
    result = _soak.soak(kills=10, robots=8, period=0.2, seed=0, folder=tmp_path)
    assert len(result.recoveries) == 10
    assert result.wrong_actions == 0
    for name, early in result.memory_early.items():
        assert result.memory_late[name] < 1.1 * early
