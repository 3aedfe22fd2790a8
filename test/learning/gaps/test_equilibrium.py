import json
from dataclasses import replace
from itertools import product
from math import inf, log, sqrt

import numpy as np
import pytest
from scipy.stats import binom

from altmarl_ros.errors import AltmarlError, ResourceError
from altmarl_ros.games.random_game import RandomGameParameters, build_random_game
from altmarl_ros.learning.alternating import TrainingOptions, learn_ladder, train
from altmarl_ros.learning.gaps.certificate import Interval, claimed_bound
from altmarl_ros.learning.gaps.deviations import OneRobot
from altmarl_ros.learning.gaps.equilibrium import fresh_rung, nash_gap
from altmarl_ros.learning.gaps.exact_team import TeamGame
from altmarl_ros.learning.gaps.gap_rate import learn_pair
from altmarl_ros.learning.gaps.sampled_gap import _Episodes, two_kinds
from altmarl_ros.learning.populations.population import simulate, start_fleets
from altmarl_ros.learning.shares.estimates import SimulatedEstimates
from altmarl_ros.learning.shares.initial import repeated
from altmarl_ros.learning.shares.solver import SharesOptions, learn_shares
from altmarl_ros.observation import Fresh
from altmarl_ros.observation.start_posterior import posterior_mean
from altmarl_ros.policies import Ladder, LocalPolicy
from altmarl_ros.policies.counts import enumerate_counts
from altmarl_ros.policies.shares import SharesPolicy, SharesProcess

GAINS = ("global_gain", "global_all_seen", "local_gain_one", "local_gain_all")


@pytest.fixture(scope="module")
def tracking():
    """A small game in which the coordinator must know where the robots are, and its ladder."""
    game = build_random_game(RandomGameParameters(seed=4, global_states=2, local_states=2, start_concentration=0.5))
    pi_l = LocalPolicy.uniform(game)
    return game, learn_ladder(game, pi_l, TrainingOptions(K=4)), pi_l


def exact_gain(game, n, k, before, after):
    team = TeamGame(game, n)
    values = [team.value(team.response(ladder.rungs[k]), pi_l) for ladder, pi_l in (before, after)]
    return values[1] - values[0]


@pytest.mark.slow
def test_intervals_cover_the_exact_gain(tracking):
    game, ladder, pi_l = tracking
    other = LocalPolicy(np.eye(2)[np.ones((2, 2), dtype=int)])
    exact = exact_gain(game, 4, 2, (ladder, pi_l), (ladder, other))
    covered, seeds = 0, 80
    for seed in range(seeds):
        episodes = _Episodes(game, pi_l, n=4, k=2, runs=40, seed=[seed, 0], model="fresh")
        interval = Interval.estimated(episodes.play(ladder, other).returns - episodes.play(ladder, pi_l).returns)
        covered += interval.low - 0.01 * abs(exact) <= exact <= interval.high + 0.01 * abs(exact)  # the cut tail
    assert covered >= binom.ppf(0.001, seeds, 0.95)


@pytest.mark.slow
def test_a_sampled_gain_is_that_of_a_policy_of_the_class(tracking):
    game, ladder, pi_l = tracking
    exact = nash_gap(game, ladder, pi_l, k=1, n=4, method="exact")
    misses = dict.fromkeys(GAINS, 0)
    for seed in range(8):
        sampled = nash_gap(game, ladder, pi_l, k=1, n=4, runs=40, seed=seed, method="sampled")
        for name in GAINS:
            most = getattr(exact, name).high
            misses[name] += getattr(sampled, name).low > most + 0.02 * (1 + abs(most))
    # One-sided 97.5 %: more than 2 of 8 beyond a bound that holds for certain has probability below 1e-3.
    assert max(misses.values()) <= 2, misses


def test_a_share_of_deviators_measures_one_robot(random_game):
    game = random_game(1, S_g=2, A_g=2, S_l=2, A_l=2, inertia=0.1)
    n, pi_l = 5, LocalPolicy.uniform(game)
    ladder = learn_ladder(game, pi_l, TrainingOptions(K=2))
    team = TeamGame(game, n)
    one = OneRobot(team, team.response(ladder.rungs[2]), pi_l)
    other = max(
        (LocalPolicy(np.eye(2)[np.array(own).reshape(2, 2)]) for own in product(range(2), repeat=4)),
        key=lambda own: abs(one.value(own) - one.value(pi_l)),
    )
    exact = n * (one.value(other) - one.value(pi_l))
    episodes = _Episodes(game, pi_l, n=n, k=2, runs=4000, seed=[0, 0], model="fresh")
    played = [episodes.play_deviators(ladder, pi_l, policy, 1).returns for policy in (other, pi_l)]
    interval = Interval.estimated(played[0] - played[1], n)
    margin = interval.high - interval.low  # four standard errors
    assert abs(interval.estimate - exact) < margin + 0.01 * abs(exact)
    assert margin < 0.5 * abs(exact)


def test_two_kinds_that_act_alike_are_one_kind(tracking):
    game, ladder, pi_l = tracking
    episodes = _Episodes(game, pi_l, n=10, k=2, runs=2000, seed=[1, 0], model="fresh")
    apart, together = episodes.play_deviators(ladder, pi_l, pi_l, 3), episodes.play(ladder, pi_l)
    assert abs(apart.value - together.value) < 4 * np.hypot(apart.standard_error, together.standard_error)
    assert two_kinds(game).n_local_states == 2 * game.n_local_states


def test_an_equilibrium_of_a_tiny_game_is_certified_as_one():
    game = build_random_game(RandomGameParameters(seed=1, global_states=2, local_states=2))
    n = 3
    rung, pi_l = learn_pair(TeamGame(game, n), n)
    lower = learn_ladder(game, pi_l, TrainingOptions(K=n)).rungs[:n]
    gap = nash_gap(game, Ladder((*lower, rung), 2, 2), pi_l, k=n, n=n)
    assert gap.global_gain.kind == gap.global_all_seen.kind == "exact"
    assert gap.global_gain.high < 1e-7
    assert gap.value_error == 0.0
    assert gap.local_gain_one.low <= gap.local_gain_one.high


@pytest.mark.parametrize("method", ["exact", "sampled"])
@pytest.mark.parametrize(("A_g", "S_l", "A_l"), [(1, 2, 1), (2, 1, 1)])
def test_nothing_to_gain_is_not_found(random_game, method, A_g, S_l, A_l):
    game = random_game(0, A_g=A_g, S_l=S_l, A_l=A_l)
    pi_l = LocalPolicy.uniform(game)
    ladder = learn_ladder(game, pi_l, TrainingOptions(K=2))
    gap = nash_gap(game, ladder, pi_l, k=1, n=3, runs=10, method=method)
    assert [abs(getattr(gap, name).estimate) < 1e-7 for name in GAINS] == [True] * 4


def test_small_fleets_are_enumerated_and_large_ones_simulated(tracking):
    game, ladder, pi_l = tracking
    small, large = nash_gap(game, ladder, pi_l, k=2, n=5), nash_gap(game, ladder, pi_l, k=2, n=20_000, runs=10)
    assert {getattr(small, name).kind for name in GAINS} <= {"exact", "exact bounds"}
    assert {getattr(large, name).kind for name in GAINS} <= {"estimated", "none found"}
    for name in GAINS:
        interval = getattr(small, name)
        assert interval.low <= interval.high
    assert large.value_error > 0


def test_a_bound_that_does_not_fit_is_said_to_be_missing(tracking):
    game, ladder, pi_l = tracking
    gap = nash_gap(game, ladder, pi_l, k=2, n=16, method="exact", memory_limit=300_000)
    assert (gap.local_gain_all.high, gap.local_gain_all.kind) == (inf, "exact bounds")
    as_json = gap.as_json()
    assert as_json["local_gain_all"]["high"] is None
    json.dumps(as_json, allow_nan=False)


@pytest.mark.slow
def test_what_takes_long_to_enumerate_is_left_out_unless_asked_for():
    """One mind for 20 robots of six kinds took most of a minute; `auto` is to take seconds."""
    game = build_random_game(RandomGameParameters(seed=0, global_states=3, local_states=3))
    pi_l = LocalPolicy.uniform(game)
    ladder = learn_ladder(game, pi_l, TrainingOptions(K=1))
    few, more = (nash_gap(game, ladder, pi_l, k=1, n=n) for n in (4, 16))
    assert few.local_gain_all.high < inf
    assert (more.local_gain_all.high, more.local_gain_all.kind) == (inf, "exact bounds")
    assert more.global_gain.high < inf


@pytest.mark.parametrize(("mean", "kind"), [(-3.0, "none found"), (-0.1, "estimated"), (3.0, "estimated")])
def test_a_gain_is_never_below_nothing(mean, kind):
    """A deviation that lost when it was measured had an interval below 0."""
    gain = Interval.of_gain(mean + np.random.default_rng(0).normal(size=100))
    assert gain.kind == kind
    assert 0.0 <= gain.low <= gain.estimate <= gain.high


@pytest.mark.slow
def test_no_gain_of_a_fleet_lies_below_nothing(tracking):
    game, ladder, pi_l = tracking
    for seed in range(6):
        gap = nash_gap(game, ladder, pi_l, k=4, n=8, runs=6, seed=seed, method="sampled")
        for name in GAINS:
            assert 0.0 <= getattr(gap, name).low <= getattr(gap, name).estimate <= getattr(gap, name).high


def test_choosing_is_not_measuring():
    """The best of many worthless candidates gains nothing on new random numbers."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        noise = rng.normal(size=(2, 30, 50))  # [part, candidate, run], all with mean 0
        chosen = int(noise[0].mean(axis=1).argmax())
        interval = Interval.estimated(noise[1, chosen])
        covered += interval.low <= 0 <= interval.high
    assert covered >= binom.ppf(0.001, 200, 0.95)


@pytest.mark.slow
def test_training_reports_the_gap_of_its_final_pair(tracking):
    game, _, _ = tracking
    options = TrainingOptions(K=2, runs=30, n=50, rounds=2, horizon=40, certificate_runs=20)
    report = train(game, options).report
    gap = report["nash_gap"]
    assert (gap["k"], gap["n"]) == (2, 50)
    assert gap["claimed"] == claimed_bound(game, 2, 50)
    json.dumps(report, allow_nan=False)
    without = TrainingOptions(K=1, runs=5, n=5, rounds=1, horizon=5, certificate_runs=0)
    assert train(game, without).report["nash_gap"] is None


def test_the_claimed_bound_is_the_stated_formula(warehouse):
    r, horizon = 1.0 + 10.5, 20.0
    root = sqrt((1000 - 4 + 1) / (2 * 1000 * 4) * log(40 * r * 5 * 3 * 5 * 4**3.5 * horizon**2))
    assert claimed_bound(warehouse, 4, 1000) == pytest.approx(2 * (r * horizon**2 * root + 0.05))
    assert claimed_bound(warehouse, 0, 10) == inf
    assert claimed_bound(warehouse, 50, 10) == claimed_bound(warehouse, 10, 10)


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"k": 9}, "k is 9, must be at most 4"),
        ({"n": 0}, "n is 0"),
        ({"runs": 1}, "runs is 1"),
        ({"k": -1}, "k is -1"),
        ({"method": "guess"}, "method 'guess' is unknown"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_wrong_requests_are_refused_by_name(tracking, wrong, match):
    game, ladder, pi_l = tracking
    with pytest.raises(AltmarlError, match=match):
        nash_gap(game, ladder, pi_l, **{"k": 1, "n": 4, **wrong})


def test_too_large_for_exact_is_refused(tracking):
    game, ladder, pi_l = tracking
    with pytest.raises(ResourceError, match="exact team game for n=5000"):
        nash_gap(game, ladder, pi_l, k=1, n=5000, method="exact", memory_limit=1 << 20)


def test_certificate_runs_of_one_are_refused():
    with pytest.raises(AltmarlError, match="certificate_runs is 1"):
        TrainingOptions(certificate_runs=1)


def test_a_changed_policy_does_not_move_the_coordinators_luck(tracking):
    """Two runs whose robots differ, and whose coordinator cannot, go through the same global states."""
    game, _, pi_l = tracking
    deaf = Ladder((np.zeros((2, 1), dtype=np.uint16),), 2, 2)
    start = start_fleets(game, 50, 20, np.random.default_rng(0))
    other = LocalPolicy(np.eye(2)[np.ones((2, 2), dtype=int)])
    seen = [
        simulate(
            game, policy, Fresh(deaf, game.initial), k=0, start=start, horizon=30, rng=np.random.default_rng(1)
        ).occupancy.sum(axis=(1, 2))
        for policy in (pi_l, other)
    ]
    np.testing.assert_allclose(seen[0], seen[1])


@pytest.mark.slow
def test_value_vectors_under_the_papers_rule_are_a_rung_and_have_an_exact_gap(tracking):
    game, _, pi_l = tracking
    process = SharesProcess.under_policy(game, pi_l)
    policy = learn_shares(process, game.initial, SimulatedEstimates(game.initial), SharesOptions(points=150)).policy
    rung = fresh_rung(game, policy, 2, 5)
    counts = enumerate_counts(2, 2)
    for s_g in range(2):
        shares = posterior_mean(game.initial, counts, 5)
        np.testing.assert_array_equal(rung[s_g], policy.act_on_shares(np.full(len(counts), s_g), shares))
    exact = nash_gap(game, policy, pi_l, k=2, n=5, method="exact")
    team = TeamGame(game, 5)
    assert exact.value == pytest.approx(team.value(team.response(rung), pi_l))
    assert exact.global_gain.low <= exact.global_all_seen.high + 1e-9
    other = nash_gap(game, Ladder.with_top(2, rung, 2, 2, None), pi_l, k=2, n=5, method="exact")
    assert other == exact
    sampled = nash_gap(game, policy, pi_l, k=2, n=5, runs=200, method="sampled")
    assert sampled.value == pytest.approx(exact.value, abs=4 * sampled.value_error + 0.02 * abs(exact.value))


@pytest.mark.slow
@pytest.mark.parametrize("model", ["fresh", "filtered"])
def test_a_poor_policy_over_shares_is_found_out(tracking, model):
    game, _, pi_l = tracking
    process = SharesProcess.under_policy(replace(game, r_g=-game.r_g, r_l=-game.r_l), pi_l)
    poor = SharesPolicy(process, repeated(process, process.choice_of[:, :1], 1e-6))  # seeks the least reward
    gap = nash_gap(game, poor, pi_l, k=4, n=200, runs=200, method="sampled", model=model)
    assert gap.global_gain.low > 0.0
