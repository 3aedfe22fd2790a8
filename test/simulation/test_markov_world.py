import numpy as np
import pytest
from scipy.stats import chisquare

from altmarl_ros.simulation.markov_world import MarkovWorld

STAY, STEP = 0, 1
SESSION = 4


def world_of(game, robots, seed=0):
    world = MarkovWorld(game, seed)
    return world, {robot_id: world.join(robot_id) for robot_id in robots}


def test_robots_move_by_their_actions_and_stay_without(ring):
    world, first = world_of(ring, [1, 2])
    assert world.command(SESSION, 0, 1, 0, STEP) == (first[1] + 1) % 5
    assert world.command(SESSION, 0, 2, 0, STAY) == first[2]
    assert world.join(1) == (first[1] + 1) % 5


def test_moves_follow_the_kernel(warehouse):
    world, _ = world_of(warehouse, range(2000))
    start = np.array([world.join(i) for i in range(2000)])
    moved = np.array([world.command(SESSION, 0, i, 3, 2) for i in range(2000)])
    for s_l in range(5):
        expected = (start == s_l).sum() * warehouse.P_l[s_l, 3, 2]
        assert expected.sum() == 0 or chisquare(np.bincount(moved[start == s_l], minlength=5), expected).pvalue > 1e-3


def test_robots_begin_by_the_start_distribution(ring):
    _, first = world_of(ring, range(2000))
    expected = 2000 * ring.initial.alpha / ring.initial.alpha.sum()
    assert chisquare(np.bincount(list(first.values()), minlength=5), expected).pvalue > 1e-3


@pytest.mark.parametrize("later", [0, 30])
def test_a_command_for_a_closed_tick_moves_nothing(ring, later):
    world, _ = world_of(ring, [1])
    for number in range(1 + later):
        world.hear_tick(SESSION, number)
        state = world.command(SESSION, number, 1, 0, STEP)
        world.closed_ticks()
    assert world.command(SESSION, 0, 1, 0, STEP) == state
    assert world.closed_ticks() == []


@pytest.mark.parametrize(("robot_id", "s_g", "a_l"), [(9, 0, 0), (1, 1, 0), (1, -1, 0), (1, 0, 2), (1, 0, -1)])
def test_commands_outside_the_game_are_refused(ring, robot_id, s_g, a_l):
    world, first = world_of(ring, [1])
    assert world.command(SESSION, 0, robot_id, s_g, a_l) is None
    assert world.join(1) == first[1]
    assert world.closed_ticks(final=True) == []


def trajectory(game, order, seed=0):
    world = MarkovWorld(game, seed)
    states = {robot_id: [world.join(robot_id)] for robot_id in order}
    for number in range(6):
        for robot_id in order:
            states[robot_id].append(world.command(SESSION, number, robot_id, number % 5, robot_id % 3))
    return states


def test_a_robots_path_does_not_depend_on_order_or_company(warehouse):
    everyone = trajectory(warehouse, range(12))
    assert trajectory(warehouse, range(11, -1, -1)) == everyone
    assert trajectory(warehouse, [7]) == {7: everyone[7]}
    assert trajectory(warehouse, range(12), seed=1) != everyone


def test_number_of_robots(ring):
    world, _ = world_of(ring, [1, 2])
    world.leave(1)
    world.leave(1)
    assert len(world) == 1
    assert world.command(SESSION, 0, 1, 0, STEP) is None
