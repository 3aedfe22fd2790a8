import numpy as np
import pytest

from altmarl_ros.errors import BundleError
from altmarl_ros.policies import Ladder
from altmarl_ros.policies.counts import enumerate_counts, number_of_counts

S_G, L, ACTIONS = 2, 3, 7


def rungs(K=2):
    rng = np.random.default_rng(K)
    return [rng.integers(ACTIONS, size=(S_G, number_of_counts(k, L)), dtype=np.uint16) for k in range(K + 1)]


@pytest.mark.parametrize("k", [0, 1, 2])
def test_acts_by_the_rung_of_the_number_of_reports(k):
    tables = rungs()
    ladder = Ladder(tuple(tables), L, ACTIONS)
    counts = enumerate_counts(k, L)
    for s_g in range(S_G):
        np.testing.assert_array_equal(ladder.act(np.full(len(counts), s_g), counts), tables[k][s_g])


def test_sizes():
    ladder = Ladder(tuple(rungs(K=4)), L, ACTIONS)
    assert (ladder.K, ladder.n_global_states, ladder.n_local_states) == (4, S_G, L)


def test_rungs_are_read_only_copies():
    tables = rungs()
    ladder = Ladder(tuple(tables), L, ACTIONS)
    before = ladder.rungs[1].copy()
    tables[1][:] = 0
    np.testing.assert_array_equal(ladder.rungs[1], before)
    with pytest.raises(ValueError, match="read-only"):
        ladder.rungs[1][0] = 0


def replaced(rung, table):
    return [table if k == rung else original for k, original in enumerate(rungs())]


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ([], "the ladder has no rung"),
        (rungs()[1:], "rung 0 has shape"),
        (replaced(2, np.zeros((S_G, 5), np.uint16)), "rung 2 has shape (2, 5) of uint16, must be (2, 6) of integers"),
        (replaced(1, np.zeros((3, 3), np.uint16)), "rung 1 has shape (3, 3)"),
        (replaced(1, np.zeros((S_G, 3))), "rung 1 has shape (2, 3) of float64, must be (2, 3) of integers"),
        (replaced(0, np.zeros(S_G, np.uint16)), "rung 0 has shape (2,)"),
        (replaced(1, np.full((S_G, 3), ACTIONS)), "rung 1 has action 7, must be below 7"),
        (replaced(1, np.full((S_G, 3), -1)), "rung 1 has action -1"),
    ],
)
def test_what_is_no_ladder_is_refused_by_rung(tables, message):
    with pytest.raises(BundleError) as refusal:
        Ladder(tuple(tables), L, ACTIONS)
    assert message in str(refusal.value)


def test_a_ladder_without_global_states_is_refused():
    with pytest.raises(BundleError, match="the ladder has no global state"):
        Ladder((np.zeros((0, 1), dtype=np.uint16),), 2, 2)


def test_a_ladder_shares_frozen_rungs_and_copies_others(warehouse):
    rung = np.zeros((5, 1), dtype=np.uint16)
    first = Ladder((rung,), 5, 5)
    rung[:] = 3
    assert (first.rungs[0] == 0).all()
    assert Ladder(first.rungs, 5, 5).rungs[0] is first.rungs[0]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e308])
def test_values_that_single_precision_cannot_hold_are_refused(value):
    with pytest.raises(BundleError, match="of finite numbers"):
        Ladder((np.zeros((2, 1), dtype=np.uint16),), 2, 2, values=np.array([[0.0, value]]))
