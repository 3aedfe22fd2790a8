"""Prices by dual ascent, beside those of the programme on games that both can solve."""

from dataclasses import replace

import numpy as np
import pytest

from altmarl_ros.games.attention import AttentionParameters, build_attention
from altmarl_ros.games.room import Places, Room
from altmarl_ros.learning import local_responses
from altmarl_ros.learning.coordinator_response import response_to
from altmarl_ros.learning.populations.occupancy import Occupancy
from altmarl_ros.learning.room.dual_ascent import ascend
from altmarl_ros.learning.room.programme import solve

ZONES, N = 9, 90


@pytest.fixture(scope="module")
def grid():
    game = build_attention(AttentionParameters(width=3, height=3))
    return replace(game, room=Room.of_shares(Places.of_states(game.local_state_names), 0.2))


@pytest.fixture(scope="module")
def occupancy():
    """The coordinator keeps its attention where it is, or moves it anywhere."""
    stay = np.eye(ZONES)[:, None] * np.ones((1, ZONES, 1))
    return 0.8 * stay + 0.2 / ZONES


@pytest.mark.slow
def test_it_comes_near_the_programme(grid, occupancy):
    response, start = response_to(grid, occupancy), np.ones((ZONES, ZONES))
    exact = solve(grid, response, grid.room, N, start=start)
    found = ascend(grid, response, grid.room, N, start=start)
    assert found.x.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(found.slot_value(N), exact.slot_value(N), rtol=0.25, atol=0.1 * exact.slot_value(N).max())
    assert found.overflow.sum() < 0.05
    assert exact.overflow.sum() < 1e-9
    dearest = exact.price.max()
    assert abs(found.reward - exact.reward) < dearest * found.overflow.sum() + 0.03 * exact.reward


def test_with_room_for_everybody_nothing_costs(grid, occupancy):
    response, start = response_to(grid, occupancy), np.ones((ZONES, ZONES))
    wide = Room.of_shares(grid.room.places, 1.0)
    exact, found = solve(grid, response, wide, N, start=start), ascend(grid, response, wide, N, start=start, steps=60)
    assert not found.price.any()
    assert found.reward == pytest.approx(exact.reward, rel=2e-3)  # runs end where 0.1 % of their weight is left


@pytest.mark.slow
def test_large_games_are_solved_by_it(grid, occupancy, monkeypatch):
    monkeypatch.setattr(local_responses, "_MOST_VARIABLES", grid.r_l.size - 1)
    seen = Occupancy.of(occupancy)
    solution = local_responses.room_solution(grid, seen, N, 0.9)
    same = ascend(grid, response_to(grid, seen), grid.room, N, start=seen.by_state(), share=0.9)
    np.testing.assert_array_equal(solution.x, same.x)
    monkeypatch.undo()
    assert not np.array_equal(local_responses.room_solution(grid, seen, N, 0.9).x, same.x)
