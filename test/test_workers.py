from threading import Barrier

import numpy as np
import pytest

from altmarl_ros.games import load_game
from altmarl_ros.learning.shares.initial import blind_plans
from altmarl_ros.observation import make_filter
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.shares import SharesPolicy, SharesProcess
from altmarl_ros.workers import in_slices, side_by_side


@pytest.mark.parametrize("operations", [0.0, 1e9])
@pytest.mark.parametrize("size", [0, 1, 7, 100])
def test_every_item_is_worked_on_once(size, operations):
    times = np.zeros(size, dtype=int)

    def work(part):
        times[part] += 1

    in_slices(work, size, operations)
    assert (times == 1).all()


def test_an_error_in_a_slice_is_raised():
    def work(part):
        raise ValueError(part)

    with pytest.raises(ValueError, match="slice"):
        in_slices(work, 10, 1e9)


def test_what_is_done_side_by_side_comes_back_in_order(monkeypatch):
    monkeypatch.setattr("altmarl_ros.workers.available_cores", lambda: 2)
    both = Barrier(2, timeout=30.0)  # neither passes alone
    assert side_by_side(lambda item: (both.wait(), 10 * item)[1], [3, 1]) == [30, 10]
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda item: 1 / item, [1, 0])


def test_many_fleets_side_by_side_decide_and_estimate_as_each_alone(monkeypatch):
    game = load_game("warehouse")
    pi_l = LocalPolicy.uniform(game)
    process = SharesProcess.under_policy(game, pi_l)
    pi_g = SharesPolicy(process, blind_plans(process, 1e-4))
    rng = np.random.default_rng(0)
    ticks = [(rng.integers(5, size=12), rng.multinomial(4, np.full(5, 0.2), size=12)) for _ in range(6)]

    def played(runs):
        model = make_filter(game, pi_l, pi_g)
        model.reset(len(range(12)[runs]))
        return [(model.decide(s_g[runs], reports[runs], 30), model.estimate) for s_g, reports in ticks]

    monkeypatch.setattr("altmarl_ros.workers._LONG", 0)
    monkeypatch.setattr("altmarl_ros.workers.available_cores", lambda: 3)
    together = played(slice(0, 12))
    for run in range(12):
        for (action, estimate), (own_action, own_estimate) in zip(together, played(slice(run, run + 1)), strict=True):
            assert action[run] == own_action[0]
            assert np.array_equal(estimate[run], own_estimate[0])
