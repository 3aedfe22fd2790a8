"""A floor of 400 zones is built, moved and announced by what is not zero: dense arrays would take 2.4 GiB."""

import time
import tracemalloc

import numpy as np
import pytest

from altmarl_ros.errors import ResourceError
from altmarl_ros.games.attention import AttentionParameters, build_attention
from altmarl_ros.learning.local_agent import l_learn
from altmarl_ros.learning.populations.occupancy import Occupancy
from altmarl_ros.learning.populations.population import simulate, start_fleets
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.packing import as_on_the_wire, pack_probabilities
from altmarl_ros.protocol.held_policies import HeldPolicy
from altmarl_ros.protocol.messages import Tick, game_tag
from altmarl_ros.protocol.plant import VirtualPlant
from altmarl_ros.simulation.markov_world import MarkovWorld
from altmarl_ros.simulation.vectorised_fleet import Crowd

ZONES = 400


@pytest.fixture(scope="module")
def grid():
    return build_attention(AttentionParameters(width=20, height=20))


@pytest.fixture(scope="module")
def pi_l(grid):
    return LocalPolicy(np.eye(5)[grid.r_l.argmax(axis=2)])


class SendAnywhere:
    """A coordinator that does not listen."""

    turnover = 1.0

    def reset(self, runs):
        self._rng = np.random.default_rng(0)

    def decide(self, s_g, reports, n):
        return self._rng.integers(ZONES, size=len(s_g))


def test_it_is_built_and_played_in_little_time_and_memory(pi_l):
    tracemalloc.start()
    began = time.process_time()
    game = build_attention(AttentionParameters(width=20, height=20))
    start = start_fleets(game, 200, 20, np.random.default_rng(0))
    played = simulate(game, pi_l, SendAnywhere(), k=5, start=start, horizon=10, rng=np.random.default_rng(1))
    spent, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert played.rewards.shape == (20, 10)
    assert np.isfinite(played.rewards).all()
    assert played.visits.weight.sum() == pytest.approx(20 * (1 - game.gamma**10) / (1 - game.gamma))
    assert peak < 300 * 2**20
    assert spent < 60  # most of it compilation, where nothing is cached


@pytest.mark.slow
def test_robots_learn_where_to_go(grid):
    zones = np.arange(ZONES)
    stays = Occupancy(zones, zones, np.ones((ZONES, ZONES)), (ZONES, ZONES, ZONES))
    Q = l_learn(grid, stays).Q
    zone = 10 + 20 * 10
    assert [int(Q[zone + step, zone].argmax()) for step in (0, -1, 1, -20, 20)] == [0, 1, 2, 3, 4]


def test_a_crowd_takes_the_paths_of_single_robots(grid, pi_l):
    world, crowd = MarkovWorld(grid, 7), Crowd(grid, 0, 50, 7)
    assert [world.join(i) for i in range(50)] == crowd.local_states.tolist()
    crowd.leader.policies.hold(HeldPolicy(1, pi_l, game_tag("")))
    for t in range(5):
        s_g = 37 * t
        crowd.hear(Tick(1, t + 1, 1, s_g, None, ()), 0.1 * t)
        moves = crowd.act()
        assert moves.counts.sum() == 50
        after = [world.command(1, t + 1, i, s_g, int(a)) for i, a in enumerate(moves.local_actions)]
        assert after == crowd.local_states.tolist()


def test_attention_comes_nearer(grid):
    plant = VirtualPlant(grid, np.random.default_rng(0), state=0)
    for _ in range(100):
        plant.act(ZONES - 1)
    assert plant.state == ZONES - 1


def test_its_policy_fits_the_wire(pi_l):
    assert len(pack_probabilities(pi_l.probabilities)) < 100_000
    assert (as_on_the_wire(pi_l).probabilities == pi_l.probabilities).all()


def test_what_needs_dense_arrays_says_so(grid, pi_l):
    with pytest.raises(ResourceError, match="P_l of the game 'grid' would fill 2,441 MiB"):
        pi_l.transition(grid)
