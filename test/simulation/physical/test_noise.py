import numpy as np
from scipy import stats

from altmarl_ros.simulation.physical.noise import Purpose, counters, fill_normal, uniform


def draws(seed, purpose, n, count):
    out = np.empty((n, count))
    fill_normal(counters(seed, purpose, n), out)
    return out


def test_draws_are_normal_and_streams_are_independent():
    z = draws(3, Purpose.DRIVE, 20, 5000)
    assert stats.kstest(z.ravel(), "norm").pvalue > 1e-4
    correlations = np.corrcoef(np.vstack([z, draws(3, Purpose.LASER, 20, 5000), draws(4, Purpose.DRIVE, 20, 5000)]))
    np.fill_diagonal(correlations, 0.0)
    assert np.abs(correlations).max() < 5.5 / np.sqrt(5000)
    assert np.abs((z[:, 1:] * z[:, :-1]).mean()) < 4.5 / np.sqrt(z.size)


def test_a_stream_does_not_depend_on_how_many_there_are():
    np.testing.assert_array_equal(draws(1, Purpose.LASER, 3, 10), draws(1, Purpose.LASER, 30, 10)[:3])


def test_uniform_numbers_are_uniform():
    streams = counters(0, Purpose.DRIVE, 1)
    u = np.array([uniform(streams, 0) for _ in range(20000)])
    assert stats.kstest(u, "uniform").pvalue > 1e-4
