"""Prices of room beside a hidden state: those of the programme where it is of no matter, and room that is kept where it is."""

from dataclasses import replace

import numpy as np
import pytest

from altmarl_ros.games import HiddenState, TabularGame
from altmarl_ros.games.attention import AttentionParameters, build_attention
from altmarl_ros.games.room import Places, Room
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.learning.coordinator_response import response_to
from altmarl_ros.learning.local_responses import local_responses
from altmarl_ros.learning.populations.occupancy import Occupancy
from altmarl_ros.learning.room.memoryless_ascent import ascend_without_memory
from altmarl_ros.learning.room.programme import solve
from altmarl_ros.policies import LocalPolicy

ZONES, N = 4, 40


@pytest.fixture(scope="module")
def plain():
    game = build_attention(AttentionParameters(width=2, height=2))
    return replace(game, room=Room.of_shares(Places.of_states(game.local_state_names), 0.4))


def test_a_hidden_state_that_is_of_no_matter_leaves_the_programme(plain):
    twice = HiddenState(np.full((2, 2), 0.5), np.stack([plain.P_l] * 2), np.stack([plain.r_l] * 2))
    game = replace(plain, hidden=twice)
    stay = 0.8 * np.eye(ZONES)[:, None] * np.ones((1, ZONES, 1)) + 0.2 / ZONES
    exact = solve(plain, response_to(plain, stay), plain.room, N, start=np.ones((ZONES, ZONES)))
    found = ascend_without_memory(game, Occupancy.of(np.tile(stay, (1, 2, 1))), game.room, N)
    assert exact.overflow.sum() < 1e-9
    assert exact.slot_value(N).max() > 0.0, "room is scarce"
    assert found.x.sum() == pytest.approx(1.0)
    assert found.overflow.sum() < 0.06
    assert found.reward == pytest.approx(exact.reward, rel=0.06)
    np.testing.assert_allclose(found.slot_value(N), exact.slot_value(N), atol=0.4 * exact.slot_value(N).max())


@pytest.fixture(scope="module")
def corners():
    """Robots earn in one of three places, where they have room in the mean only; which one it is they do not see."""
    P_l = np.zeros((3, 3, 1, 3, 3))  # d, s_l, s_g, a_l, s_l': go to a place, and get there four times in five
    P_l[:, :, 0] = (0.8 * np.eye(3) + 0.2 / 3)[None, None]
    r_l = np.broadcast_to(np.eye(3)[:, :, None, None], (3, 3, 1, 3))
    hidden = HiddenState(0.95 * np.eye(3) + 0.05 / 3, P_l, r_l, rho_d=[0.6, 0.3, 0.1])
    room = Room.of_shares(Places.of_states(("a", "b", "c")), 0.5)
    return TabularGame(
        "corners",
        np.ones((1, 1, 1)),
        r_g=np.zeros((1, 1)),
        gamma=0.9,
        hidden=hidden,
        local_state_names=("a", "b", "c"),
        room=room,
    )


def test_robots_keep_to_the_room_whatever_the_hidden_state_is(corners):
    occupancy = Occupancy.of(np.ones((1, 9, 1)))
    free, *limited = local_responses(corners, LocalPolicy.uniform(corners), occupancy, n=20)
    solution = ascend_without_memory(corners, occupancy, corners.room, 20)

    def most_crowded(policy):
        chain = np.einsum(
            "la,lab->lb", policy[:, 0], corners.hidden.local_kernel.rows.dense().reshape(-1, 3, 3)[:3].swapaxes(0, 1)
        )
        return np.linalg.matrix_power(chain, 200)[0].max()

    assert most_crowded(free.probabilities) > 0.8
    assert most_crowded(solution.probabilities) < 0.6
    assert len(limited) >= 3
    assert solution.slot_value(20).max() > 0.0


@pytest.mark.slow
def test_training_says_what_room_is_worth(corners):
    options = TrainingOptions(K=1, n=20, runs=16, rounds=1, certificate_runs=0)
    report = train(corners, options).report
    room = report["room"]
    assert room["held"] < 0.1
    assert list(room["limits"]) == [10, 10, 10]
    assert 0.0 < room["reward"] <= 1.05 * room["programme"]
