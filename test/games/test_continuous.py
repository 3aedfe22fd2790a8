"""The continuous game's dynamics and its tables, against Monte Carlo and closed forms."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from altmarl_ros.errors import GameError
from altmarl_ros.games import load_game
from altmarl_ros.games.continuous import ContinuousWarehouse
from altmarl_ros.games.discretise import discretise
from altmarl_ros.games.grid import Grid

GAME = ContinuousWarehouse()


@pytest.fixture(scope="module")
def coarse():
    return discretise(GAME, 0.95, 25, 55)


@pytest.mark.parametrize(("mean", "sd"), [(0.0, 0.04), (1.99, 0.2), (-2.3, 0.1), (0.7, 5.0)])
def test_cells_hold_the_gaussian_and_its_tails(mean, sd):
    grid = Grid(2.0, 20)
    mass = grid.gaussian(mean, sd)
    assert mass.sum() == pytest.approx(1.0, abs=1e-14)
    assert mass[0] == pytest.approx(norm.cdf(-1.8, mean, sd), abs=1e-15)
    assert mass[-1] == pytest.approx(norm.sf(1.8, mean, sd), abs=1e-15)
    assert mass[7] == pytest.approx(norm.cdf(-0.4, mean, sd) - norm.cdf(-0.6, mean, sd), abs=1e-15)


def test_far_tails_keep_their_relative_precision():
    mass = Grid(2.0, 20).gaussian([-1.0, 1.0], 0.1)
    assert mass[0, 19] == pytest.approx(norm.sf(28.0), rel=1e-9)
    assert mass[1, 0] == pytest.approx(norm.cdf(-28.0), rel=1e-9)


def test_cell_of_inverts_centres_and_holds_the_ends():
    grid = Grid(2.0, 55)
    np.testing.assert_array_equal(grid.cell_of(grid.centres), np.arange(55))
    np.testing.assert_array_equal(grid.cell_of(np.array([-9.0, -2.0, 2.0, 9.0])), [0, 0, 54, 54])


@pytest.mark.parametrize(("s_l", "a_l"), [(0, 2), (27, 1), (54, 0)])
def test_local_kernel_is_the_law_of_a_step(coarse, s_l, a_l):
    grid, draws = Grid(2.0, 55), 40_000
    noise = np.random.default_rng(s_l).normal(0.0, GAME.sigma_l, draws)
    cells = grid.cell_of(GAME.clip(GAME.mean_s_l(grid.centres[s_l], a_l) + noise))
    p = coarse.P_l[s_l, 3, a_l]
    share = np.bincount(cells, minlength=55) / draws
    assert (np.abs(share - p) <= 4.5 * np.sqrt(p * (1 - p) / draws) + 1e-6).all()


@pytest.mark.parametrize(("s_g", "a_g"), [(0, 0), (12, 4), (20, 1)])
def test_global_kernel_is_the_law_of_a_step(coarse, s_g, a_g):
    grid, draws = Grid(2.0, 25), 40_000
    noise = np.random.default_rng(s_g).normal(0.0, GAME.sigma_g, draws)
    cells = grid.cell_of(GAME.clip(GAME.mean_s_g(grid.centres[s_g], a_g) + noise))
    p = coarse.P_g[s_g, a_g]
    share = np.bincount(cells, minlength=25) / draws
    assert (np.abs(share - p) <= 4.5 * np.sqrt(p * (1 - p) / draws) + 1e-6).all()


def test_rewards_are_the_authors_at_the_centres(coarse):
    s_g, s_l = Grid(2.0, 25).centres, Grid(2.0, 55).centres
    np.testing.assert_allclose(GAME.targets, [-1.6, -0.8, 0.0, 0.8, 1.6], atol=1e-15)
    assert coarse.r_g[7, 1] == pytest.approx(5 * np.exp(-((s_g[7] + 0.8) ** 2) / (2 * 0.3**2)))
    assert coarse.r_l[30, 12, 0] == pytest.approx(10 * np.exp(-((s_l[30] - s_g[12]) ** 2) / (2 * 0.2**2)))
    np.testing.assert_allclose(coarse.r_l[:, :, 0] - coarse.r_l[:, :, 2], 0.25)


def test_groups_are_the_bins_and_targets_their_middle_cells(coarse):
    np.testing.assert_array_equal(coarse.groups, np.repeat(np.arange(5), 11))
    np.testing.assert_allclose(Grid(2.0, 55).centres[5::11], GAME.targets, atol=1e-12)
    assert coarse.n_groups == 5


def test_starts_are_two_clusters_of_the_right_sizes():
    s_g, s_l = GAME.start(500, 2000, np.random.default_rng(0))
    assert s_l.shape == (2000, 500)
    assert -1 <= s_g.min() < -0.99 < 0.99 < s_g.max() <= 1
    first, second = s_l[:, :275].mean(axis=1), s_l[:, 275:].mean(axis=1)
    nearest = np.abs(first[:, None] - GAME.targets).argmin(axis=1), np.abs(second[:, None] - GAME.targets).argmin(axis=1)
    assert (nearest[0] != nearest[1]).all()
    pairs = np.bincount(5 * nearest[0] + nearest[1], minlength=25).reshape(5, 5)
    assert pairs[~np.eye(5, dtype=bool)].min() > 60
    middle = nearest[0] == 2  # away from the walls, where nothing is clipped
    assert s_l[middle, :275].std() == pytest.approx(GAME.start_spread, rel=0.02)


def test_tabular_start_is_the_law_of_the_continuous_one(coarse):
    _, s_l = GAME.start(400, 2000, np.random.default_rng(1))
    share = np.bincount(Grid(2.0, 55).cell_of(s_l).ravel(), minlength=55) / s_l.size
    alpha = coarse.initial.alpha
    np.testing.assert_allclose(share, (alpha / alpha.sum(axis=1, keepdims=True)).mean(axis=0), atol=0.004)
    drawn = coarse.initial.draw_shares(2000, np.random.default_rng(2))
    np.testing.assert_allclose(drawn.sum(axis=1), 1.0)
    np.testing.assert_allclose(drawn.mean(axis=0), share, atol=0.006)


def constant_value(global_cells, local_cells):
    """Discounted value of holding a_g = 2 over robots that stay, from s_g = 0 and s_l = 0.8."""
    game = discretise(GAME, 0.95, global_cells, local_cells)
    of_g, of_l = game.P_g[:, 2], game.P_l[:, 0, 0]
    global_, local = np.zeros(global_cells), np.zeros(local_cells)
    global_[global_cells // 2] = 1.0
    local[Grid(2.0, local_cells).cell_of(np.array([0.8]))] = 1.0
    value = 0.0
    for t in range(200):
        value += 0.95**t * (global_ @ game.r_g[:, 2] + local @ game.r_l[:, :, 0] @ global_)
        global_, local = global_ @ of_g, local @ of_l
    return value


@pytest.mark.slow
def test_value_converges_as_the_grid_is_refined():
    finest = constant_value(85, 255)
    errors = [abs(constant_value(5 * cells, 15 * cells) - finest) for cells in (3, 5, 9)]
    assert errors == sorted(errors, reverse=True)
    assert errors[2] < 0.5 < errors[0]


def test_any_number_that_changes_play_changes_the_hash(coarse):
    assert discretise(GAME, 0.95, 25, 55).content_hash == coarse.content_hash
    assert discretise(replace(GAME, majority=0.6), 0.95, 25, 55).content_hash != coarse.content_hash
    assert replace(coarse, groups=None).content_hash != coarse.content_hash
    assert replace(coarse, continuous=None).content_hash != coarse.content_hash


@pytest.mark.parametrize(("name", "value"), [("sigma_l", 0.0), ("steering", 1.5), ("start_range", 3.0), ("majority", np.nan)])
def test_bad_parameters_are_refused_by_name(name, value):
    with pytest.raises(GameError, match=f"{name} is .*, must be"):
        ContinuousWarehouse(**{name: value})


def test_unknown_yaml_parameter_is_refused(tmp_path):
    path = tmp_path / "game.yaml"
    path.write_text("name: mine\nbuilder: continuous_warehouse\nparameters: {sigma: 1}\n")
    with pytest.raises(GameError, match=r"parameters\.sigma"):
        load_game(path)


@pytest.mark.parametrize(
    ("groups", "fault"), [([0, 1], "has shape"), (np.zeros(55), "integers"), (2 * np.arange(55), "every number")]
)
def test_bad_groups_are_refused(coarse, groups, fault):
    with pytest.raises(GameError, match=f"groups .*{fault}"):
        replace(coarse, groups=groups)
