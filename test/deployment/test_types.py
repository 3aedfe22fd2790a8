"""Which robots of a planned fleet are of which type."""

from pathlib import Path

import pytest

from altmarl_ros.deployment.fleet_plan import FleetPlan, types_in_fleet
from altmarl_ros.errors import AltmarlError


def plan(kinds, robots, **options):
    return FleetPlan("kinds.yaml", Path("kinds.npz"), robots=robots, types=types_in_fleet(kinds, robots), **options)


@pytest.mark.parametrize("processes", [0, 1, 2, 3, 5])
def test_each_process_has_robots_of_one_type(kinds, processes):
    nodes = [node.parameters for node in plan(kinds, 16, processes=processes).nodes() if node.executable == "robots"]
    types = [name for own in nodes for name in [own["robot.type"]] * own["count"]]
    assert types == ["fast"] * 10 + ["slow"] * 6
    assert [own["first_id"] for own in nodes] == [sum(own["count"] for own in nodes[:i]) for i in range(len(nodes))]


def test_games_without_types_name_none(warehouse):
    assert types_in_fleet(warehouse, 7) == ()
    nodes = FleetPlan("warehouse", Path("w.npz"), robots=7).nodes()
    assert all("robot.type" not in node.parameters for node in nodes)


def test_types_have_all_robots(kinds):
    with pytest.raises(AltmarlError, match="types have 8 robots, must have 9"):
        FleetPlan("kinds.yaml", Path("kinds.npz"), robots=9, types=types_in_fleet(kinds, 8))


def test_over_links_each_robot_has_a_process_of_its_own(kinds):
    nodes = [node.parameters for node in plan(kinds, 8, link="zenoh").nodes() if node.executable == "robots"]
    assert [own["count"] for own in nodes] == [1] * 8
    assert [own["robot.type"] for own in nodes] == ["fast"] * 5 + ["slow"] * 3
