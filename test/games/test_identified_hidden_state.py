"""What is identified of a hidden state: against enumeration, and against the game that runs were simulated from."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from altmarl_ros.errors import GameError
from altmarl_ros.games import HiddenState, TabularGame, load_game
from altmarl_ros.games.game_files import save_identified_game
from altmarl_ros.games.identification.hidden_state import identify_hidden_state
from altmarl_ros.games.identification.smoothing import draw_paths, smooth
from altmarl_ros.games.trajectory import UNKNOWN, Trajectory


def test_smoothing_is_that_of_all_paths_added_up():
    rng = np.random.default_rng(0)
    D, T = 3, 5
    P_d, rho, emission = rng.dirichlet(np.ones(D), D), rng.dirichlet(np.ones(D)), rng.random((T, D))
    follows = np.array([False, True, True, False, True])
    belief, transitions, total = np.zeros((T, D)), np.zeros((D, D)), 0.0
    for path in product(range(D), repeat=T):
        p = 1.0
        for t, d in enumerate(path):
            p *= (P_d[path[t - 1], d] if follows[t] else rho[d]) * emission[t, d]
        total += p
        for t, d in enumerate(path):
            belief[t, d] += p
            if follows[t]:
                transitions[path[t - 1], d] += p
    found = smooth(np.log(emission), P_d, rho, follows)
    np.testing.assert_allclose(found.belief, belief / total)
    np.testing.assert_allclose(found.transitions, transitions / total)
    assert found.log_likelihood == pytest.approx(np.log(total))


def test_paths_are_drawn_as_often_as_they_are_likely():
    rng = np.random.default_rng(1)
    D, T, count = 3, 4, 40_000
    P_d, rho, emission = rng.dirichlet(np.ones(D), D), rng.dirichlet(np.ones(D)), rng.random((T, D))
    follows = np.array([False, True, False, True])
    likely = np.empty((D,) * T)
    for path in product(range(D), repeat=T):
        steps = [(P_d[path[t - 1], d] if follows[t] else rho[d]) * emission[t, d] for t, d in enumerate(path)]
        likely[path] = np.prod(steps)
    drawn = draw_paths(np.log(emission) - 900.0, P_d, rho, follows, count=count, rng=rng)
    often = np.zeros((D,) * T)
    np.add.at(often, tuple(drawn.T), 1.0 / count)
    likely /= likely.sum()
    assert (np.abs(often - likely) < 5.0 * np.sqrt(likely / count)).all()


def simulated(game, ticks, n, seed=0, session=0):
    """A run of robots that act at random, with its hidden states."""
    rng = np.random.default_rng(seed)
    hidden = game.hidden
    s_g, a_l = rng.integers(game.n_global_states, size=ticks), rng.integers(game.n_local_actions, size=(ticks, n))
    d, s_l = np.empty(ticks, dtype=np.int64), np.zeros((ticks, n), dtype=np.int64)
    d[0] = rng.choice(len(hidden), p=hidden.rho_d)
    table = np.stack(list(hidden.local_kernel.blocks())).cumsum(axis=-1)
    for t in range(ticks - 1):
        row = table[s_l[t], hidden.regimes(d[t], s_g[t]), a_l[t]]
        s_l[t + 1] = np.minimum((rng.random(n)[:, None] >= row).sum(axis=1), game.n_local_states - 1)
        d[t + 1] = hidden.draw_next(d[t : t + 1], rng)[0]
    nothing = np.zeros(ticks, dtype=np.int64)
    return Trajectory(nothing + session, np.arange(ticks), s_g, nothing, s_l, a_l, d)


def without_hidden(run):
    return replace(run, hidden_state=None)


@pytest.fixture(scope="module")
def deliveries():
    return load_game("deliveries", {"dwell": 40.0})


@pytest.mark.slow
@pytest.mark.parametrize("recorded", [True, False])
def test_the_dwell_of_a_known_game_is_recovered_whatever_the_model_thinks(deliveries, recorded):
    run = simulated(deliveries, 3000, 20, seed=3)
    model = load_game("deliveries", {"dwell": 400.0})
    found = identify_hidden_state(model, run if recorded else without_hidden(run))
    (dwell,) = found.dwell  # the game's hidden states are all alike
    assert dwell.model == pytest.approx(400.0)
    assert dwell.low < 40.0 < dwell.high
    assert dwell.low < dwell.identified < dwell.high
    assert 0.1 < (dwell.high - dwell.low) / dwell.identified < 1.0, "about 75 changes tell it to a quarter"
    assert found.recorded == float(recorded)
    np.testing.assert_allclose(found.P_d.sum(axis=1), 1.0)
    right = (found.belief.argmax(axis=1) == run.hidden_state).mean()
    assert right == 1.0 if recorded else right > 0.8


def test_a_recorded_hidden_state_is_counted(deliveries):
    run = simulated(deliveries, 400, 5, seed=1)
    found = identify_hidden_state(deliveries, run, weight=10.0)
    d = run.hidden_state
    leaves, stays = (d[1:] != d[:-1]).sum(), (d[1:] == d[:-1]).sum()
    assert found.changes == pytest.approx(leaves)
    h = 1.0 - np.diag(found.P_d)
    np.testing.assert_allclose(h, (10.0 / 40.0 + leaves) / (10.0 + leaves + stays))
    counts = np.zeros(found.kernel.transitions.shape)
    for t, i in product(range(399), range(5)):
        regime = d[t] * deliveries.n_global_states + run.global_state[t]
        counts[run.local_state[t, i], regime, run.local_action[t, i], run.local_state[t + 1, i]] += 1
    np.testing.assert_allclose(found.kernel.transitions, counts, atol=1e-9)


@pytest.mark.slow
def test_dwells_that_differ_are_told_apart_and_gaps_begin_anew():
    P_l = np.zeros((2, 2, 1, 1, 2))
    P_l[0, :, 0, 0], P_l[1, :, 0, 0] = [0.9, 0.1], [0.3, 0.7]
    hidden = HiddenState([[0.98, 0.02], [0.1, 0.9]], P_l, np.zeros((2, 2, 1, 1)))
    game = TabularGame("two", np.ones((1, 1, 1)), r_g=np.zeros((1, 1)), gamma=0.9, hidden=hidden)
    joined = Trajectory.joined([simulated(game, 1500, 8, seed=seed) for seed in (1, 2)])
    wrong = replace(game, hidden=HiddenState([[0.9, 0.1], [0.05, 0.95]], P_l, np.zeros((2, 2, 1, 1))))
    found = identify_hidden_state(wrong, without_hidden(joined), pool=True)
    first, second = found.dwell
    assert first.low < 50.0 < first.high
    assert second.low < 10.0 < second.high
    assert first.low > second.high
    partly = joined.hidden_state.copy()
    partly[::7] = UNKNOWN
    found = identify_hidden_state(game, replace(joined, hidden_state=partly), pool=True)
    assert found.recorded == pytest.approx(6 / 7, abs=1e-3)
    known = partly != UNKNOWN
    assert (found.belief[known].argmax(axis=1) == partly[known]).all()


def test_a_hidden_state_that_robots_do_not_feel_is_left_as_the_model_has_it():
    P_l = np.tile(np.full((2, 1, 1, 2), 0.5), (2, 1, 1, 1, 1))
    hidden = HiddenState([[0.95, 0.05], [0.05, 0.95]], P_l, np.zeros((2, 2, 1, 1)))
    game = TabularGame("blind", np.ones((1, 1, 1)), r_g=np.zeros((1, 1)), gamma=0.9, hidden=hidden)
    found = identify_hidden_state(game, without_hidden(simulated(game, 500, 5)), pool=True)
    (dwell,) = found.dwell
    assert dwell.high > 4 * dwell.low, "nothing is said of it"
    np.testing.assert_allclose(found.belief, 0.5, atol=0.05)


def test_what_was_identified_is_a_game_again(deliveries, tmp_path):
    found = identify_hidden_state(deliveries, simulated(deliveries, 300, 10))
    save_identified_game("deliveries", found.kernel, tmp_path / "seen.yaml", found.P_d)
    game = load_game(tmp_path / "seen.yaml")
    np.testing.assert_allclose(game.hidden.P_d, found.P_d)
    np.testing.assert_allclose(np.stack(list(game.hidden.local_kernel.blocks())), found.kernel.P_l, atol=1e-12)
    np.testing.assert_allclose(game.hidden.r_l, deliveries.hidden.r_l)
    assert game.hidden.names == deliveries.hidden.names


def test_a_game_without_a_hidden_state_is_refused(warehouse):
    run = Trajectory([0, 0], [0, 1], [0, 0], [0, 0], [[0], [0]], [[0], [0]])
    with pytest.raises(GameError, match="no hidden state"):
        identify_hidden_state(warehouse, run)
