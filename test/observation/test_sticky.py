"""A sticky subset keeps its robots, in the draw and in the simulation."""

import numpy as np
import pytest

from altmarl_ros.errors import AltmarlError
from altmarl_ros.learning.populations.population import Fleets, simulate
from altmarl_ros.observation import Fresh, make_model
from altmarl_ros.observation.model import kept_robots
from altmarl_ros.protocol.roster import Roster


@pytest.mark.parametrize(
    ("k", "turnover", "kept"), [(5, 1.0, 0), (5, 0.0, 5), (5, 0.2, 4), (1, 0.2, 0), (10, 0.25, 8), (0, 0.5, 0)]
)
def test_number_of_robots_kept(k, turnover, kept):
    assert kept_robots(k, turnover) == kept


def test_the_draw_keeps_the_live_ones_and_fills_up_uniformly():
    roster, rng = Roster(), np.random.default_rng(0)
    for robot_id in range(10):
        roster.join(robot_id, f"/r{robot_id}")
    roster.leave(3)
    drawn = [roster.draw(4, rng, keep=(3, 7, 8)) for _ in range(3000)]
    assert all(set(draw[:2]) == {7, 8} and len(set(draw)) == 4 for draw in drawn)
    filled = np.bincount([robot for draw in drawn for robot in draw[2:]], minlength=10)
    others = filled[[0, 1, 2, 4, 5, 6, 9]]
    np.testing.assert_allclose(others / others.sum(), 1 / 7, atol=0.02)
    assert filled[[3, 7, 8]].sum() == 0


def reports_of(turnover, game, bundle, *, k=3, n=30, ticks=4000):
    seen = []

    class Watched(Fresh):
        def decide(self, s_g, reports, n):
            seen.append(reports[0].copy())
            return super().decide(s_g, reports, n)

    model = Watched(bundle.pi_g, game.initial)
    model.turnover = turnover
    counts = np.random.default_rng(0).multinomial(n, np.full(5, 0.2))
    simulate(
        game,
        bundle.pi_l,
        model,
        k=k,
        start=Fleets(np.zeros(1, dtype=np.int64), counts[None]),
        horizon=ticks,
        rng=np.random.default_rng(1),
    )
    return np.array(seen)


@pytest.mark.slow
def test_a_sticky_subset_changes_less_and_is_as_large(warehouse, small_bundle):
    change = {}
    for turnover in (0.0, 0.34, 1.0):
        reports = reports_of(turnover, warehouse, small_bundle)
        assert (reports.sum(axis=1) == 3).all()
        change[turnover] = np.abs(np.diff(reports, axis=0)).sum(axis=1).mean()
    assert change[0.0] < 0.8 * change[0.34] < 0.8 * change[1.0]


def test_a_turnover_outside_0_to_1_is_refused(warehouse, small_bundle):
    with pytest.raises(AltmarlError, match=r"turnover is 1\.5"):
        make_model("sticky", warehouse, small_bundle, 1.5)
