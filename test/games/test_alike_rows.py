"""Rows that a game takes for alike: pooled, drawn as one, and how runs vary around them."""

from dataclasses import replace

import numpy as np
import pytest

from altmarl_ros.games import Trajectory, load_game
from altmarl_ros.games.game_files import load_posterior, save_identified_game
from altmarl_ros.games.identification import draw_kernels, identify
from altmarl_ros.games.identification.alike_rows import alike_rows, best_weights, of_one_run, summed_rows
from altmarl_ros.games.identification.hidden_state import identify_hidden_state

MODEL = np.array([[[[0.7, 0.3], [0.7, 0.3], [0.1, 0.9]]], [[[0.7, 0.3], [0.2, 0.8], [0.2, 0.8]]]])  # [s_l, 1, a_l, s_l']


def test_rows_of_one_state_that_are_alike_have_one_number():
    group = alike_rows(MODEL)
    assert group[0, 0, 0] == group[0, 0, 1] != group[0, 0, 2]
    assert group[1, 0, 1] == group[1, 0, 2] != group[1, 0, 0]
    assert set(group.ravel()) == set(range(4)), "the same row of another state is another one"


def test_what_is_seen_of_one_row_is_said_of_all_alike():
    seen = np.arange(12).reshape(MODEL.shape)
    found = identify(MODEL, seen, 2.0, spread=np.inf)
    together = seen[0, 0, 0] + seen[0, 0, 1]
    np.testing.assert_allclose(found.alpha[0, 0, :2], [2.0 * MODEL[0, 0, 0] + together] * 2)
    np.testing.assert_allclose(found.alpha[0, 0, 2], 2.0 * MODEL[0, 0, 2] + seen[0, 0, 2])
    np.testing.assert_array_equal(found.support[0, 0], [together.sum(), together.sum(), seen[0, 0, 2].sum()])
    assert found.weight == pytest.approx(2.0)
    np.testing.assert_array_equal(summed_rows(seen, alike_rows(MODEL)).sum(axis=0), seen.sum(axis=(0, 1, 2)))


def test_the_rows_of_one_run_vary_by_what_is_unknown_and_by_the_spread():
    found = identify(MODEL, 50 * np.ones(MODEL.shape, dtype=np.int64), 10.0, spread=30.0)
    drawn = draw_kernels(found.alpha, 20_000, np.random.default_rng(0), found.spread)
    np.testing.assert_array_equal(drawn[:, 0, 0, 0], drawn[:, 0, 0, 1])
    assert abs(np.corrcoef(drawn[:, 0, 0, 0, 0], drawn[:, 0, 0, 2, 0])[0, 1]) < 0.05
    m, total = found.mean[..., 0], found.alpha.sum(axis=-1)
    np.testing.assert_allclose(drawn[..., 0].mean(axis=0), m, atol=0.003)
    np.testing.assert_allclose(drawn[..., 0].var(axis=0), m * (1 - m) * (1 / (total + 1) + 1 / 31.0), rtol=0.05)
    np.testing.assert_allclose(of_one_run(found.alpha, np.inf), found.alpha)


@pytest.mark.parametrize("spread", [10.0, 80.0, np.inf])
def test_the_spread_of_simulated_runs_is_found(spread):
    rng = np.random.default_rng(3)
    mean = rng.dirichlet([2.0, 3.0, 4.0], 60)
    own = mean[None] if np.isinf(spread) else np.stack([draw_kernels(spread * mean, 1, rng)[0] for _ in range(6)])
    parts = [rng.multinomial(200, own[i % len(own)]).astype(float) for i in range(6)]
    weight, found = best_weights(np.full((60, 3), 1 / 3), parts)
    assert weight < 32.0 or spread < 20.0, "a model that is wrong counts for little, unless runs say hardly more"
    assert found >= 320.0 if np.isinf(spread) else spread / 2 <= found <= spread * 2
    assert best_weights(mean, parts)[0] == 32.0, "a model that is right counts for as much as it may"
    assert best_weights(mean, parts, 3.0)[0] == 3.0


def test_a_short_run_of_a_game_of_work_says_much_and_is_kept_with_its_spread(tmp_path):
    game = load_game("deliveries")
    rng, n, ticks = np.random.default_rng(1), 10, 400
    table = np.stack(list(game.hidden.local_kernel.blocks())).cumsum(axis=-1)
    s_g, a_l = rng.integers(game.n_global_states, size=ticks), rng.integers(game.n_local_actions, size=(ticks, n))
    d, s_l = np.zeros(ticks, dtype=np.int64), np.zeros((ticks, n), dtype=np.int64)
    for t in range(ticks - 1):
        row = table[s_l[t], game.hidden.regimes(d[t], s_g[t]), a_l[t]]
        s_l[t + 1] = np.minimum((rng.random(n)[:, None] >= row).sum(axis=1), game.n_local_states - 1)
    run = Trajectory(0 * d, np.arange(ticks), s_g, 0 * d, s_l, a_l, d)
    wrong = load_game("deliveries", {"walk_rate": 0.4})  # twice as fast
    true = np.stack(list(game.hidden.local_kernel.blocks()))
    off = {}
    for alike in (False, True):
        found = identify_hidden_state(wrong, run, None, alike=alike)
        off[alike] = float(np.abs(found.kernel.P_l - true).max(axis=-1).mean())
    assert off[True] < 0.6 * off[False]
    assert found.kernel.spread >= 20.0, "one kernel moved all robots; some of the model's error counts for spread"
    save_identified_game("deliveries", found.kernel, tmp_path / "seen.yaml", found.P_d)
    kept = load_posterior(tmp_path / "seen.yaml", load_game(tmp_path / "seen.yaml"))
    assert kept.spread == found.kernel.spread
    assert kept.draw(3, rng).shape == (3, *found.kernel.alpha.shape)
    joined = Trajectory.joined([run, replace(run, session=run.session + 1)])
    assert identify_hidden_state(wrong, joined, None, alike=True).kernel.support.sum() == 2 * found.kernel.support.sum()
