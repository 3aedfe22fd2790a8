"""Verdicts: what they say, and the reward measured with little noise behind them."""

import numpy as np
import pytest

from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.learning.gaps.certificate import Interval, NashGap
from altmarl_ros.learning.gaps.equilibrium import fresh_rung
from altmarl_ros.learning.gaps.exact_team import TeamGame
from altmarl_ros.learning.global_learners import Pair
from altmarl_ros.learning.populations.population import start_fleets
from altmarl_ros.learning.shares.estimates import SimulatedEstimates
from altmarl_ros.learning.shares.lower_bounds import all_seen
from altmarl_ros.learning.shares.measured_value import measured_gains
from altmarl_ros.learning.shares.solver import SharesOptions, learn_shares
from altmarl_ros.learning.verdict import judge
from altmarl_ros.observation import Fresh
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.shares import SharesProcess

OPTIONS = TrainingOptions(K=2, n=6, runs=20, rounds=1)


def gap_with(**changed):
    nothing = dict.fromkeys(("global_gain", "global_all_seen", "local_gain_one", "local_gain_all"), Interval.nothing())
    return NashGap(k=2, n=6, value=10.0, value_error=0.1, claimed=1.0, **{**nothing, **changed})


@pytest.fixture(scope="module")
def small(random_game):
    """A game that can be enumerated, and a pair for it."""
    game = random_game(5, S_g=3, A_g=3, S_l=3, inertia=0.8)
    pi_l = LocalPolicy.uniform(game)
    process = SharesProcess.under_policy(game, pi_l)
    policy = learn_shares(process, game.initial, SimulatedEstimates(game.initial), SharesOptions(points=150)).policy
    return game, Pair(policy, pi_l)


@pytest.mark.slow
@pytest.mark.parametrize(
    "k",
    [
        0,
        1,
        3,
        6,
    ],
)
def test_the_measured_value_is_the_exact_one(small, k):
    game, (pi_g, pi_l) = small
    team = TeamGame(game, 6)
    exact = team.value(team.response(fresh_rung(game, pi_g, k, 6)), pi_l)
    start = start_fleets(game, 6, 4000, np.random.default_rng(0))
    model = Fresh(pi_g, game.initial)
    gains = measured_gains(game, pi_g, pi_l, model, k=k, start=start, horizon=90, rng=np.random.default_rng(1))
    known = all_seen(pi_g, game.initial, 6, draws=400_000, rng=np.random.default_rng(2))
    error = np.hypot(known.standard_error, gains.std() / np.sqrt(len(gains)))
    # A convex V makes E V(N') more than the one plan that is reckoned with: never overstated, and little less.
    assert -0.02 * abs(exact) - 4 * error < known.value + gains.mean() - exact < 4 * error
    assert gains.std() < 0.5 * np.abs(exact)


def test_bounds_enclose_the_best_coordinator_of_an_enumerated_team(small):
    game, pair = small
    verdict = judge(game, pair, OPTIONS, gap_with())
    team = TeamGame(game, 6)
    best = float((team.start * team.best_values(pair.pi_l)).sum())
    for bound in verdict.bounds:
        if "mean field" in bound.holds_for:
            continue
        sign = 1 if "at most" in bound.holds_for else -1
        assert sign * (bound.value - best) > -4 * bound.standard_error - 1e-6, bound
    assert [bound.holds_for.split(",")[0] for bound in verdict.bounds[:3]] == ["at least"] * 3
    assert verdict.sentence.startswith("no better policy found for either side; coordinator within ")
    assert verdict.lookahead.startswith("one step of lookahead loses at most")


def test_a_better_policy_is_told_by_side(small):
    game, pair = small
    better = Interval.estimated(np.random.default_rng(0).normal(2.0, 0.1, 50))
    for changed, words in (
        ({"global_gain": better}, "a better policy is known: another policy of the coordinator gains 2"),
        ({"local_gain_one": better}, "a better policy is known: another policy of the robots gains 2"),
    ):
        assert judge(game, pair, OPTIONS, gap_with(**changed)).sentence.startswith(words)
    doubtful = Interval.estimated(np.random.default_rng(0).normal(0.0, 1.0, 50))
    assert judge(game, pair, OPTIONS, gap_with(local_gain_all=doubtful)).sentence.startswith("no better policy found")


@pytest.mark.slow
@pytest.mark.parametrize("learn_for", ["fresh", "filtered"])
def test_a_training_reports_its_verdict(warehouse, learn_for):
    options = TrainingOptions(
        K=2, runs=30, n=50, rounds=1, horizon=40, certificate_runs=20, learn_for=learn_for, search_seconds=0.0
    )
    verdict = train(warehouse, options).report["verdict"]
    assert "of the best possible against these robots" in verdict["sentence"]
    assert verdict["earned"] < verdict["bounds"][-1 if learn_for == "fresh" else -2]["value"]
    assert (verdict["lookahead"] == "") == (learn_for == "fresh")
