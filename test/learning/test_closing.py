"""The last stage of a training: responses and starts that its rounds do not try."""

from dataclasses import replace

import numpy as np
import pytest

from altmarl_ros.games.random_game import RandomGameParameters, build_random_game
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.learning.closing import Closing
from altmarl_ros.learning.comparison import MEASURED, PairComparison
from altmarl_ros.learning.gaps.equilibrium import nash_gap
from altmarl_ros.learning.global_learners import Pair, make_learner
from altmarl_ros.learning.training_options import default_search
from altmarl_ros.learning.training_state import TrainingState
from altmarl_ros.policies import Ladder, LocalPolicy

SMALL = TrainingOptions(K=2, n=6, runs=40, learn_for="fresh", certificate_runs=0)
FEW = TrainingOptions(K=3, n=60, runs=40, horizon=40, learn_for="fresh", certificate_runs=0)


@pytest.fixture(scope="module")
def left_behind():
    """A game in which a coordinator could gain a quarter of the value after alternating best responses."""
    return build_random_game(RandomGameParameters(seed=4, global_states=3, local_states=3))


@pytest.mark.slow
def test_a_small_team_is_left_with_nothing_to_gain(left_behind):
    before = train(left_behind, replace(SMALL, search_seconds=0.0))
    after = train(left_behind, replace(SMALL, search_seconds=120.0))
    assert before.report["search"] is None
    assert after.report["search"]["closed"]
    gaps = [nash_gap(left_behind, made.pi_g, made.pi_l, k=2, n=6, method="exact") for made in (before, after)]
    assert gaps[0].global_gain.low > 0.02 * abs(gaps[0].value)
    assert gaps[1].value > gaps[0].value
    for gain in (gaps[1].global_gain, gaps[1].local_gain_all, gaps[1].local_gain_one):
        assert gain.low < 0.01 * gaps[1].value


@pytest.mark.slow
@pytest.mark.parametrize("learn_for", ["fresh", "filtered"])
def test_a_large_team_is_searched_by_episodes(warehouse, learn_for):
    options = replace(FEW, learn_for=learn_for)
    comparison = PairComparison(warehouse, options)
    closing = Closing(warehouse, options, make_learner(warehouse, options), comparison)
    ((pi_g, pi_l),) = closing.learner.responses(TrainingState(LocalPolicy.uniform(warehouse)), None)
    found = closing.run(Pair(pi_g, pi_l), 1.0)
    assert found.tried >= 1
    gain = comparison.play(found.pair, MEASURED).returns - comparison.play(Pair(pi_g, pi_l), MEASURED).returns
    assert gain.mean() > 4 * gain.std(ddof=1) / np.sqrt(len(gain))  # uniform robots are easily improved
    assert isinstance(found.pair.pi_g, Ladder) == (learn_for == "fresh")


def test_what_is_reported_was_not_chosen_by(warehouse):
    """The value of a training was that of the episodes by which its steps were chosen."""
    options = replace(FEW, search_seconds=0.0)
    made = train(warehouse, options)
    comparison, pair = PairComparison(warehouse, options), Pair(made.pi_g, made.pi_l)
    assert made.report["value"] == pytest.approx(comparison.play(pair, MEASURED).value, rel=1e-12)
    assert made.report["value"] != comparison.play(pair).value


def test_blocks_of_episodes_differ_and_repeat(warehouse, small_bundle):
    pair = Pair(small_bundle.pi_g, small_bundle.pi_l)
    options = replace(FEW, learn_for="filtered")
    first, again = PairComparison(warehouse, options), PairComparison(warehouse, options)
    returns = [first.play(pair, block).returns for block in (0, 1, 2)]
    assert len({values.tobytes() for values in returns}) == 3
    np.testing.assert_array_equal(again.play(pair, 2).returns, returns[2])
    assert first.play_all_seen(pair).value > first.play(pair).value - 3 * first.play(pair).standard_error


def test_where_a_pair_was_is_known_from_all_blocks_that_it_played(warehouse, small_bundle):
    pair, comparison = Pair(small_bundle.pi_g, small_bundle.pi_l), PairComparison(warehouse, replace(FEW, learn_for="filtered"))
    first = comparison.play(pair).visits.dense
    np.testing.assert_array_equal(comparison.visits(pair).dense, first)
    others = [comparison.play(pair, block).visits.dense for block in (1, 2)]
    np.testing.assert_allclose(comparison.visits(pair).dense, first + others[0] + others[1], rtol=1e-12)


def test_how_long_is_searched_by_default(warehouse):
    assert default_search(warehouse, TrainingOptions(certificate_runs=0)) == 0.0
    assert default_search(warehouse, TrainingOptions(learn_for="fresh")) > default_search(warehouse, TrainingOptions()) > 0.0
