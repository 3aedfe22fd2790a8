"""Room in the Markov world and in a crowd: moves of a tick are settled together, in whatever order commands come."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from altmarl_ros.games import Start
from altmarl_ros.games.room import Places, Room
from altmarl_ros.learning.populations.population import CountedPopulation, Fleets
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.protocol.agent import RobotAgent
from altmarl_ros.protocol.held_policies import HeldPolicy
from altmarl_ros.protocol.messages import Tick
from altmarl_ros.simulation.markov_world import MarkovWorld
from altmarl_ros.simulation.vectorised_fleet import Crowd

SESSION, POLICY, TAG = 4, 9, 0xBEEF
STAY, STEP = 0, 1


def with_room(game, amount, is_share=False):
    places = Places.of_states(game.local_state_names)
    return replace(game, room=Room(places, np.full(len(places), amount), np.full(len(places), is_share)))


@pytest.fixture
def game(warehouse):
    return with_room(warehouse, 0.3, is_share=True)


def played(game, order, ticks=8, seed=0):
    """Play ticks in which robots act in this order; returns the states after each tick by robot."""
    world = MarkovWorld(game, seed)
    states = [{i: world.join(i) for i in sorted(order)}]
    for number in range(ticks):
        world.hear_tick(SESSION, number)
        for i in order:
            assert world.command(SESSION, number, i, number % 5, i % 3) is None
        (settled,) = world.settled_moves()
        assert (settled.session, settled.tick) == (SESSION, number)
        states.append(dict(sorted(settled.states.items())))
    return states, world


def test_who_is_held_back_does_not_depend_on_the_order_of_commands(game):
    assert played(game, range(20))[0] == played(game, range(19, -1, -1))[0]
    assert played(game, range(20), seed=1)[0] != played(game, range(20))[0]


def test_no_place_is_over_its_room_but_by_those_who_began_there(game):
    states, world = played(game, range(40), ticks=30)
    counts = np.array([np.bincount(list(each.values()), minlength=5) for each in states])
    assert (counts.sum(axis=1) == 40).all()
    assert (counts[1:] <= np.maximum(12, counts[:-1])).all()
    assert counts[0].max() > 12
    assert world.held_back.robot_ticks == 40 * 30
    assert 0 < world.held_back.held < 40 * 30
    assert str(world.held_back).endswith("% of 1,200 robot-ticks")


def test_moves_wait_for_every_robot_or_for_the_next_tick(ring):
    world = MarkovWorld(with_room(ring, 1), 0)
    first = {i: world.join(i) for i in (1, 2)}
    world.hear_tick(SESSION, 0)
    assert world.command(SESSION, 0, 1, 0, STEP) is None
    assert world.is_moving(1)
    assert world.settled_moves() == []
    world.hear_tick(SESSION, 1)
    (settled,) = world.settled_moves()
    free = (first[1] + 1) % 5 != first[2]
    assert settled.states == {1: (first[1] + 1) % 5 if free else first[1]}
    assert not world.is_moving(1)
    assert world.command(SESSION, 0, 2, 0, STAY) is None  # late: settled by itself
    (late,) = world.settled_moves()
    assert late.states == {2: first[2]}


def test_a_robot_that_leaves_is_waited_for_no_longer(ring):
    world = MarkovWorld(with_room(ring, 2), 0)
    world.join(1), world.join(2)
    world.command(SESSION, 0, 1, 0, STAY)
    world.leave(2)
    assert len(world.settled_moves()) == 1


def test_a_full_ring_turns(ring):
    """Robots that all step on make room for one another."""
    world = MarkovWorld(with_room(ring, 1), 0)
    first = {}
    for i in range(200):  # robots until each zone has one
        state = world.join(i)
        if state in first.values():
            world.leave(i)
        else:
            first[i] = state
    assert sorted(first.values()) == list(range(5))
    for i in first:
        world.command(SESSION, 0, i, 0, STEP)
    (settled,) = world.settled_moves()
    assert settled.states == {i: (state + 1) % 5 for i, state in first.items()}


def test_a_robot_of_a_crowd_takes_the_path_of_a_robot_node(game, small_bundle):
    crowd, world = Crowd(game, 100, 50, seed=3), MarkovWorld(game, seed=3)
    crowd.policies.hold(HeldPolicy(POLICY, small_bundle.pi_l, TAG))
    agents = {i: RobotAgent(i, np.random.default_rng([3, 2, i])) for i in crowd.ids}
    for agent in agents.values():
        agent.policies.hold(HeldPolicy(POLICY, small_bundle.pi_l, TAG))
    states = {i: world.join(i) for i in crowd.ids}
    for number in range(40):
        now = Tick(SESSION, number, POLICY, number * 3 % 5, None, ())
        crowd.hear(now, 0.0)
        assert crowd.act().local_states.tolist() == [states[i] for i in crowd.ids]
        for i, agent in agents.items():
            agent.hear(now, 0.0)
            world.command(SESSION, number, i, now.global_state, agent.answer(states[i]).local_action)
        (settled,) = world.settled_moves()
        states = settled.states
    assert crowd.held_back == world.held_back
    assert crowd.held_back.held > 0


@pytest.mark.slow
def test_the_world_moves_as_the_population_does(warehouse):
    """The numbers of robots in each zone after a tick have the same distribution."""
    game = replace(with_room(warehouse, 2), start=Start(np.eye(5)[0], np.array([1.0, 1.0, 1.0, 1e-9, 1e-9])))
    pi_l = LocalPolicy.uniform(game)
    seen, starts = Counter(), []
    for seed in range(1500):
        crowd = Crowd(game, 0, 4, seed)
        crowd.policies.hold(HeldPolicy(POLICY, pi_l, TAG))
        starts.append(np.bincount(crowd.local_states, minlength=5))
        crowd.hear(Tick(SESSION, 0, POLICY, 0, None, ()), 0.0)
        crowd.act()
        seen[tuple(np.bincount(crowd.local_states, minlength=5).tolist())] += 1
    copies = 20
    many = Fleets(np.zeros(copies * len(starts), dtype=np.int64), np.repeat(starts, copies, axis=0))
    population = CountedPopulation(game, pi_l, many)
    population.step(population.s_g, np.random.default_rng(0))
    expected = Counter(map(tuple, population.counts.tolist()))
    distance = sum((seen[key] - expected[key] / copies) ** 2 / max(expected[key] / copies, 1.0) for key in seen | expected)
    freedom = sum(expected[key] / copies > 1.0 for key in expected)
    assert distance < freedom + 5 * np.sqrt(2 * freedom)
