"""Tests that a pair that was learned from samples of a simulator serves as well as one that was learned from its tables."""

import numpy as np
import pytest

from altmarl_ros.games import build_game
from altmarl_ros.games.sampling import sample_game
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.learning.populations.population import simulate, start_fleets
from altmarl_ros.observation import make_filter

ROBOTS, K, HORIZON, RUNS = 60, 3, 200, 300


def simulator(game):
    """The step function of a game with a hidden state; its states are told by name, such as a user's simulator would do."""
    hidden, S_g = game.hidden, game.n_global_states
    rows, cumulative = hidden.local_kernel, hidden.cumulative
    states = {"global": range(S_g), "local": game.local_state_names, "hidden": hidden.names}
    actions = {"global": game.global_action_names, "local": game.local_action_names}
    number = {name: i for names in (*states.values(), *actions.values()) for i, name in enumerate(names)}
    moves = np.cumsum(game.P_g, axis=2)

    def step(at, rng):
        s_g, a_g, s_l, a_l, d = (number[label] for label in at)
        u = rng.random(3)
        regime = d * S_g + s_g
        return (
            int(np.searchsorted(moves[s_g, a_g], u[0], side="right")),
            game.local_state_names[rows.rows.draw(rows.row_at(s_l, regime, a_l), u[1])],
            game.r_g[s_g, a_g],
            hidden.r_l[s_l, regime, a_l],
            hidden.names[min(int(np.searchsorted(cumulative[d], u[2], side="right")), len(hidden) - 1)],
        )

    return step, {"states": states, "actions": actions}


def earned(game, known, bundle):
    """Reward per tick [runs] in the true game, of a pair whose filter knows another one."""
    start = start_fleets(game, ROBOTS, RUNS, np.random.default_rng(1))
    model = make_filter(known, bundle.pi_l, bundle.pi_g)
    rng = np.random.default_rng(2)
    return simulate(game, bundle.pi_l, model, k=K, start=start, horizon=HORIZON, rng=rng).rewards.mean(axis=1)


@pytest.mark.slow  # two trainings, and enough episodes to tell one percent
def test_deliveries_from_samples_earn_within_two_percent_of_deliveries_from_tables():
    game = build_game("deliveries", {"corners": 2})
    step, declared = simulator(game)
    sampled = sample_game(step, **declared, samples=400, gamma=game.gamma, start=game.initial, seed=5)
    assert not sampled.hardly_visited(fewer_than=400)
    options = TrainingOptions(K=K, n=ROBOTS, rounds=2, runs=30, horizon=100, certificate_runs=0, search_seconds=0.0)
    best = earned(game, game, train(game, options))
    ours = earned(game, sampled.game, train(sampled.game, options))
    assert (best - ours).std(ddof=1) / np.sqrt(RUNS) < 0.006 * best.mean()
    assert ours.mean() > 0.98 * best.mean()
