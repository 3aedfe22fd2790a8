"""Training for robots that differ: each type learns its own policy, and the coordinator reckons with both."""

from dataclasses import replace

import numpy as np
import pytest

from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import RobotTypes, join_types, load_game
from altmarl_ros.games.warehouse import WarehouseParameters, build_warehouse
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.learning.counts.backups import GLearnOptions
from altmarl_ros.learning.populations.population import CountedPopulation, play, start_fleets
from altmarl_ros.learning.shares.solver import SharesOptions
from altmarl_ros.learning.shares.subset_values import subset_bound
from altmarl_ros.observation import make_filter, make_model
from altmarl_ros.policies import LocalPolicy, load_bundle, save_bundle

OPTIONS = TrainingOptions(K=2, runs=20, n=30, rounds=2, certificate_runs=0, shares=SharesOptions(points=80))


@pytest.fixture(scope="module")
def opposite():
    """Fast robots, half of whom go the other way by the same actions."""
    fast = build_warehouse(WarehouseParameters(zones=5, gamma=0.9, stay_logit=1.0, move_logit=4.0))
    mirrored = replace(fast, P_l=fast.P_l[:, :, [0, 2, 1]])
    types = RobotTypes(("fast", "mirrored"), np.ones(2), fast.local_state_names)
    return join_types("opposite", types, (fast, mirrored))


@pytest.mark.slow
def test_each_type_learns_a_policy_of_its_own(opposite, tmp_path):
    bundle = train(opposite, OPTIONS)
    load_bundle(save_bundle(bundle, tmp_path / "bundle.npz"), opposite)
    one, other = bundle.pi_l.probabilities[:5], bundle.pi_l.probabilities[5:]
    assert (one[:, :, 1:].sum(axis=2) > 0).any(), "nobody moves"
    assert (one != other).any()
    alike = LocalPolicy(np.concatenate([one, one]))
    start = start_fleets(opposite, 30, 60, np.random.default_rng(1))

    def earned(pi_l):
        model = make_filter(opposite, pi_l, bundle.pi_g)
        population = CountedPopulation(opposite, pi_l, start)
        return play(opposite, population, model, k=2, horizon=40, rng=np.random.default_rng(2)).value

    assert earned(bundle.pi_l) > 1.1 * earned(alike)
    bound = subset_bound(bundle.pi_g.process, opposite.initial, 1)
    assert earned(bundle.pi_l) < bound.value


@pytest.mark.slow
def test_a_training_with_a_certificate_says_what_it_is_worth(kinds):
    report = train(kinds, replace(OPTIONS, rounds=1, certificate_runs=8)).report
    assert report["verdict"] is not None
    assert report["nash_gap"]["value"] > 0


HIDDEN = """
types:
  strong: {robots: 1}
  weak: {robots: 2, P_l: [[orders east, empty, "*", work, {same: 0.9, east load: 0.1}]]}
"""


@pytest.mark.slow
def test_types_and_a_hidden_state_go_together(loads_file, tmp_path):
    path = tmp_path / "loads_and_types.yaml"
    path.write_text(loads_file.read_text() + HIDDEN)
    game = load_game(path)
    bundle = train(game, replace(OPTIONS, rounds=1))
    rng = np.random.default_rng(0)
    population = CountedPopulation(game, bundle.pi_l, start_fleets(game, 30, 100, rng))
    model, right = make_model("filtered", game, bundle), []
    model.reset(100)
    for _ in range(40):
        a_g = model.decide(population.s_g, population.poll(6, 1.0, rng), 30)
        right.append((model.belief.argmax(axis=1) == population.d).mean())
        population.step(a_g, rng)
        np.testing.assert_allclose(game.types.by_type(model.estimate), np.tile([1 / 3, 2 / 3], (100, 1)))
    assert np.mean(right[10:]) > 0.6


@pytest.mark.parametrize("options", [{"learn_for": "fresh"}, {"g_learn": GLearnOptions(backup="exact")}])
def test_what_takes_robots_for_alike_is_refused(kinds, options):
    with pytest.raises(AltmarlError, match="types of robots"):
        train(kinds, replace(OPTIONS, **options))
