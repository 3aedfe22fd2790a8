"""The bank of filters for a hidden state: exact where it can be, calibrated where it cannot."""

import numpy as np
import pytest

from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import HiddenState, Start, TabularGame, load_game
from altmarl_ros.learning.populations.population import CountedPopulation, start_fleets
from altmarl_ros.observation import make_model
from altmarl_ros.observation.switching import SwitchingEstimate
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.shares import SharesProcess


@pytest.fixture(scope="module")
def small():
    """Three hidden states that seldom change, two global and three local states."""
    rng = np.random.default_rng(2)
    D, S_g, S_l, A_l = 3, 2, 3, 2
    P_d = 0.9 * np.eye(D) + 0.1 * rng.dirichlet(np.ones(D), D)
    hidden = HiddenState(P_d, rng.dirichlet(np.full(S_l, 0.7), (D, S_l, S_g, A_l)), rng.normal(size=(D, S_l, S_g, A_l)))
    start = Start(np.full(S_g, 1 / S_g), np.array([1.0, 2.0, 0.5]))
    return TabularGame("small", np.full((S_g, 2, S_g), 1 / S_g), r_g=np.zeros((S_g, 2)), gamma=0.9, hidden=hidden, start=start)


@pytest.fixture(scope="module")
def robots(small):
    return LocalPolicy(np.random.default_rng(5).dirichlet(np.ones(2), (3, 2)))


def episodes(game, pi_l, n, k, *, runs, ticks, seed):
    """Beliefs [T, R, D] and true hidden states [T, R] while the coordinator acts at random."""
    rng = np.random.default_rng(seed)
    population = CountedPopulation(game, pi_l, start_fleets(game, n, runs, rng))
    estimate = SwitchingEstimate(game, pi_l)
    estimate.reset(runs)
    beliefs, truth = [], []
    for _ in range(ticks):
        estimate.observe(population.s_g, population.poll(k, 1.0, rng), n)
        beliefs.append(estimate.belief)
        truth.append(population.d)
        population.step(rng.integers(game.n_global_actions, size=runs), rng)
    return np.array(beliefs), np.array(truth)


def test_without_reports_it_predicts_by_the_joint_process(small, robots):
    process = SharesProcess.under_policy(small, robots)
    estimate = SwitchingEstimate(small, robots)
    joint = estimate.joint[0].copy()
    for s_g in [0, 1, 1, 0, 1, 0, 0]:
        estimate.observe(np.array([s_g]), np.zeros((1, 3), dtype=np.int64), 50)
        np.testing.assert_allclose(estimate.joint[0], joint, atol=1e-3)
        joint = joint @ process.kernels[process.arrays.kernel_of[s_g]].toarray()


def test_of_a_robot_that_is_always_heard_the_belief_is_that_of_bayes(small, robots):
    hidden, rng = small.hidden, np.random.default_rng(0)
    kernels = [kernel.toarray() for kernel in small.in_regimes(robots.probabilities)[0]]
    estimate = SwitchingEstimate(small, robots)
    d, s, s_g = 0, 1, rng.integers(2, size=61)
    belief = hidden.rho_d.copy()
    for t in range(60):
        estimate.observe(s_g[t : t + 1], np.eye(3, dtype=np.int64)[[s]], 1)
        np.testing.assert_allclose(estimate.belief[0], belief, atol=0.02)
        np.testing.assert_allclose(estimate.shares[0], np.eye(3)[s], atol=1e-9)
        after = rng.choice(3, p=kernels[2 * d + s_g[t]][s])
        belief = belief * [kernels[2 * each + s_g[t]][s, after] for each in range(3)]
        belief = belief / belief.sum() @ hidden.P_d
        d, s = rng.choice(3, p=hidden.P_d[d]), after


@pytest.mark.parametrize(
    "k",
    [
        pytest.param(1, marks=pytest.mark.slow),
        pytest.param(3, marks=pytest.mark.slow),
        pytest.param(10, marks=pytest.mark.slow),
        60,
    ],
)
def test_beliefs_are_as_often_right_as_they_say(k):
    game = load_game("deliveries", {"dwell": 100.0})
    beliefs, truth = episodes(game, LocalPolicy.uniform(game), 60, k, runs=60, ticks=150, seed=4)
    said = beliefs[20:].reshape(-1, 4)
    right = np.eye(4)[truth[20:].ravel()]
    bins = np.digitize(said, [0.05, 0.2, 0.4, 0.6, 0.8, 0.95])
    off = [abs(said[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)]
    assert sum(off) < 0.05
    assert (said.argmax(axis=1) == right.argmax(axis=1)).mean() > {1: 0.4, 3: 0.5, 10: 0.6, 60: 0.8}[k]


@pytest.mark.slow
def test_more_reports_find_it_sooner():
    game = load_game("deliveries", {"dwell": 100.0})
    hit = []
    for k in (0, 1, 10, 60):
        beliefs, truth = episodes(game, LocalPolicy.uniform(game), 60, k, runs=40, ticks=100, seed=1)
        hit.append((beliefs.argmax(axis=2) == truth).mean())
    assert sorted(hit) == hit
    assert hit[0] < 0.35


def test_what_is_told_is_believed_and_predicted_from(small, robots):
    estimate = SwitchingEstimate(small, robots)
    none = np.zeros((1, 3), dtype=np.int64)
    estimate.observe(np.array([0]), none, 20, np.array([2]))
    np.testing.assert_allclose(estimate.belief, [[0, 0, 1]])
    estimate.observe(np.array([0]), none, 20)
    np.testing.assert_allclose(estimate.belief[0], small.hidden.P_d[2], atol=1e-6)


def test_evidence_counts_once_by_the_rule_of_bayes(small, robots):
    estimate, rng, none = SwitchingEstimate(small, robots), np.random.default_rng(1), np.zeros((1, 3), dtype=np.int64)
    belief = small.hidden.rho_d.copy()
    for t in range(12):
        evidence = rng.random(3) + 0.01
        if t % 3 == 0:
            estimate.inform(evidence[None])
            belief = belief * evidence / (belief @ evidence)
        estimate.observe(np.array([t % 2]), none, 20)
        np.testing.assert_allclose(estimate.belief[0], belief, atol=2e-3)  # unlikely hypotheses are dropped
        belief = belief @ small.hidden.P_d


def test_evidence_and_reports_together_are_as_bayes_has_them(small, robots):
    hidden, evidence = small.hidden, np.array([0.2, 1.0, 0.5])
    kernels = [kernel.toarray() for kernel in small.in_regimes(robots.probabilities)[0]]
    estimate = SwitchingEstimate(small, robots)
    for t, state in enumerate((1, 2)):
        if t == 1:
            estimate.inform(evidence[None])
        estimate.observe(np.zeros(1, dtype=np.int64), np.eye(3, dtype=np.int64)[[state]], 1)
    seen = hidden.rho_d * [kernels[2 * d][1, 2] for d in range(3)]
    expected = (seen / seen.sum() @ hidden.P_d) * evidence
    np.testing.assert_allclose(estimate.belief[0], expected / expected.sum(), atol=0.02)


def test_fleets_side_by_side_do_not_disturb_each_other(small, robots):
    rng = np.random.default_rng(0)
    s_g, reports = rng.integers(2, size=(30, 400)), rng.multinomial(4, [0.2, 0.3, 0.5], size=(30, 400))
    together, alone = SwitchingEstimate(small, robots), SwitchingEstimate(small, robots)
    together.reset(400)
    for t in range(30):
        together.observe(s_g[t], reports[t], 10)
        alone.observe(s_g[t, 7:8], reports[t, 7:8], 10)
        np.testing.assert_array_equal(together.joint[7], alone.joint[0])


def test_it_goes_on_from_the_shares_and_the_belief_of_another(small, robots):
    estimate = SwitchingEstimate(small, robots)
    shares, belief = np.array([[0.2, 0.3, 0.5]]), np.array([[0.1, 0.8, 0.1]])
    estimate.resume(shares, np.array([0.05]), np.array([1]), belief)
    np.testing.assert_allclose(estimate.shares, shares)
    np.testing.assert_allclose(estimate.belief, belief)
    assert estimate.error == pytest.approx(0.05)
    estimate.observe(np.array([0]), np.zeros((1, 3), dtype=np.int64), 20)
    np.testing.assert_allclose(estimate.belief[0], belief[0] @ small.hidden.P_d, atol=1e-6)


def test_impossible_reports_leave_a_belief(small, robots):
    sure = np.zeros((3, 3, 2, 2, 3))
    sure[..., 0] = 1.0
    game = TabularGame(
        "sure", small.P_g, r_g=small.r_g, gamma=0.9, hidden=HiddenState(small.hidden.P_d, sure, np.zeros((3, 3, 2, 2)))
    )
    estimate = SwitchingEstimate(game, robots)
    for _ in range(5):
        estimate.observe(np.array([0]), np.array([[0, 0, 5]]), 20)
        assert np.isfinite(estimate.joint).all()
        assert estimate.joint.sum() == pytest.approx(1.0)


@pytest.mark.slow
def test_estimates_stay_shares_however_long_a_fleet_runs(small, robots):
    rng = np.random.default_rng(3)
    population = CountedPopulation(small, robots, start_fleets(small, 20, 1, rng))
    estimate = SwitchingEstimate(small, robots)
    estimate.reset(1)
    for tick in range(3000):
        estimate.observe(population.s_g, population.poll(4, 1.0, rng), 20)
        population.step(rng.integers(2, size=1), rng)
        if tick % 100 == 99:
            assert np.abs(estimate._covariance.sum(axis=1)).max() < 1e-15
            kept = estimate._weights[0] > 0.0
            np.testing.assert_allclose(estimate._means[0][kept].sum(axis=1), 1.0, atol=1e-9)


def test_models_without_memory_are_refused(shares_bundle, small):
    for name in ("fresh", "sticky"):
        with pytest.raises(AltmarlError, match="no memory to find the hidden state"):
            make_model(name, small, shares_bundle)
    with pytest.raises(AltmarlError, match="knows nothing of the hidden state"):
        make_model("filtered", small, shares_bundle)
