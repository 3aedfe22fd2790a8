from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from scipy.stats import betabinom

from altmarl_ros.errors import ResourceError
from altmarl_ros.learning.counts.count_kernel import check_table, count_kernel, start_distribution, subset_distribution
from altmarl_ros.policies.counts import enumerate_counts


@pytest.mark.parametrize(("n", "L"), [(0, 3), (1, 1), (3, 2), (5, 3), (4, 4)])
def test_kernel_is_that_of_robots_moved_one_by_one(counts_kernel, n, L):
    P = np.random.default_rng(n).dirichlet(np.ones(L), L)
    np.testing.assert_allclose(count_kernel(P, n), counts_kernel(P, n), atol=1e-14)


def test_kernel_from_more_types_than_states_has_the_right_mean():
    P = np.random.default_rng(0).dirichlet(np.ones(2), 4)
    kernel = count_kernel(P, 5)
    np.testing.assert_allclose(kernel @ enumerate_counts(5, 2), enumerate_counts(5, 4) @ P, atol=1e-13)
    np.testing.assert_allclose(kernel.sum(axis=1), 1.0, atol=1e-13)


def test_singular_kernels_are_not_refused():
    np.testing.assert_allclose(count_kernel(np.full((3, 3), 1 / 3), 9).sum(axis=1), 1.0, atol=1e-13)


@pytest.mark.parametrize("k", [0, 1, 2, 4])
def test_subsets_are_counted_one_by_one(k):
    n, L = 4, 3
    heard, subsets = subset_distribution(n, k, L), enumerate_counts(k, L)
    for row, N in enumerate(enumerate_counts(n, L)):
        robots = np.repeat(np.arange(L), N)
        drawn = Counter(tuple(np.bincount(robots[list(s)], minlength=L)) for s in combinations(range(n), k))
        expected = [drawn[tuple(c)] / sum(drawn.values()) for c in subsets]
        np.testing.assert_allclose(heard[row], expected, atol=1e-14)


def test_start_of_two_states_is_beta_binomial():
    np.testing.assert_allclose(start_distribution(np.array([0.3, 1.7]), 9), betabinom(9, 0.3, 1.7).pmf(range(10)), rtol=1e-10)


def test_a_table_over_the_limit_is_refused_with_its_size():
    with pytest.raises(ResourceError, match=r"the thing needs 8 MiB, over the limit of 7 MiB; choose fewer robots"):
        check_table("the thing", 1 << 20, 7 << 20)
    check_table("the thing", 1 << 20, 8 << 20)
