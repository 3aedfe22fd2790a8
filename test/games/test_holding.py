"""The rule by which robots are held back at full places, against a slow one that tries every set of robots."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.games.holding import held_back


def hold(origin, wanted, priority, limits):
    arrays = (np.array(values, dtype=np.int64) for values in (origin, wanted))
    return held_back(*arrays, np.array(priority, dtype=float), np.array(limits, dtype=np.int64)).tolist()


def test_the_lowest_priorities_are_held_back():
    assert hold([0, 0, 0, 1], [1, 1, 1, 1], [0.3, 0.9, 0.5, 0.0], [9, 2]) == [True, False, True, False]


def test_whoever_leaves_makes_room_in_the_same_tick():
    assert hold([0, 1], [1, 0], [0.1, 0.2], [1, 1]) == [False, False]
    assert hold([0, 1, 2], [1, 2, 0], [0.1, 0.2, 0.3], [1, 1, 1]) == [False, False, False]  # a full ring turns


def test_whoever_is_held_back_is_in_the_way_of_others():
    # 2 is full and nobody leaves it, so the robot of 1 stays there, and so does the one of 0 behind it.
    assert hold([0, 1, 2], [1, 2, 2], [0.1, 0.2, 0.3], [1, 1, 1]) == [True, True, False]


def test_a_place_that_is_too_full_throws_nobody_out_and_lets_nobody_in():
    assert hold([0, 0, 0, 1], [0, 0, 1, 0], [0.1, 0.2, 0.3, 0.4], [1, 5]) == [False, False, False, True]


@st.composite
def ticks(draw):
    places, robots = draw(st.integers(2, 4)), draw(st.integers(1, 7))
    place = st.integers(0, places - 1)
    origin, wanted = (draw(st.lists(place, min_size=robots, max_size=robots)) for _ in range(2))
    limits = draw(st.lists(st.integers(0, 3), min_size=places, max_size=places))
    priority = draw(st.permutations(range(robots)))
    return np.array(origin), np.array(wanted), np.array(priority, dtype=float), np.array(limits)


def keeps_the_rule(origin, wanted, priority, limits, held):
    after = np.where(held, origin, wanted)
    for place, limit in enumerate(limits):
        enters = (wanted == place) & (origin != place)
        entered, refused = enters & ~held, enters & held
        if entered.any() and (after == place).sum() > limit:
            return False
        if entered.any() and refused.any() and priority[refused].max() > priority[entered].min():
            return False
    return True


@given(ticks())
def test_the_smallest_set_that_keeps_the_rule_is_held_back(tick):
    origin, wanted, priority, limits = tick
    movers = np.flatnonzero(origin != wanted)
    held = held_back(*(array.astype(np.int64) for array in (origin, wanted)), priority, limits.astype(np.int64))
    sets = (chosen for size in range(len(movers) + 1) for chosen in combinations(movers, size))
    smallest = next(s for s in sets if keeps_the_rule(origin, wanted, priority, limits, np.isin(np.arange(len(origin)), s)))
    assert np.flatnonzero(held).tolist() == list(smallest)


@given(ticks())
def test_a_place_where_anybody_is_held_back_is_full(tick):
    origin, wanted, priority, limits = tick
    held = held_back(*(array.astype(np.int64) for array in (origin, wanted)), priority, limits.astype(np.int64))
    after = np.bincount(np.where(held, origin, wanted), minlength=len(limits))
    assert (after <= np.maximum(limits, np.bincount(origin, minlength=len(limits)))).all()
    assert (after[wanted[held]] >= limits[wanted[held]]).all()


@pytest.mark.parametrize("want", [3, 5])
def test_everybody_has_the_same_chance(want):
    rng = np.random.default_rng(0)
    entered = np.zeros(want)
    for _ in range(4000):
        origin, wanted = np.zeros(want, dtype=np.int64), np.ones(want, dtype=np.int64)
        entered += ~held_back(origin, wanted, rng.random(want), np.array([9, 2]))
    np.testing.assert_allclose(entered / 4000, 2 / want, atol=4 * 0.5 / np.sqrt(4000))
