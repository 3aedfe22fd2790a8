from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from altmarl_ros.cli.fleet_display import _zones_shown, fleet_table
from altmarl_ros.deployment import FleetPlan


@pytest.mark.parametrize(("counts", "here", "goes"), [([0] * 100, 7, 99), (list(range(100)), 3, 5)])
def test_of_many_zones_the_fullest_and_those_of_the_coordinator_are_shown(counts, here, goes):
    shown = _zones_shown(counts, (here, goes))
    assert {here, goes} <= set(shown)
    assert shown == sorted(shown)
    assert 24 <= len(shown) <= 26
    if any(counts):
        assert set(range(76, 100)) <= set(shown)


def test_few_zones_are_all_shown():
    assert _zones_shown([0, 3, 0], (0, 0)) == [0, 1, 2]


def test_the_belief_of_a_hidden_state_is_shown_by_name(play_loads, loads):
    decisions, log = play_loads(ticks=20)
    console = Console(file=StringIO(), width=100)
    console.print(fleet_table(log, FleetPlan("loads", Path("loads.npz"), robots=12), loads, {}))
    (line,) = [line for line in console.file.getvalue().splitlines() if line.startswith("hidden state")]
    belief = decisions[-1].belief
    likeliest = max(range(2), key=lambda d: belief[d])
    assert "rung" not in console.file.getvalue()  # of value vectors
    assert line.startswith(f"hidden state {loads.hidden.names[likeliest]} {belief[likeliest]:.2f}")
    truth = log.truths[next(reversed(log.statuses))]
    assert line.rstrip().endswith(f"true: {loads.hidden.names[truth.hidden_state]}")
