"""Rules of thumb do what their names say, and a learned pair is compared with them in the same episodes."""

import numpy as np
import pytest

from altmarl_ros.games import load_game
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.learning.evaluation import Evaluation, common_start
from altmarl_ros.learning.rules_of_thumb import cyclic, fixed, levels, longest_queue


def decided(rule, s_g, reports, ticks):
    rule.reset(1)
    return [int(rule.decide(np.array([s_g]), reports, 9)[0]) for _ in range(ticks)]


def test_rules_stay_go_round_and_go_where_most_wait():
    game = load_game("deliveries")
    waiting = np.zeros((1, game.n_local_states), dtype=np.int64)
    assert decided(fixed(game), 2, waiting, 3) == [0, 0, 0]
    assert decided(cyclic(game, 2), 0, waiting, 9) == [0, 0, 1, 1, 2, 2, 3, 3, 0]
    assert decided(longest_queue(game), 2, waiting, 1) == [2]  # nobody waits: it stays
    names = list(game.local_state_names)
    waiting[0, names.index("drop 4 loaded")], waiting[0, names.index("drop 2 loaded")] = 3, 2
    waiting[0, names.index("pick-up 1")] = 4  # robots that have nothing to bring do not wait
    assert decided(longest_queue(game), 1, waiting, 1) == [3]


@pytest.mark.slow
def test_who_knows_more_earns_more_and_one_report_more_than_the_rules():
    game = load_game("deliveries")
    bundle = train(game, TrainingOptions(K=3, n=30, rounds=1, runs=20, certificate_runs=0, search_seconds=0))
    played = levels(Evaluation(game, bundle, common_start(game, 30, 60, 0), 150, 0), (0, 1, 3), 3)
    learned = [rollouts.value for name, rollouts in played.items() if name.startswith("learned")]
    assert learned == sorted(learned)
    assert len(learned) == 5
    one = played.pop("learned, k = 1").returns
    for name in ("fixed", "cyclic", "where most wait, 3 heard"):
        gain = one - played[name].returns
        assert gain.mean() > 3 * gain.std(ddof=1) / np.sqrt(len(gain)), name
