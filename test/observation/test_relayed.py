import numpy as np
import pytest

from altmarl_ros.errors import AltmarlError
from altmarl_ros.observation import Fresh, Lossy, Sticky


def test_reports_are_lost_at_the_rate_that_is_asked_for_and_the_rung_is_of_those_left(warehouse, small_bundle):
    runs, loss = 20_000, 0.3
    lossy = Lossy(Fresh(small_bundle.pi_g, warehouse.initial), loss, np.random.default_rng(0))
    lossy.reset(runs)
    reports = np.tile([2, 0, 1, 0, 0], (runs, 1))
    actions = lossy.decide(np.zeros(runs, dtype=np.int64), reports, 10)
    kept = np.bincount(lossy.rung, minlength=4) / runs
    binomial = [loss**3, 3 * (1 - loss) * loss**2, 3 * (1 - loss) ** 2 * loss, (1 - loss) ** 3]
    assert kept == pytest.approx(binomial, abs=0.015)
    everything = lossy.rung == 3
    assert (actions[everything] == small_bundle.pi_g.act(np.array([0]), reports[:1])).all()
    assert lossy.estimate[everything] == pytest.approx(np.tile([2 / 3, 0, 1 / 3, 0, 0], (everything.sum(), 1)))
    assert lossy.error.shape == (runs,)


def test_no_loss_changes_nothing_and_full_loss_leaves_the_rung_of_nobody(warehouse, small_bundle):
    s_g, reports = np.arange(5), np.tile([1, 1, 1, 0, 0], (5, 1))
    plain = Fresh(small_bundle.pi_g, warehouse.initial)
    for loss, heard in ((0.0, reports), (1.0, np.zeros_like(reports))):
        lossy = Lossy(Fresh(small_bundle.pi_g, warehouse.initial), loss, np.random.default_rng(0))
        lossy.reset(5)
        assert (lossy.decide(s_g, reports, 10) == plain.decide(s_g, heard, 10)).all()


def test_turnover_is_the_models_own_and_loss_a_share(warehouse, small_bundle):
    assert Lossy(Sticky(small_bundle.pi_g, warehouse.initial, 0.3), 0.1, np.random.default_rng(0)).turnover == 0.3
    with pytest.raises(AltmarlError, match="loss"):
        Lossy(Fresh(small_bundle.pi_g, warehouse.initial), 1.5, np.random.default_rng(0))
