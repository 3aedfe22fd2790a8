from dataclasses import replace

import numpy as np
import pytest

from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import load_game
from altmarl_ros.games.floor import FloorParameters, build_floor
from altmarl_ros.games.identification import count_transitions, identify
from altmarl_ros.learning.alternating import TrainingOptions
from retraining import MarkovRuns, exploring, paired_gain, retrain

OPTIONS = TrainingOptions(K=2, runs=200, n=30, rounds=3, certificate_runs=0)
ROOMS = [{"name": f"room {i}", "rectangle": [4.0 * i, 0.0, 4.0 * i + 4.0, 4.0]} for i in range(4)]


def floor(**changes):
    return build_floor(FloorParameters(**{"zones": ROOMS, "tick": 8.0, "gamma": 0.9, **changes}))


@pytest.mark.slow
def test_runs_are_of_the_true_kernel_and_of_the_bundles_policy(warehouse, small_bundle):
    truth = replace(warehouse, P_l=0.2 * warehouse.P_l + 0.8 * np.eye(5)[:, None, None])
    run = MarkovRuns(truth, n=200, k=3, ticks=60)(warehouse, exploring(small_bundle, 0.3), seed=0)
    run.check(warehouse)
    assert run.follows.sum() == 59
    counts = count_transitions(warehouse, run)
    assert np.abs(identify(truth.P_l, counts).surprise()).max() < 5
    assert np.abs(identify(warehouse.P_l, counts).surprise()).max() > 10
    visits = counts.sum(axis=-1)  # [s_l, s_g, a_l]
    taken = exploring(small_bundle, 0.3).pi_l.probabilities * visits.sum(axis=-1, keepdims=True)
    assert np.abs(visits - taken).max() < 5 * np.sqrt(visits.sum(axis=-1).max())


def test_runs_depend_on_the_seed_and_on_nothing_else(warehouse, small_bundle):
    source = MarkovRuns(warehouse, n=10, k=2, ticks=20)
    one, same, other = (source(warehouse, small_bundle, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.local_state, same.local_state)
    np.testing.assert_array_equal(one.global_action, same.global_action)
    assert (one.local_state != other.local_state).any()


def test_an_exploring_bundle_mixes_in_random_actions(small_bundle):
    mixed = exploring(small_bundle, 0.3).pi_l.probabilities
    np.testing.assert_allclose(mixed, 0.7 * small_bundle.pi_l.probabilities + 0.1, rtol=1e-12)
    with pytest.raises(AltmarlError, match=r"explore is 1\.5"):
        exploring(small_bundle, 1.5)


def lazier(game, share):
    """Return the model, and a true game in which this share of all moves does not happen."""
    return game, replace(game, P_l=(1 - share) * game.P_l + share * np.eye(game.n_local_states)[:, None, None])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("games", "gains"),
    [
        ((floor(), floor(motion_success=0.2)), False),
        ((floor(), floor(motion_success=0.3, stray=0.6)), True),  # moves mostly end elsewhere
        ((floor(), floor(displaced=0.5)), True),  # who stays is pushed away
        ((floor(), floor()), False),
    ],
    ids=["slower floor", "straying", "displaced", "the model is right"],
)
def test_on_these_floors_learning_again_earns_no_less(games, gains):
    model, truth = games
    source = MarkovRuns(truth, n=30, k=2, ticks=60)
    result = retrain(model, source, range(4), OPTIONS)
    gain = paired_gain(model, result, source, range(1000, 1040))
    assert gain.difference == pytest.approx(gain.second - gain.first)
    assert gain.difference >= -2.5 * gain.standard_error
    assert not gains or gain.difference > 2.5 * gain.standard_error > 0
    assert result.second.game_hash == result.identified.content_hash


@pytest.mark.slow
def test_a_candidate_that_loses_on_the_identified_game_does_not_take_over():
    model, truth = lazier(load_game("warehouse"), 0.6)
    source = MarkovRuns(truth, n=30, k=2, ticks=60)
    result = retrain(model, source, range(4), OPTIONS)
    assert result.gain < 0
    assert result.second.content_hash == result.first.content_hash != result.candidate.content_hash
    gain = paired_gain(model, result, source, range(1000, 1040))
    assert gain.difference >= -2.5 * gain.standard_error
    ungated = paired_gain(model, replace(result, second=result.candidate), source, range(1000, 1040))
    assert ungated.difference < -2.5 * ungated.standard_error  # it would have cost


def test_one_seed_has_no_standard_error(warehouse, small_bundle):
    with pytest.raises(AltmarlError, match="1 seeds give no standard error"):
        paired_gain(warehouse, None, None, [0])
