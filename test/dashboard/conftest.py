"""A coordinator's account of a tick, to be varied, and a recorded run."""

from dataclasses import replace

import numpy as np
import pytest

from altmarl_ros.dashboard.ticks import TickAccount
from altmarl_ros.games import load_game
from altmarl_ros.records.run_record import RunRecord


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


def run_of(game):
    """A run in which robot 5 goes round the states, robot 6 leaves at tick 200, and robot 7 stays in state 1."""
    game, T, N = load_game(game), 400, 3
    per_tick = {name: np.full(T, 2) for name in ("session", "asked", "heard", "rung", "reports", "report_bytes")}
    states = np.ones((T, N), dtype=np.int64)
    states[:, 0] = np.arange(T) % game.n_local_states
    states[200:, 1] = -1
    hidden = np.arange(T) // 100 if game.hidden is not None else None
    return game, RunRecord(
        **per_tick,
        tick=np.arange(T),
        global_state=np.arange(T) % game.n_global_states,
        global_action=np.zeros(T, dtype=np.int64),
        latency=np.full(T, 0.01),
        estimate=np.full((T, game.n_local_states), 1 / game.n_local_states),
        local_state=states,
        local_action=np.where(states < 0, -1, 0),
        actions=np.ones((T, N), dtype=np.int64),
        hidden_state=hidden,
        belief=np.full((T, game.n_hidden_states), 1 / game.n_hidden_states) if hidden is not None else None,
        about={"game": game.name, "k": 2, "period": 0.5, "robot_ids": [5, 6, 7]},
    )


@pytest.fixture(scope="session")
def make_run():
    """Makes a game and a record of 400 ticks of it."""
    return run_of
