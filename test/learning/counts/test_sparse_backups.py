import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.learning.counts.sparse_backups import SampledBackup, interpolate
from altmarl_ros.policies.counts import enumerate_counts, number_of_counts

FLOAT32 = 2e-7  # weights are kept in single precision

seeds = st.integers(0, 2**32 - 1)
sizes = st.sampled_from([(L, k) for L in range(1, 5) for k in range(9)])


def kernel(seed, L):
    return np.random.default_rng(seed).dirichlet(np.ones(L), L)


def matrix(backup, k, L):
    """Return the backup as a matrix [c, c'], by applying it to an indicator of each next count vector."""
    indicators = np.eye(number_of_counts(k, L))
    out = np.empty_like(indicators)
    backup.expect(0, indicators, out)
    return out


@pytest.mark.parametrize("m", [4, 100, 2500])
def test_sampled_error_is_that_of_m_independent_samples(counts_kernel, m):
    L, k = 4, 8
    P, rng = kernel(1, L), np.random.default_rng(2)
    V = rng.normal(size=(number_of_counts(k, L), 1))
    exact = counts_kernel(P, k)
    mean = exact @ V
    variance = exact @ V**2 - mean**2
    out = np.empty_like(V)
    SampledBackup(P[None], k, m, rng).expect(0, V, out)
    z = (out - mean) / np.sqrt(variance / m)
    assert abs(z.mean()) < 4 / np.sqrt(len(z))
    assert 0.75 < np.sqrt(np.mean(z**2)) < 1.25


def test_samples_stay_the_same_over_sweeps_and_follow_the_seed():
    P, k = kernel(0, 3)[None], 5
    backup, again, other = (SampledBackup(P, k, 3, np.random.default_rng(seed)) for seed in (7, 7, 8))
    first = matrix(backup, k, 3)
    np.testing.assert_array_equal(matrix(backup, k, 3), first)
    np.testing.assert_array_equal(matrix(again, k, 3), first)
    assert (matrix(other, k, 3) != first).any()


@given(seeds, sizes)
def test_values_that_are_linear_in_the_shares_are_interpolated_exactly(seed, size):
    L, k = size
    weights = np.random.default_rng(seed).normal(size=(L, 2))
    for k_from in (1, 3, 2 * k):
        few, many = (enumerate_counts(size, L) / max(size, 1) @ weights for size in (k_from, k))
        if k and k_from:
            np.testing.assert_allclose(interpolate(few, k_from, k, L), many, rtol=0, atol=20 * FLOAT32)


@given(st.lists(st.integers(0, 3), min_size=4, max_size=4), st.integers(0, 8))
def test_samples_are_exact_for_deterministic_moves(counts_kernel, target, k):
    P = np.eye(4)[target]
    np.testing.assert_array_equal(matrix(SampledBackup(P[None], k, 2, np.random.default_rng(0)), k, 4), counts_kernel(P, k))


def test_each_global_state_has_its_own_kernel():
    L, k = 3, 4
    P, counts = np.stack([kernel(seed, L) for seed in range(2)]), enumerate_counts(k, L).astype(float)
    backup = SampledBackup(P, k, 400, np.random.default_rng(0))
    for s_g in range(2):
        out = np.empty_like(counts)
        backup.expect(s_g, counts, out)
        np.testing.assert_allclose(out, counts @ P[s_g], atol=5 * np.sqrt(k / 4 / 400))
