"""The path of a hidden state, and simulated robots that move by it."""

import numpy as np
import pytest
from scipy.stats import chisquare

from altmarl_ros.games import HiddenState
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.protocol.held_policies import HeldPolicy
from altmarl_ros.protocol.messages import Tick
from altmarl_ros.simulation.hidden_path import LONGEST, HiddenPath
from altmarl_ros.simulation.markov_world import MarkovWorld
from altmarl_ros.simulation.vectorised_fleet import Crowd

SESSION, POLICY, TAG = 4, 9, 0xBEEF


@pytest.fixture(scope="module")
def hidden():
    P_d = np.array([[0.7, 0.3, 0.0], [0.1, 0.8, 0.1], [0.25, 0.25, 0.5]])
    return HiddenState(P_d, np.ones((3, 1, 1, 1, 1)), np.zeros((3, 1, 1, 1)), rho_d=[0.2, 0.5, 0.3])


def test_paths_begin_and_go_on_by_their_distributions(hidden):
    path = HiddenPath(hidden, seed=2)
    d = np.array([path.at(SESSION, tick) for tick in range(20_000)])
    for state, row in enumerate(hidden.P_d):
        seen = np.bincount(d[1:][d[:-1] == state], minlength=3)
        assert (seen[row == 0] == 0).all()
        assert chisquare(seen[row > 0], seen.sum() * row[row > 0]).pvalue > 1e-3
    first = np.bincount([path.at(session, 0) for session in range(3000)], minlength=3)
    assert chisquare(first, 3000 * hidden.rho_d).pvalue > 1e-3


def test_every_process_finds_the_same_path_whichever_ticks_it_asks_for(hidden):
    steady, leaping = HiddenPath(hidden, seed=5), HiddenPath(hidden, seed=5)
    path = {session: [steady.at(session, tick) for tick in range(600)] for session in (1, 2)}
    for session, tick in [(1, 550), (2, 3), (1, 549), (1, 7), (2, 599), (1, 8), (1, 599), (2, 0)]:
        assert leaping.at(session, tick) == path[session][tick]
    assert path[1] != path[2]
    assert path[1] != [HiddenPath(hidden, seed=6).at(1, tick) for tick in range(600)]


def test_many_sessions_and_ticks_far_ahead_cost_little(hidden):
    path = HiddenPath(hidden, seed=5)
    first = path.at(0, 3)
    for session in range(1, 50):
        path.at(session, 3)
    assert len(path._sessions) <= 8
    assert path.at(0, 3) == first
    assert path.at(0, 2**32 - LONGEST + 3) == first


def held(loads):
    work = np.zeros((3, 2, 2))
    work[..., 1] = 0.9
    work[..., 0] = 0.1
    return HeldPolicy(POLICY, LocalPolicy(work), TAG)


def play(crowd, ticks):
    """Let a crowd act; its moves and the states after them."""
    for number in range(ticks):
        crowd.hear(Tick(SESSION, number, POLICY, number % 2, None, ()), 0.0)
        yield crowd.act(), crowd.local_states


def test_robots_of_crowds_and_of_the_world_move_by_the_same_hidden_state(loads):
    whole, part, world = Crowd(loads, 0, 40, seed=3), Crowd(loads, 30, 10, seed=3), MarkovWorld(loads, seed=3)
    for crowd in (whole, part):
        crowd.policies.hold(held(loads))
    states = {i: world.join(i) for i in whole.ids}
    seen = set()
    for (moves, _), (others, _) in zip(play(whole, 60), play(part, 60), strict=True):
        assert moves.local_states.tolist() == list(states.values())
        assert moves.local_states[30:].tolist() == others.local_states.tolist()
        tick = moves.tick
        actions = dict(zip(whole.ids, moves.local_actions.tolist(), strict=True))
        states = {i: world.command(SESSION, tick.tick, i, tick.global_state, a) for i, a in actions.items()}
        (truth,) = world.closed_ticks()
        assert truth.hidden_state == moves.hidden_state == others.hidden_state
        seen.add(moves.hidden_state)
    assert seen == {0, 1}


def test_moves_follow_the_kernel_of_the_regime(loads):
    crowd = Crowd(loads, 0, 4000, seed=1)
    crowd.policies.hold(held(loads))
    seen = np.zeros((2, 2, 3, 2, 3), dtype=np.int64)
    for moves, after in play(crowd, 30):
        np.add.at(seen[moves.hidden_state, moves.tick.global_state], (moves.local_states, moves.local_actions, after), 1)
    assert (seen.sum(axis=(2, 3, 4)) > 0).all()
    for d, s_g, s_l, a_l in np.ndindex(seen.shape[:-1]):
        kernel = loads.hidden.local_kernel
        row = kernel.rows.dense()[kernel.row_at(s_l, d * 2 + s_g, a_l)]
        counts = seen[d, s_g, s_l, a_l]
        assert (counts[row == 0] == 0).all()
        if counts.sum() > 100 and (row > 0).sum() > 1:
            assert chisquare(counts[row > 0], counts.sum() * row[row > 0]).pvalue > 1e-4


def test_a_game_without_a_hidden_state_has_none(warehouse):
    world = MarkovWorld(warehouse, seed=1)
    world.join(1)
    world.command(SESSION, 0, 1, 0, 0)
    assert [truth.hidden_state for truth in world.closed_ticks()] == [None]
