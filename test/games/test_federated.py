import numpy as np
import pytest

from altmarl_ros.errors import GameError
from altmarl_ros.games.federated import CORRECT, SYNCHRONISE, TRAIN, FederatedParameters, build_federated
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.learning.populations.population import simulate, start_fleets
from altmarl_ros.observation import AllSeen, Fresh, RandomActions, make_filter
from altmarl_ros.policies import LocalPolicy

K = 10
REST, LIGHT, HEAVY = range(3)
FRESH, STALE_1, STALE_2, DRIFTED_1, DRIFTED_2 = range(5)


def build(**parameters):
    return build_federated(FederatedParameters(**parameters))


def test_kernel_of_two_and_two_levels_is_that_of_the_docstring():
    game = build(ageing=0.1, refresh=0.4, drift=0.2, mend=0.5, light_work=0.5, response=0.75)
    assert game.local_state_names == ("fresh", "stale 1", "stale 2", "drifted 1", "drifted 2")
    for (state, kind, work), row in {
        (FRESH, TRAIN, HEAVY): [0.7, 0.1, 0, 0.2, 0],
        (FRESH, TRAIN, LIGHT): [0.85, 0.1, 0, 0.05, 0],
        (FRESH, CORRECT, HEAVY): [0.9, 0.1, 0, 0, 0],
        (FRESH, SYNCHRONISE, HEAVY): [1, 0, 0, 0, 0],
        (STALE_1, TRAIN, HEAVY): [0, 0.9, 0.1, 0, 0],
        (STALE_1, SYNCHRONISE, REST): [0.4, 0.6, 0, 0, 0],
        (STALE_2, SYNCHRONISE, LIGHT): [0, 0.2, 0.8, 0, 0],
        (STALE_2, SYNCHRONISE, HEAVY): [0, 0, 1, 0, 0],
        (DRIFTED_1, TRAIN, HEAVY): [0, 0, 0, 0.8, 0.2],
        (DRIFTED_1, CORRECT, LIGHT): [0.25, 0, 0, 0.75, 0],
        (DRIFTED_2, CORRECT, HEAVY): [0, 0, 0, 0.5, 0.5],
        (DRIFTED_2, CORRECT, REST): [0, 0, 0, 0, 1],
    }.items():
        np.testing.assert_allclose(game.P_l[state, kind, work], row, atol=1e-15)
    np.testing.assert_allclose(game.P_g[TRAIN, CORRECT], [0.25, 0, 0.75])


def test_rewards_are_those_of_the_docstring():
    game = build(progress=8, work_cost=1, correct_gain=0.25, light_work=0.25, broadcast_cost=3, switch_cost=0.5)
    assert game.r_l[FRESH, TRAIN].tolist() == [0, 4 - 0.25, 8 - 1]
    assert game.r_l[STALE_1, TRAIN, HEAVY] == 4 - 1
    assert game.r_l[DRIFTED_2, TRAIN, HEAVY] == -8 - 1
    assert game.r_l[FRESH, CORRECT, HEAVY] == 2 - 1
    assert game.r_l[FRESH, SYNCHRONISE, HEAVY] == -1
    assert game.r_g[SYNCHRONISE].tolist() == [-3.5, -3, -3.5]
    assert game.r_g[TRAIN].tolist() == [0, -0.5, -0.5]


@pytest.mark.parametrize(("T", "D"), [(1, 1), (3, 1), (1, 4), (16, 16)])
def test_levels_move_by_one_step_and_quality_falls_along_them(T, D):
    game = build(staleness_levels=T, drift_levels=D)
    assert game.n_local_states == 1 + T + D
    ladder = {(0, 1), (0, T + 1), *((i, i + 1) for i in range(1, T)), *((j, j + 1) for j in range(T + 1, T + D))}
    moves = {(int(a), int(b)) for a, b in np.argwhere(game.P_l.max(axis=(1, 2)) > 0) if a != b}
    assert moves == ladder | {(b, a) for a, b in ladder}
    work = game.r_l[:, TRAIN, HEAVY]
    assert (np.diff(work[: T + 1]) < 0).all()
    assert (np.diff(work[[0, *range(T + 1, T + D + 1)]]) < 0).all()


def test_probabilities_that_do_not_fit_are_refused():
    with pytest.raises(GameError, match=r"ageing \+ drift is 1.1, must be at most 1"):
        build(ageing=0.6, drift=0.5)


@pytest.fixture(scope="module")
def game():
    return build()


@pytest.fixture(scope="module")
def bundle(game):
    return train(game, TrainingOptions(K=K, runs=100, rounds=6, certificate_runs=0))


@pytest.mark.slow
def test_the_server_answers_what_most_clients_suffer_from(bundle):
    def decided(state):
        counts = np.zeros((1, 5), dtype=np.int64)
        counts[0, state] = K
        return {int(bundle.pi_g.act_on_shares(np.array([s_g]), counts / K)[0]) for s_g in range(3)}

    assert decided(FRESH) == {TRAIN}
    assert decided(STALE_2) == {SYNCHRONISE}
    assert decided(DRIFTED_2) == {CORRECT}


@pytest.mark.slow
def test_a_client_works_by_its_condition_and_the_kind_of_round(bundle):
    work = bundle.pi_l.probabilities.argmax(axis=-1)
    assert work[FRESH].tolist() == [LIGHT, REST, HEAVY]
    assert work[DRIFTED_2].tolist() == [REST, REST, HEAVY]
    assert work[STALE_2, SYNCHRONISE] == REST
    assert work[STALE_1, TRAIN] == HEAVY


@pytest.mark.slow
def test_hearing_more_clients_is_worth_more(game, bundle):
    start = start_fleets(game, 1000, 400, np.random.default_rng(3))

    def play(model, pi_l, k):
        return simulate(game, pi_l, model, k=k, start=start, horizon=50, rng=np.random.default_rng(4)).returns

    random = play(RandomActions(bundle.pi_g, game.initial, np.random.default_rng(5)), LocalPolicy.uniform(game), 0)
    one, ten = (play(Fresh(bundle.pi_g, game.initial), bundle.pi_l, k) for k in (1, K))
    remembered = play(make_filter(game, bundle.pi_l, bundle.pi_g), bundle.pi_l, 1)
    seen = play(AllSeen(bundle.pi_g, game.initial), bundle.pi_l, 1000)

    def standard_errors(better, worse):
        gain = better - worse
        return gain.mean() / (gain.std(ddof=1) / np.sqrt(len(gain)))

    for better, worse in ((one, random), (ten, one), (seen, ten), (remembered, one), (seen, remembered)):
        assert standard_errors(better, worse) > 5
    assert one.mean() - random.mean() > 0.85 * (seen.mean() - random.mean())
    assert ten.mean() - one.mean() > 0.03 * (seen.mean() - random.mean())
    assert remembered.mean() > ten.mean()
