import numpy as np
import pytest

from altmarl_ros.errors import AltmarlError
from altmarl_ros.games.random_game import RandomGameParameters, build_random_game
from altmarl_ros.games.warehouse import WarehouseParameters, build_warehouse
from altmarl_ros.learning.counts.backups import GLearnOptions
from altmarl_ros.learning.counts.global_agent import g_learn
from altmarl_ros.learning.gaps.exact_team import TeamGame
from altmarl_ros.learning.gaps.gap_rate import GapByK, GapPoint, best_rung, gap_by_k, learn_pair
from altmarl_ros.policies import LocalPolicy

N = 12
KS = (1, 2, 3, 4, 6, 12)


def coordination(seed):
    return build_random_game(RandomGameParameters(seed=seed))


def ring():
    return build_warehouse(WarehouseParameters(zones=3))


def points(gaps):
    return tuple(GapPoint(k, 10.0, gap, 0.0, 0.0) for k, gap in gaps.items())


@pytest.mark.parametrize("exponent", [-0.5, -1.3])
def test_the_fit_finds_the_exponent_of_a_power_law(exponent):
    n, ks = 40, (1, 2, 5, 10, 20)
    plain = GapByK("law", n, "shared", points({k: 3.0 * k**exponent for k in ks}))
    effective = GapByK("law", n, "shared", points({k: 3.0 * (k * (n - 1) / (n - k)) ** exponent for k in ks}))
    assert plain.against_k().exponent == pytest.approx(exponent)
    assert effective.against_effective().exponent == pytest.approx(exponent)
    assert effective.against_effective().error < 1e-10
    # Against k the same gaps look steeper: this is what the cautious fit leaves out.
    assert effective.against_k().exponent < exponent


def test_the_fit_leaves_out_large_k_and_gaps_of_nothing():
    gaps = GapByK("some", 10, "shared", points({1: 1.0, 2: 0.5, 3: 0.0, 4: 0.25, 8: 1e-3, 10: 0.0}))
    assert gaps.against_k().used == gaps.against_effective().used == (1, 2, 4)
    assert gaps.against_k().exponent == pytest.approx(-1.0)
    assert GapByK("none", 10, "shared", points({1: 1.0, 2: 0.0})).against_k() is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "game",
    [
        pytest.param(coordination(0), id="0"),
        pytest.param(coordination(1), id="1"),
        pytest.param(coordination(4), id="4"),
        pytest.param(ring(), id="ring"),
    ],
)
def test_the_exact_gap_shrinks_with_k(game):
    rate = gap_by_k(game, N, KS)
    gaps = [point.all_seen for point in rate.points]
    assert gaps[0] > 0.1
    assert gaps[-1] < 1e-7  # every robot heard
    assert rate.against_k().exponent <= -0.5
    assert rate.against_effective().exponent <= -0.5
    for point in rate.points:
        assert 0.0 <= point.in_class <= point.all_seen + 1e-8


def test_a_game_without_a_gap_has_no_rate(random_game):
    game = random_game(0, S_g=2, A_g=1, S_l=2, A_l=1)
    rate = gap_by_k(game, 6, (1, 2, 6))
    assert max(point.all_seen for point in rate.points) < 1e-8
    assert rate.against_effective() is None


@pytest.mark.parametrize("seed", range(8))
def test_an_exact_update_never_lowers_the_team_value(random_game, seed):
    game = random_game(seed, S_g=2, A_g=2, S_l=3, A_l=2, inertia=0.8)
    team = TeamGame(game, 5)
    values = []
    for rounds in (0, 1, 2, 20):
        rung, pi_l = learn_pair(team, 2, rounds)
        values.append(team.value(team.response(rung), pi_l))
    assert all(np.diff(values) >= 0)
    first = best_rung(game, LocalPolicy.uniform(game), 2)
    assert values[0] == pytest.approx(team.value(team.response(first), LocalPolicy.uniform(game)), abs=1e-9)


def test_best_rung_is_that_of_g_learn():
    game = coordination(0)
    pi_l = LocalPolicy.uniform(game)
    for k in (1, 3, 5):
        np.testing.assert_array_equal(best_rung(game, pi_l, k), g_learn(game, pi_l, k, GLearnOptions(tolerance=1e-9)).policy)


def test_own_pairs_are_learned_for_every_k():
    rate = gap_by_k(ring(), 6, (1, 6), local="own")
    team = TeamGame(ring(), 6)
    for k, point in zip((1, 6), rate.points, strict=True):
        rung, pi_l = learn_pair(team, k)
        assert point.value == pytest.approx(team.value(team.response(rung), pi_l), abs=1e-9)


def test_requests_out_of_range_are_refused():
    with pytest.raises(AltmarlError, match=r"k is 7, must be in 1..6"):
        gap_by_k(ring(), 6, (1, 7))
    with pytest.raises(AltmarlError, match="local is 'mine', must be one of shared, own"):
        gap_by_k(ring(), 6, (1,), local="mine")
