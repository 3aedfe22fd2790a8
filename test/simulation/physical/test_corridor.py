"""Robots that meet in a corridor too narrow to pass, in physics: without a word, by their lasers alone."""

import math

import pytest

pytest.importorskip("mujoco")

from corridor import Corridor, corridor_walls, make

from altmarl_ros.driving.governor_types import Reason
from altmarl_ros.driving.local_planner import NO_WAY_AFTER, Goal

KINDS = pytest.mark.parametrize("kind", ["unicycle", "omni"])


@pytest.mark.slow
@KINDS
@pytest.mark.parametrize("seed", [0, 1])
def test_two_that_meet_resolve_it_without_a_contact(kind, seed):
    corridor = make(kind, 4.0, 2, seed)
    assert corridor.drive(120.0) < 120.0
    assert len(corridor.world.contacts) == 0


@pytest.mark.slow
def test_one_against_two_resolve_it_without_a_contact():
    corridor = make("unicycle", 4.0, 3, 1)
    assert corridor.drive(240.0) < 240.0
    assert len(corridor.world.contacts) == 0


@pytest.mark.slow
def test_what_never_moves_is_told_and_not_touched():
    starts = [(-1.0, 0.3, 0.0), (2.5, 0.0, math.pi)]
    goals = [Goal(5.5, 0.0, via=((0.0, 0.0), (4.0, 0.0))), Goal(2.5, 0.0)]
    corridor = Corridor("unicycle", corridor_walls(4.0), starts, goals, ids=[3, 4], seed=1)
    assert corridor.drive(NO_WAY_AFTER) == math.inf
    assert corridor.drive(30.0) == math.inf
    assert corridor.commands[0].reasons[-1] is Reason.NO_WAY
    assert len(corridor.world.contacts) == 0
