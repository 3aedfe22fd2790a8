"""The programme of robots that share limited room, against programmes solved by hand, dynamic programming and differences."""

from dataclasses import replace

import numpy as np
import pytest

from altmarl_ros.games import Start, TabularGame
from altmarl_ros.games.room import Places, Room
from altmarl_ros.learning.coordinator_response import response_to
from altmarl_ros.learning.local_agent import best_local_response
from altmarl_ros.learning.local_responses import local_responses, shares_of_time
from altmarl_ros.learning.populations.occupancy import Occupancy
from altmarl_ros.learning.room.programme import solve
from altmarl_ros.policies import LocalPolicy

S_G, A_G, S_L, A_L, N = 3, 2, 4, 3, 20


def two_places(success=1.0, gamma=0.9, reward=1.0):
    """A yard that earns nothing and a dock that earns `reward` a tick; robots stay or change over."""
    go = np.array([[1 - success, success], [success, 1 - success]])
    return TabularGame(
        "dock",
        np.ones((1, 1, 1)),
        np.stack([np.eye(2), go], axis=1)[:, None],
        np.zeros((1, 1)),
        np.array([0.0, reward])[:, None, None] * np.ones((1, 1, 2)),
        gamma=gamma,
        start=Start(np.ones(1), np.ones(2)),
        local_state_names=("yard", "dock"),
    )


def dock_for(share):
    return Room.of_shares(Places.of_states(("yard", "dock")), [1.0, share])


def nobody_decides(game):
    return response_to(game, np.ones((game.n_global_states, game.n_local_states, game.n_global_actions)))


def test_the_dock_is_filled_and_a_slot_is_worth_what_a_robot_earns_there():
    game = two_places(reward=3.0)
    solution = solve(game, nobody_decides(game), dock_for(0.3), 10)
    assert solution.reward == pytest.approx(0.9)
    np.testing.assert_allclose(solution.x.sum(axis=(0, 2)), [0.7, 0.3], atol=1e-9)
    np.testing.assert_allclose(solution.price, [[0.0, 3.0]], atol=1e-9)
    np.testing.assert_allclose(solution.slot_value(10), [0.0, 0.3], atol=1e-9)
    assert solution.overflow.max() == 0.0


def test_a_discounted_run_from_the_yard_by_hand():
    """All begin in the yard, go, and then stay: their share in the yard decays by 1 - p a tick.

    So its discounted weight is (1 - gamma) / (1 - gamma (1 - p)).
    """
    p, gamma = 0.4, 0.8
    game, start = two_places(p, gamma), np.array([[1.0, 0.0]])
    dock = 1.0 - (1.0 - gamma) / (1.0 - gamma * (1.0 - p))
    free = solve(game, nobody_decides(game), dock_for(1.0), 10, start=start)
    assert free.reward == pytest.approx(dock)
    assert not free.price.any()
    tight = solve(game, nobody_decides(game), dock_for(0.4), 10, start=start)
    assert dock > 0.4
    assert tight.reward == pytest.approx(0.4)
    # One more robot at the dock for good: it earns 1 a tick, whatever the others do.
    np.testing.assert_allclose(tight.slot_value(10), [0.0, 0.1], atol=1e-9)


def test_actions_are_mixed_where_they_must_be():
    game = two_places(0.5)
    pi_l = LocalPolicy(solve(game, nobody_decides(game), dock_for(0.3), 10).probabilities)
    P = pi_l.transition(game)[0]
    leave, enter = P[1, 0], P[0, 1]
    assert enter / (enter + leave) == pytest.approx(0.3, abs=1e-9)


def test_motion_that_cannot_keep_to_the_room_is_named():
    """Every robot is in the dock in half of the ticks, whatever it does."""
    game = two_places()
    always = np.full((2, 1, 2, 2), 0.5)
    game = TabularGame(
        "forced", np.ones((1, 1, 1)), always, np.zeros((1, 1)), game.r_l, gamma=0.9, local_state_names=("yard", "dock")
    )
    solution = solve(game, nobody_decides(game), dock_for(0.2), 10)
    np.testing.assert_allclose(solution.overflow, [[0.0, 0.3]], atol=1e-9)
    assert solution.reward == pytest.approx(0.5)


@pytest.fixture
def game(random_game):
    return random_game(3, S_G, A_G, S_L, A_L, gamma=0.8, inertia=0.3)


@pytest.fixture
def occupancy():
    return Occupancy.of(100 * np.random.default_rng(5).dirichlet(np.ones(A_G), (S_G, S_L)))


PLACES = Places(np.array([0, 0, 1, 2]), ("a", "b", "c"))


def test_with_room_for_everybody_it_is_the_best_response(game, occupancy):
    response, start = response_to(game, occupancy), np.random.default_rng(1).dirichlet(np.ones(S_L), S_G)
    V = best_local_response(game, response).max(axis=2).T  # [s_g, s_l]
    solution = solve(game, response, Room.of_shares(PLACES, 1.0), N, start=start)
    assert solution.reward / (1 - game.gamma) == pytest.approx(float((start / start.sum() * V).sum()), rel=1e-6)
    np.testing.assert_allclose(solution.Q.max(axis=2).T, V, atol=1e-6)


@pytest.mark.parametrize("start", [None, np.full((S_G, S_L), 1 / 12) * [0.8, 0.8, 1.1, 1.3]])
def test_shares_of_time_flow_and_keep_to_the_room(game, occupancy, start):
    room = Room.of_shares(PLACES, [0.45, 0.3, 0.35])
    response = response_to(game, occupancy)
    x = solve(game, response, room, N, start=start).x
    q = occupancy.dense / occupancy.dense.sum(axis=2, keepdims=True)
    onward = np.einsum("gla,gah->glh", q, game.P_g)
    arriving = np.einsum("gla,glh,lgam->hm", x, onward, game.P_l)
    gamma = 1.0 if start is None else game.gamma
    source = 0.0 if start is None else (1 - gamma) * start
    np.testing.assert_allclose(x.sum(axis=2), source + gamma * arriving, atol=1e-7)
    assert x.sum() == pytest.approx(1.0)
    by_place = np.stack([x[:, PLACES.of == p].sum(axis=(1, 2)) for p in range(3)], axis=1)
    limits = room.limits(N) / N
    assert (by_place <= limits * x.sum(axis=(1, 2))[:, None] + 1e-7).all()
    assert (by_place > limits * x.sum(axis=(1, 2))[:, None] - 1e-6).any()


def test_a_price_is_what_a_slot_more_gains(game, occupancy):
    response, shares = response_to(game, occupancy), np.array([0.45, 0.3, 0.35])
    solution = solve(game, response, Room.of_shares(PLACES, shares), 10**6)
    assert solution.slot_value(1).max() > 0.0
    for p in range(3):
        more = solve(game, response, Room.of_shares(PLACES, shares + 1e-4 * np.eye(3)[p]), 10**6)
        assert (more.reward - solution.reward) / 1e-4 == pytest.approx(solution.slot_value(1)[p], abs=1e-3)


def test_responses_keep_to_parts_of_the_room_or_meet_the_present_pair_half_way(game, occupancy):
    tight = replace(game, room=Room.of_shares(PLACES, [0.45, 0.3, 0.35]))
    pi_l = LocalPolicy.uniform(game)
    responses = local_responses(tight, pi_l, occupancy, n=N)
    assert len({each.probabilities.tobytes() for each in responses}) == len(responses) == 6
    x = shares_of_time(game, pi_l, occupancy)
    assert x.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(x / x.sum(axis=2, keepdims=True), 1 / A_L)
