"""Populations in a world that holds robots back at full places, against all outcomes of a tick written out."""

from collections import Counter
from dataclasses import replace
from itertools import permutations, product
from math import factorial

import numpy as np
import pytest
from scipy.stats import chisquare

from altmarl_ros.games.holding import held_back
from altmarl_ros.games.room import Places, Room
from altmarl_ros.learning.populations.individuals import Individuals
from altmarl_ros.learning.populations.population import CountedPopulation, Fleets, simulate, start_fleets
from altmarl_ros.learning.populations.robot_kernels import draw_kernels
from altmarl_ros.observation import Fresh, Sticky
from altmarl_ros.policies import Ladder, LocalPolicy
from altmarl_ros.policies.counts import number_of_counts

S_L = 4
RUNS = 20_000


@pytest.fixture
def game(random_game):
    """Four local states in three places, of which the first has two states."""
    plain = random_game(11, 2, 3, S_L, 2, gamma=0.8, inertia=0.2)
    places = Places(np.array([0, 0, 1, 2]), ("a", "b", "c"))
    return replace(plain, room=Room(places, [2, 1, np.inf], [False] * 3))


@pytest.fixture
def pi_l():
    return LocalPolicy(np.random.default_rng(12).dirichlet(np.ones(2), (S_L, 2)))


def every_outcome(game, pi_l, robots, s_g):
    """Probabilities of the next counts and of the numbers held back, robot by robot and order by order."""
    P = np.einsum("la,lam->lm", pi_l.probabilities[:, s_g], game.P_l[:, s_g])
    place, limits = game.room.places.of, game.room.limits(len(robots))
    outcomes = Counter()
    for wanted in product(range(S_L), repeat=len(robots)):
        p = np.prod([P[j, w] for j, w in zip(robots, wanted, strict=True)])
        for order in permutations(range(len(robots))):
            held = held_back(place[list(robots)], place[list(wanted)], np.array(order, dtype=float), limits)
            after = np.where(held, robots, wanted)
            outcomes[(*np.bincount(after, minlength=S_L), held.sum())] += p / factorial(len(robots))
    return outcomes


def assert_same(seen, outcomes):
    keys = sorted(outcomes, key=lambda key: -outcomes[key])
    assert set(seen) <= set(keys)
    expected = np.array([outcomes[key] for key in keys]) * sum(seen.values())
    observed = np.array([seen[key] for key in keys])
    rare = expected < 5
    observed, expected = (np.append(each[~rare], each[rare].sum()) for each in (observed, expected))
    assert chisquare(observed[expected > 0], expected[expected > 0]).pvalue > 1e-4


@pytest.mark.parametrize("robots", [(0, 1, 2, 3), (0, 0, 1, 3), (2, 2, 2, 3)])  # the last two begin with a place too full
def test_a_tick_has_the_distribution_of_all_outcomes(game, pi_l, robots):
    counts = np.bincount(robots, minlength=S_L)
    start = Fleets(np.zeros(RUNS, dtype=np.int64), np.tile(counts, (RUNS, 1)))
    outcomes = every_outcome(game, pi_l, robots, 0)
    counted = CountedPopulation(game, pi_l, start)
    counted.step(np.zeros(RUNS, dtype=np.int64), np.random.default_rng(1))
    assert_same(Counter(map(tuple, np.column_stack([counted.counts, counted.held]).tolist())), outcomes)
    few = Fleets(start.s_g[:3000], start.counts[:3000])
    kernels = draw_kernels(game, len(robots), 0.0, np.random.default_rng(0))
    individuals = Individuals(game, pi_l.probabilities[None], kernels, few, np.random.default_rng(2))
    individuals.step(few.s_g, np.random.default_rng(3))
    assert_same(Counter(map(tuple, np.column_stack([individuals.counts, individuals.held]).tolist())), outcomes)


class Watch(Sticky):
    """Records the counts of a population at every decision; every robot reports."""

    def reset(self, runs):
        super().reset(runs)
        self.counts = []

    def decide(self, s_g, reports, n):
        self.counts.append(reports.copy())
        return super().decide(s_g, reports, n)


def ladder(K):
    rng = np.random.default_rng(13)
    return Ladder(tuple(rng.integers(3, size=(2, number_of_counts(k, S_L)), dtype=np.uint16) for k in range(K + 1)), S_L, 3)


def test_no_place_is_over_its_room_but_by_those_who_began_there(game, pi_l):
    game = replace(game, room=Room.of_shares(game.room.places, [0.5, 0.3, 0.4]))
    start = start_fleets(game, 10, 300, np.random.default_rng(0))
    model = Watch(ladder(10), game.initial, 0.5)
    rollouts = simulate(game, pi_l, model, k=10, start=start, horizon=40, rng=np.random.default_rng(1))
    by_place = np.stack([np.array(model.counts)[:, :, game.room.places.of == p].sum(axis=2) for p in range(3)], axis=2)
    assert (np.array(model.counts).sum(axis=2) == 10).all()
    assert (by_place[1:] <= np.maximum(game.room.limits(10), by_place[:-1])).all()
    assert (by_place[0] > game.room.limits(10)).any()
    assert (by_place[-1] <= game.room.limits(10)).mean() > 0.9
    assert ((rollouts.held > 0.0) & (rollouts.held < 0.7)).all()
    np.testing.assert_array_equal(rollouts.end.counts.sum(axis=1), 10)


def test_room_for_everybody_changes_nothing(game, pi_l):
    start = start_fleets(game, 10, 300, np.random.default_rng(0))
    wide = replace(game, room=Room.of_shares(game.room.places, 1.0))
    played = [
        simulate(each, pi_l, Fresh(ladder(3), game.initial), k=3, start=start, horizon=20, rng=np.random.default_rng(1))
        for each in (replace(game, room=None), wide)
    ]
    np.testing.assert_array_equal(played[0].rewards, played[1].rewards)
    assert not played[1].held.any()


def test_nobody_enters_a_place_without_room(game, pi_l):
    closed = replace(game, room=Room(game.room.places, [np.inf, 0, np.inf], [False] * 3))
    start = Fleets(np.zeros(200, dtype=np.int64), np.tile([5, 5, 0, 5], (200, 1)))
    rollouts = simulate(
        closed, pi_l, Fresh(ladder(3), game.initial), k=3, start=start, horizon=20, rng=np.random.default_rng(1)
    )
    assert (rollouts.end.counts[:, 2] == 0).all()
    assert rollouts.held.min() > 0.0


def test_turns_are_the_changes_of_action(game, pi_l):
    model = Watch(ladder(10), game.initial, 0.5)
    start = start_fleets(game, 10, 3, np.random.default_rng(0))
    actions = []
    decide = model.decide
    model.decide = lambda *seen: actions.append(decide(*seen)) or actions[-1]
    rollouts = simulate(game, pi_l, model, k=10, start=start, horizon=30, rng=np.random.default_rng(1))
    np.testing.assert_allclose(rollouts.turns, (np.diff(actions, axis=0) != 0).mean(axis=0))
