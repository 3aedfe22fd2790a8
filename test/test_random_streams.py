"""Streams in arrays against numpy's generators, and their distributions."""

import numpy as np
import pytest
from scipy import stats

from altmarl_ros.random_streams import draw_some, draw_uniform, fill_normal, make_streams, spread


@pytest.mark.parametrize(
    ("seed", "purpose", "ids"),
    [(0, 1, range(3)), (7, 2, range(99_990, 100_000)), (2**31, 1, range(2**32 - 2, 2**32 - 1)), (2**70 + 9, 1, [4, 9, 2])],
)
def test_every_stream_draws_what_numpys_generator_draws(seed, purpose, ids):
    streams = make_streams(seed, purpose, ids)
    drawn = np.stack([draw_uniform(streams) for _ in range(200)], axis=1)
    expected = [np.random.default_rng([seed, purpose, i]).random(200) for i in ids]
    np.testing.assert_array_equal(drawn, expected)


def test_streams_that_do_not_draw_stay_where_they_are():
    streams = make_streams(5, 3, range(4))
    some = draw_some(streams, np.array([2, 0]), 3)
    expected = [np.random.default_rng([5, 3, i]).random(4) for i in range(4)]
    np.testing.assert_array_equal(some, [expected[2][:3], expected[0][:3]])
    np.testing.assert_array_equal(draw_uniform(streams), [expected[0][3], expected[1][0], expected[2][3], expected[3][0]])


def test_no_streams():
    assert draw_uniform(make_streams(0, 1, range(0))).shape == (0,)


def normals(seed, purpose, n, count):
    out = np.empty((n, count))
    fill_normal(make_streams(seed, purpose, range(n)), out)
    return out


def test_draws_are_normal_and_streams_are_independent():
    z = normals(3, 10, 20, 5000)
    assert stats.kstest(z.ravel(), "norm").pvalue > 1e-4
    correlations = np.corrcoef(np.vstack([z, normals(3, 13, 20, 5000), normals(4, 10, 20, 5000)]))
    np.fill_diagonal(correlations, 0.0)
    assert np.abs(correlations).max() < 5.5 / np.sqrt(5000)
    assert np.abs((z[:, 1:] * z[:, :-1]).mean()) < 4.5 / np.sqrt(z.size)


def test_a_stream_does_not_depend_on_how_many_there_are():
    np.testing.assert_array_equal(normals(1, 13, 3, 10), normals(1, 13, 30, 10)[:3])


@pytest.mark.parametrize("first", [0, 1, 998])
@pytest.mark.parametrize("count", [3, 10, 1000])
def test_successive_indices_are_spread_evenly(first, count):
    gaps = np.diff(sorted(spread(i) for i in range(first, first + count)))
    assert gaps.max() < 2.7 / count  # three gap lengths, the longest at most 1 + the golden ratio of the mean
    assert gaps.min() > 0.3 / count
