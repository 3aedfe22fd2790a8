"""Training where places have limited room: what is compared, what is told, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from altmarl_ros.cli.long_run_text import long_run_lines
from altmarl_ros.errors import AltmarlError, GameError
from altmarl_ros.games.room import Places, Room
from altmarl_ros.games.warehouse import WarehouseParameters, build_warehouse
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.learning.comparison import HELD_AT_MOST, MEASURED, PairComparison
from altmarl_ros.learning.gaps.equilibrium import is_small, nash_gap
from altmarl_ros.learning.gaps.sampled_gap import two_kinds
from altmarl_ros.learning.global_learners import Pair
from altmarl_ros.learning.long_run import share_that_leaves
from altmarl_ros.learning.populations.occupancy import Occupancy
from altmarl_ros.learning.room.report import RoomReport
from altmarl_ros.policies import LocalPolicy

N = 60
OPTIONS = TrainingOptions(K=5, n=N, runs=60, rounds=3, certificate_runs=20, search_seconds=0.0)


@pytest.fixture(scope="module")
def ring():
    """Six zones with room for a quarter of the fleet each; robots stay or move as they want."""
    moves = {"stay_logit": 6.0, "move_logit": 8.0, "drift_logit": 0.0, "target_logit": 4.0, "next_reward": -0.3}
    game = build_warehouse(WarehouseParameters(zones=6, gamma=0.9, **moves))
    return replace(game, room=Room.of_shares(Places.of_states(game.local_state_names), 0.25))


@pytest.fixture(scope="module")
def bundle(ring):
    return train(ring, OPTIONS)


@pytest.fixture(scope="module")
def without_room(ring):
    return train(replace(ring, room=None), replace(OPTIONS, certificate_runs=0))


@pytest.mark.slow
def test_the_pair_keeps_to_the_room_and_one_learned_without_does_not(ring, bundle, without_room):
    comparison = PairComparison(ring, OPTIONS)
    kept, crowded = (comparison.play(Pair(each.pi_g, each.pi_l), MEASURED) for each in (bundle, without_room))
    assert kept.held.mean() < HELD_AT_MOST < crowded.held.mean()
    assert comparison.scores(kept).mean() > comparison.scores(crowded).mean()


@pytest.mark.slow
def test_who_is_held_back_costs_beyond_the_tolerated_share(ring, bundle, without_room):
    comparison = PairComparison(ring, OPTIONS)
    kept, crowded = (comparison.play(Pair(each.pi_g, each.pi_l)) for each in (bundle, without_room))
    np.testing.assert_array_equal(comparison.scores(kept), kept.returns)
    weight = (1 - ring.gamma**44) / (1 - ring.gamma)  # 44 ticks leave 1 % of the weight
    cost = np.ptp(ring.r_l) * (crowded.held - HELD_AT_MOST) * weight
    np.testing.assert_allclose(comparison.scores(crowded), crowded.returns - cost)


@pytest.mark.slow
def test_the_report_tells_prices_and_who_is_held_back(ring, bundle):
    room, long_run = bundle.report["room"], bundle.report["long_run"]
    assert room["limits"] == (15,) * 6
    assert room["held"] == long_run["held"] < 0.1
    assert room["reward"] == long_run["reward"] < room["programme"] + 3 * long_run["reward_error"]
    assert max(room["slot_value"]) > 0.0
    lines = long_run_lines(bundle.report)
    assert f"held back at full places in {100 * room['held']:.1f} % of robot-ticks" in lines[0]
    dearest = room["places"][int(np.argmax(room["slot_value"]))]
    assert f"one more slot is worth {max(room['slot_value']):.2g} a tick at {dearest}" in lines[1]


@pytest.mark.slow
def test_the_verdict_claims_no_bound_of_the_model_without_room(bundle):
    verdict = bundle.report["verdict"]
    assert "of the best possible" not in verdict["sentence"]
    assert all(bound["holds_for"].endswith("in the model without room") for bound in verdict["bounds"])
    assert bundle.report["nash_gap"]["local_gain_all"]["low"] < 0.02 * verdict["earned"]


def test_overflow_is_named():
    report = RoomReport(("a", "b"), (3, 9), (0.5, 0.0), (0.12, 0.0), 2.0, 1.5, 0.25)
    assert report.sentences()[-1].endswith("whatever they do, at a (12.0 % of the fleet too many)")
    near = replace(report, exact=False).sentences()[-1]
    assert "not exact" in near
    assert "whatever they do" not in near


def test_a_fleet_that_does_not_fit_is_refused(ring):
    tight = replace(ring, room=Room.of_shares(ring.room.places, 0.16))
    with pytest.raises(GameError, match=r"60 robots do not fit: all places together have room for 54; .*\(--robots\)"):
        train(tight, OPTIONS)


@pytest.mark.slow
def test_teams_that_hold_one_another_back_are_not_enumerated(ring, bundle):
    assert not is_small(ring, 1)
    with pytest.raises(AltmarlError, match="method exact knows no room"):
        nash_gap(ring, bundle.pi_g, bundle.pi_l, k=1, n=2, model="fresh", method="exact")


def test_deviating_robots_take_room_from_the_others(ring):
    both = two_kinds(ring)
    assert both.room.limits(N).tolist() == [15] * 6
    assert both.room.places.of.tolist() == [*range(6), *range(6)]


def test_a_crowd_that_stands_still_is_told(ring):
    """Robots that cannot move, and a coordinator that nobody needs."""
    still = replace(ring, room=None, local_kernel=None, P_l=np.tile(np.eye(6)[:, None, None], (1, 6, 3, 1)))
    bundle = train(still, replace(OPTIONS, certificate_runs=0))
    assert bundle.report["long_run"]["moved"] == 0.0
    (line,) = long_run_lines(bundle.report)
    assert line.startswith("this fleet comes to a standstill: robots enter another place in 0.0 % of robot-ticks")


def test_a_fleet_that_moves_is_not_told_to_stand_still(warehouse):
    bundle = train(warehouse, replace(OPTIONS, rounds=1, certificate_runs=0))
    assert bundle.report["long_run"]["moved"] > 0.1
    assert bundle.report["room"] is None
    assert long_run_lines(bundle.report) == []


def test_robots_move_as_often_as_places_are_left(ring):
    """From the uniform distribution over zones, by a policy that stays nowhere, robots leave by 1 - P(stay)."""
    visits = Occupancy.of(np.ones((6, 6, 6)))
    steps = LocalPolicy(np.tile([0.0, 1.0, 0.0], (6, 6, 1)))
    stays = np.einsum("lgl->", ring.P_l[:, :, 1]) / 36
    assert share_that_leaves(ring, steps, visits) == pytest.approx(1.0 - stays)
    halves = replace(ring, room=None, places=Places(np.array([0, 0, 0, 1, 1, 1]), ("west", "east")))
    across = sum(ring.P_l[j, g, 1, m] for g in range(6) for j in range(6) for m in range(6) if (j < 3) != (m < 3)) / 36
    assert share_that_leaves(halves, steps, visits) == pytest.approx(across)
