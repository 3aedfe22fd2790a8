"""A coordinator's account of a tick, to be varied."""

from dataclasses import replace

import pytest

from altmarl_ros.dashboard.ticks import TickAccount


@pytest.fixture
def account():
    return TickAccount(
        stamp=100.0,
        session=1,
        tick=0,
        policy_id=7,
        next_policy_id=7,
        robots=4,
        live=4,
        k=2,
        k_eff=2,
        asked=2,
        heard=2,
        rung=2,
        late=0,
        missed_ticks=0,
        report_bytes=388,
        bandwidth_limit=0.0,
        latency=0.01,
        age_mean=1.0,
        age_p95=2,
        global_state=1,
        global_action=2,
        estimate=(0.2, 0.2, 0.2, 0.2, 0.2),
        sampling_error=0.1,
        reward=5.0,
    )


@pytest.fixture
def at(account):
    """The account of a later tick."""

    def make(tick, seconds=0.5, **changes):
        return replace(account, tick=tick, stamp=100.0 + seconds * tick, **changes)

    return make
