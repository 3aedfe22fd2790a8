"""The search for responses, against enumeration of all policies of small games."""

from itertools import product

import numpy as np
import pytest

from altmarl_ros.errors import AltmarlError
from altmarl_ros.games.random_game import RandomGameParameters, build_random_game
from altmarl_ros.learning.gaps.exact_responses import ExactArena, RungPair
from altmarl_ros.learning.gaps.exact_team import TeamGame
from altmarl_ros.learning.gaps.gap_rate import learn_pair
from altmarl_ros.learning.populations.population import simulate, start_fleets
from altmarl_ros.learning.response_search import SIDES, Gain, SampledArena, Search, sampled_gain
from altmarl_ros.observation import Fresh
from altmarl_ros.policies import Ladder, LocalPolicy
from altmarl_ros.policies.counts import number_of_counts

FOREVER = 1e9


class Hill:
    """Pairs of numbers: each side may step up or down by one, and what a pair earns is a table."""

    def __init__(self, table):
        self.table, self.compared = np.asarray(table, dtype=float), []

    def responses(self, side, held):
        at = SIDES.index(side)
        for step in (-1, 1):
            moved = tuple(value + step * (i == at) for i, value in enumerate(held))
            if all(0 <= value < size for value, size in zip(moved, self.table.shape, strict=True)):
                yield moved

    def gain(self, candidate, held, confidence):
        self.compared.append((candidate, held))
        return Gain(self.table[candidate] - self.table[held], 0.5)


RIDGE = np.add.outer(np.arange(0, 30, 3), [0, 2, 4, 9])  # the second side's first steps gain 2: within 2 errors of 0.5 each


def test_it_climbs_until_neither_side_gains():
    result = Search(Hill(RIDGE), FOREVER).run([(0, 0)])
    assert result.pair == (9, 3)
    assert (result.closed, result.starts) == (True, 1)
    assert result.kept == 12


def test_gains_within_their_error_are_not_kept():
    result = Search(Hill(RIDGE), FOREVER, confidence=5.0).run([(0, 0)])
    assert result.pair == (9, 0)
    assert result.closed


def test_the_best_of_several_starts_is_kept():
    valley = np.array([[5.0], [0.0], [9.0], [0.0], [7.0]])
    result = Search(Hill(valley), FOREVER).run([(0, 0), (3, 0), (4, 0)])
    assert (result.pair, result.starts, result.closed) == ((2, 0), 3, True)


def test_it_ends_when_its_time_is_used():
    now = [0.0]
    hill = Hill(RIDGE)
    gain = hill.gain
    hill.gain = lambda *given: now.__setitem__(0, now[0] + 1.0) or gain(*given)
    search = Search(hill, 6.5, clock=lambda: now[0])
    result = search.run([(0, 0), (5, 0)])  # two comparisons of starts, five of responses
    assert (result.closed, result.starts, result.tried) == (False, 2, 5)
    assert result.pair == (7, 0)


def test_without_time_the_first_start_still_gets_one_response():
    result = Search(Hill(RIDGE), 0.0).run([(0, 0), (5, 0)])
    assert (result.pair, result.closed, result.tried) == ((1, 0), False, 1)


def test_who_is_told_may_end_the_search():
    def stop(pair, gain):
        raise KeyboardInterrupt(pair, gain.mean)

    with pytest.raises(KeyboardInterrupt) as told:
        Search(Hill(RIDGE), FOREVER, on_kept=stop).run([(0, 0)])
    assert told.value.args == ((1, 0), 3.0)


@pytest.mark.parametrize("wrong", [{"seconds": -1.0}, {"seconds": np.nan}, {"seconds": 1.0, "confidence": -2.0}])
def test_wrong_options_are_refused_by_name(wrong):
    with pytest.raises(AltmarlError, match="must not be negative"):
        Search(Hill(RIDGE), **wrong)
    with pytest.raises(AltmarlError, match="needs a pair"):
        Search(Hill(RIDGE), 1.0).run([])


def test_close_comparisons_take_more_episodes():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(16, 50))
    played = []

    def play(pair, block):
        played.append((pair, block))
        return pair + noise[block] * (1.0 if pair else 0.5)  # common random numbers, which do not cancel altogether

    arena = SampledArena(play, lambda side, held: (), most_blocks=16)
    assert arena.gain(5.0, 0.0, 2.0).mean == pytest.approx(5.0, abs=0.5)
    assert {block for _, block in played} == {0}
    played.clear()
    close = arena.gain(0.05, 0.0, 2.0)
    assert max(block for _, block in played) >= 3
    assert close.error < 0.5 / np.sqrt(150)
    played.clear()
    assert arena.gain(1.0, 1.0, 2.0) == Gain(0.0, 0.0)
    assert {block for _, block in played} == {0}
    played.clear()
    late = SampledArena(play, lambda side, held: (), most_blocks=16, over=lambda: True)
    assert not late.gain(0.05, 0.0, 2.0).certain(2.0)
    assert {block for _, block in played} == {0}, "an undecided comparison ends with the time"


@pytest.mark.parametrize(("difference", "worth", "blocks"), [(0.0, 0.0, 4), (0.0, 0.1, 1), (0.2, 0.02, 2), (-0.2, 0.02, 1)])
def test_a_comparison_ends_once_the_gain_is_certain_to_be_small(difference, worth, blocks):
    noise = np.random.default_rng(0).normal(size=(4, 100))
    noise -= noise.mean(axis=1, keepdims=True)  # every block says the same
    played = []

    def candidate(block):
        played.append(block)
        return 10.0 + difference + 2.0 * noise[block]

    gain = sampled_gain(candidate, lambda block: 10.0 + noise[block], confidence=2.5, most_blocks=4, worth=worth)
    assert len(played) == blocks
    assert gain.mean == pytest.approx(difference)


def every_table(shape, actions):
    for table in product(range(actions), repeat=int(np.prod(shape))):
        yield np.array(table).reshape(shape)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 6))])
def test_no_other_policy_of_either_side_earns_more(seed):
    game = build_random_game(RandomGameParameters(seed=seed, global_states=2, local_states=2, local_actions=2))
    team, k = TeamGame(game, 4), 1
    arena = ExactArena(team, k)
    result = Search(arena, FOREVER).run(arena.starts())
    assert result.closed
    pair, value = result.pair, arena.value(result.pair)
    rungs = [team.value(team.response(table.astype(np.uint16)), pair.pi_l) for table in every_table(pair.rung.shape, 2)]
    q = team.response(pair.rung)
    robots = [team.value(q, LocalPolicy(np.eye(2)[table])) for table in every_table((2, 2), 2)]
    assert max(rungs) <= value + 1e-6
    assert max(robots) <= value + 1e-6
    alternated = learn_pair(team, k)
    assert value >= team.value(team.response(alternated[0]), alternated[1]) - 1e-9


def test_it_finds_what_alternating_leaves():
    """A coordinator could gain 29 % here after training: G-LEARN takes the robots heard to be the same at every tick."""
    game = build_random_game(RandomGameParameters(seed=4, global_states=3, local_states=3))
    team = TeamGame(game, 6)
    rung, pi_l = learn_pair(team, 2)
    arena = ExactArena(team, 2)
    result = Search(arena, FOREVER).run([RungPair(rung, pi_l)])
    assert arena.value(result.pair) > 1.02 * arena.value(RungPair(rung, pi_l))


def test_a_coordinator_without_reports_has_responses_too():
    game = build_random_game(RandomGameParameters(seed=1, global_states=2, local_states=2))
    arena = ExactArena(TeamGame(game, 3), 0)
    result = Search(arena, FOREVER).run(arena.starts())
    assert result.closed
    assert result.pair.rung.shape == (2, 1)


@pytest.mark.slow
def test_episodes_find_the_pair_that_enumeration_finds():
    game = build_random_game(RandomGameParameters(seed=3, global_states=2, local_states=2, start_concentration=0.5))
    n, k, horizon = 6, 1, 45
    team = TeamGame(game, n)
    lower = np.zeros((2, number_of_counts(0, 2)), np.uint16)
    starts = [start_fleets(game, n, 60, np.random.default_rng([0, block])) for block in range(8)]

    def play(pair, block):
        model = Fresh(Ladder((lower, pair.rung), 2, 2), game.initial)
        rng = np.random.default_rng([1, block])
        return simulate(game, pair.pi_l, model, k=k, start=starts[block], horizon=horizon, rng=rng).returns

    def propose(side, held):
        if side == "global":
            return [RungPair(table.astype(np.uint16), held.pi_l) for table in every_table((2, 2), 2)]
        return [RungPair(held.rung, LocalPolicy(np.eye(2)[table])) for table in every_table((2, 2), 2)]

    first = RungPair(np.zeros((2, 2), np.uint16), LocalPolicy.uniform(game))
    result = Search(SampledArena(play, propose), FOREVER).run([first])
    exact = ExactArena(team, k)
    value = exact.value(result.pair)
    left = max(exact.value(pair) for side in SIDES for pair in propose(side, result.pair)) - value
    assert result.closed
    assert left < 0.03 * (value - exact.value(first))
