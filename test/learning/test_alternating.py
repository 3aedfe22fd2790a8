from dataclasses import replace

import numpy as np
import pytest

from altmarl_ros.errors import AltmarlError, ResourceError
from altmarl_ros.learning.alternating import TrainingOptions, learn_ladder, train
from altmarl_ros.learning.comparison import MEASURED, PairComparison
from altmarl_ros.learning.counts.backups import GLearnOptions
from altmarl_ros.learning.counts.global_agent import g_learn
from altmarl_ros.learning.global_learners import Pair
from altmarl_ros.learning.populations.population import simulate, start_fleets
from altmarl_ros.learning.shares.evaluation import inconsistency
from altmarl_ros.learning.shares.solver import SharesOptions
from altmarl_ros.learning.training_options import learns_ladder
from altmarl_ros.observation import Fresh, make_model
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.counts import number_of_counts
from altmarl_ros.policies.shares import SharesProcess

EXACT = GLearnOptions(backup="exact")
QUICK = TrainingOptions(K=2, runs=30, n=50, rounds=3, horizon=40, certificate_runs=0, g_learn=EXACT)


class Cancelled(Exception):
    pass


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def bundle(warehouse, told):
    return train(warehouse, QUICK, told.append)


def played(game, bundle, k, n, runs=400):
    start = start_fleets(game, n, runs, np.random.default_rng(100))
    return simulate(
        game, bundle.pi_l, make_model("filtered", game, bundle), k=k, start=start, horizon=90, rng=np.random.default_rng(101)
    )


def test_bundle_has_every_rung_and_its_origin(bundle, warehouse):
    bundle.check_game(warehouse)
    shapes = [(5, number_of_counts(k, 5)) for k in range(QUICK.K + 1)]
    assert [rung.shape for rung in bundle.pi_g.rungs] == shapes
    assert bundle.pi_l.probabilities.shape == (5, 5, 3)
    assert (bundle.game, bundle.gamma, bundle.seed) == ("warehouse", warehouse.gamma, QUICK.seed)


def test_kept_steps_raise_the_value(bundle):
    kept = [step for step in bundle.report["steps"] if step["kept"]]
    values = [step["value"] for step in kept]
    assert len(kept) >= 2
    assert values == sorted(values)


def test_a_step_is_kept_only_beyond_its_uncertainty(bundle):
    first, *later = bundle.report["steps"]
    assert first["kept"]
    assert later
    for step in later:
        assert step["kept"] == (step["gain"] > QUICK.confidence * step["gain_error"])


def test_a_gain_below_the_asked_confidence_is_not_kept(warehouse):
    options = replace(QUICK, K=1, rounds=5, confidence=1e9)
    first, *later = train(warehouse, options).report["steps"]
    assert first["kept"]
    assert max(step["gain"] for step in later) > 0
    assert not any(step["kept"] for step in later)


def test_stops_when_neither_learner_improves(warehouse):
    steps = train(warehouse, replace(QUICK, K=1, rounds=20)).report["steps"]
    assert not any(step["kept"] for step in steps[-2:])
    assert len(steps) < 2 * 20


def test_lower_rungs_are_best_responses_to_the_final_local_policy(bundle, warehouse):
    for k, rung in enumerate(bundle.pi_g.rungs[:-1]):
        np.testing.assert_array_equal(rung, g_learn(warehouse, bundle.pi_l, k).policy)


@pytest.mark.parametrize("K", [2, 5])
def test_the_bundle_is_the_pair_that_was_held(warehouse, K):
    options = replace(QUICK, K=K)
    made = train(warehouse, options)
    pair, comparison = Pair(made.pi_g, made.pi_l), PairComparison(warehouse, options)
    held = [step["value"] for step in made.report["steps"] if step["kept"]][-1]
    assert comparison.play(pair).value == held
    assert comparison.play(pair, MEASURED).value == made.report["value"]


def test_learning_beats_acting_without_policy(bundle, warehouse):
    uniform = LocalPolicy.uniform(warehouse)
    start = start_fleets(warehouse, 50, 100, np.random.default_rng(0))
    untrained = simulate(
        warehouse, uniform, Fresh(bundle.pi_g, warehouse.initial), k=0, start=start, horizon=90, rng=np.random.default_rng(0)
    )
    trained = played(warehouse, bundle, 2, 50, runs=100)
    assert trained.value - untrained.value > 4 * np.hypot(trained.standard_error, untrained.standard_error)


def test_same_seed_gives_the_same_bundle(bundle, warehouse):
    again = train(warehouse, QUICK)
    assert again.policy_id == bundle.policy_id

    def comparable(b):
        return [{key: value for key, value in step.items() if key != "seconds"} for step in b.report["steps"]]

    assert comparable(again) == comparable(bundle)


def test_another_seed_plays_other_episodes(bundle, warehouse):
    other = train(warehouse, replace(QUICK, seed=1))
    assert other.report["value"] != bundle.report["value"]


@pytest.mark.slow
@pytest.mark.parametrize(("K", "n"), [(3, 100), (4, 2)])
def test_bundle_earns_what_its_report_says(warehouse, K, n):
    made = train(warehouse, TrainingOptions(K=K, n=n, runs=400, certificate_runs=0))
    alone = played(warehouse, made, min(K, n), n)
    assert abs(alone.value - made.report["value"]) < 4 * np.hypot(alone.standard_error, made.report["standard_error"])


@pytest.mark.slow
def test_room_for_more_reports_than_robots_costs_nothing(warehouse):
    narrow, wide = (train(warehouse, TrainingOptions(K=K, n=2, runs=400, certificate_runs=0)) for K in (2, 4))
    gap = played(warehouse, narrow, 2, 2).returns - played(warehouse, wide, 2, 2).returns
    assert gap.mean() < 4 * gap.std() / np.sqrt(len(gap)) + 0.5


def test_progress_tells_of_every_step_and_rung(bundle, told):
    rounds = [progress for progress in told if progress.stage == "rounds"]
    ladder = [progress for progress in told if progress.stage == "ladder"]
    assert told == rounds + ladder
    assert [progress.step.learner for progress in rounds] == ["global", "local"] * (len(rounds) // 2)
    assert [progress.step.value for progress in rounds] == [step["value"] for step in bundle.report["steps"]]
    assert [(progress.done, progress.total) for progress in ladder] == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("stage", ["rounds", "ladder"])
def test_an_exception_in_progress_cancels(warehouse, stage):
    seen = []

    def cancel(progress):
        seen.append(progress.stage)
        if progress.stage == stage:
            raise Cancelled

    with pytest.raises(Cancelled):
        train(warehouse, replace(QUICK, K=1, runs=5, n=5, rounds=1, horizon=5), cancel)
    assert seen.count(stage) == 1


def test_too_many_reports_for_the_memory_are_refused_before_work(warehouse):
    options = TrainingOptions(K=40, g_learn=GLearnOptions(backup="exact", memory_limit=1 << 20))
    with pytest.raises(ResourceError, match=r"training for k=40 .*over the limit of 1 MiB; k = 10 fits"):
        train(warehouse, options, lambda progress: pytest.fail("worked"))


def test_ladder_without_reports_is_a_single_rung(warehouse):
    options = TrainingOptions(K=0, g_learn=GLearnOptions(tolerance=1e-6))
    ladder = learn_ladder(warehouse, LocalPolicy.uniform(warehouse), options)
    assert [rung.shape for rung in ladder.rungs] == [(5, 1)]


@pytest.mark.parametrize(("option", "value"), [("K", -1), ("rounds", 0), ("n", 0), ("runs", 1), ("horizon", 0), ("seed", -1)])
def test_options_out_of_range_are_refused_by_name(option, value):
    with pytest.raises(AltmarlError, match=f"{option} is {value}, must be at least"):
        TrainingOptions(**{option: value})


@pytest.mark.slow
def test_robots_that_answer_a_coordinator_with_memory_find_the_better_equilibrium(warehouse):
    # Robots who can rely on the coordinator follow it; those who cannot stay where they are.
    fresh, filtered = (
        train(warehouse, TrainingOptions(K=10, n=300, runs=100, rounds=2, certificate_runs=0, learn_for=learn_for)).report
        for learn_for in ("fresh", "filtered")
    )
    assert filtered["value"] - fresh["value"] > 5 * np.hypot(filtered["standard_error"], fresh["standard_error"])


def test_an_unknown_coordinator_to_answer_is_named():
    with pytest.raises(AltmarlError, match="'nobody'"):
        TrainingOptions(learn_for="nobody")


def test_a_training_goes_on_from_a_given_policy_of_the_robots(warehouse):
    options = replace(QUICK, rounds=1)
    other = LocalPolicy(np.broadcast_to(np.eye(3)[2], (5, 5, 3)))
    first, told = train(warehouse, options), []
    again = train(warehouse, options, told.append, first=other)
    held = next(progress.pair for progress in told if progress.step is not None)[1]
    np.testing.assert_array_equal(held.probabilities, other.probabilities)
    assert again.report["steps"][0]["value"] != first.report["steps"][0]["value"]


SHARES = replace(QUICK, g_learn=GLearnOptions(), shares=SharesOptions(points=150))


@pytest.mark.parametrize(
    ("learn_for", "backup", "K", "ladder"),
    [
        ("filtered", "auto", 25, False),
        ("filtered", "exact", 25, True),
        ("filtered", "sampled", 25, True),
        ("fresh", "auto", 25, True),
        ("fresh", "auto", 60, False),  # too many count vectors
        ("fresh", "shares", 2, False),
    ],
)
def test_which_kind_of_policy_is_learned(warehouse, learn_for, backup, K, ladder):
    options = TrainingOptions(K=K, learn_for=learn_for, g_learn=GLearnOptions(backup=backup))
    assert learns_ladder(warehouse, options) == ladder


@pytest.mark.slow
def test_a_training_over_shares_tells_of_its_rounds_alone_and_serves_every_number_of_reports(warehouse):
    told = []
    made = train(warehouse, SHARES, told.append)
    assert {progress.stage for progress in told} == {"rounds"}
    assert (made.kind, made.pi_g.most_reports, made.r_g) == ("shares", None, None)
    assert made.report["g_learn"] == "shares"
    process = SharesProcess.under_policy(warehouse, made.pi_l)
    for name, array in process.arrays._asdict().items():
        np.testing.assert_array_equal(array, getattr(made.pi_g.process.arrays, name))  # it reckons with these robots
    assert inconsistency(process, made.pi_g.vectors) <= 1e-10 * process.scale
    assert train(warehouse, SHARES).policy_id == made.policy_id
    values = [played(warehouse, made, k, 50, runs=200).value for k in (0, 2, 50)]
    assert values == sorted(values)


@pytest.mark.slow
def test_value_vectors_earn_what_an_exact_ladder_earns_at_every_k(warehouse):
    shares, exact = (
        train(warehouse, TrainingOptions(K=5, rounds=3, certificate_runs=0, g_learn=GLearnOptions(backup=backup)))
        for backup in ("shares", "exact")
    )
    for k in (1, 5):
        gain = played(warehouse, shares, k, 1000).returns - played(warehouse, exact, k, 1000).returns
        assert gain.mean() > -3 * gain.std() / np.sqrt(len(gain))


@pytest.mark.slow
def test_worlds_without_a_ladder_are_learned_for_the_papers_rule_too(random_game):
    game = random_game(0, S_g=6, A_g=3, S_l=50)
    options = replace(SHARES, K=5, runs=10, rounds=1, horizon=10, learn_for="fresh", shares=SharesOptions(points=60))
    assert not learns_ladder(game, options)
    made = train(game, options)
    assert (made.kind, made.report["steps"][0]["kept"]) == ("shares", True)
