import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from altmarl_ros.errors import ResourceError
from altmarl_ros.learning import exact_backup
from altmarl_ros.learning.exact_backup import ExactBackup, factorise
from altmarl_ros.policies.counts import enumerate_counts, number_of_counts

seeds = st.integers(0, 2**32 - 1)
sizes = st.sampled_from([(L, k) for L in range(1, 5) for k in range(9)])


def kernel(seed, L, inertia=0.5):
    rng = np.random.default_rng(seed)
    return inertia * np.eye(L) + (1 - inertia) * rng.dirichlet(np.ones(L), L)


def apply(P, k, V):
    out = np.empty_like(V)
    ExactBackup(P[None], k).expect(0, V, out)
    return out


def values(seed, k, L, columns=3):
    return np.random.default_rng(seed).uniform(-1, 1, (number_of_counts(k, L), columns))


@given(seeds, sizes)
def test_equals_the_expectation_over_all_next_counts(counts_kernel, seed, size):
    L, k = size
    P, V = kernel(seed, L), values(seed, k, L)
    np.testing.assert_allclose(apply(P, k, V), counts_kernel(P, k) @ V, rtol=0, atol=1e-10)


@settings(max_examples=6 * settings.default.max_examples)
@given(seeds, st.sampled_from([(2, 5), (2, 40), (3, 8), (4, 6)]), st.floats(0, 1))
def test_is_right_or_refused_for_any_kernel(counts_kernel, seed, size, inertia):
    L, k = size
    P, V = kernel(seed, L, inertia), values(seed, k, L)
    try:
        result = apply(P, k, V)
    except ResourceError:
        assume(False)
    np.testing.assert_allclose(result, counts_kernel(P, k) @ V, rtol=0, atol=1e-9)


@given(seeds, sizes)
def test_factors_multiply_to_the_kernel(seed, size):
    L, _ = size
    P = kernel(seed, L)
    relabel, factors = factorise(P).relabel, factorise(P).factors
    product = np.eye(L)[list(relabel)]
    for factor in factors:
        elementary = np.eye(L)
        elementary[factor.source, factor.source] = 1 - factor.b
        elementary[factor.source, factor.target] = factor.b
        product = product @ elementary
    assert len(factors) <= L * (L - 1)
    np.testing.assert_allclose(product, P, rtol=0, atol=1e-12)


@given(seeds, sizes)
def test_robots_that_all_move_on_are_as_exact_as_those_that_stay(counts_kernel, seed, size):
    L, k = size
    P, V = np.roll(kernel(seed, L, 0.7), 1, axis=1), values(seed, k, L)
    np.testing.assert_allclose(apply(P, k, V), counts_kernel(P, k) @ V, rtol=0, atol=1e-10)


def test_each_global_state_has_its_own_kernel(counts_kernel):
    P, k = np.stack([kernel(seed, 3) for seed in range(2)]), 4
    V, backup = values(0, k, 3), ExactBackup(P, k)
    for s_g in range(2):
        out = np.empty_like(V)
        backup.expect(s_g, V, out)
        np.testing.assert_allclose(out, counts_kernel(P[s_g], k) @ V, rtol=0, atol=1e-12)


@pytest.mark.parametrize("k", [0, 1, 25])
def test_robots_that_stay_change_nothing(k):
    V = values(0, k, 4)
    np.testing.assert_array_equal(apply(np.eye(4), k, V), V)


@given(seeds, sizes)
def test_composition_is_the_kernels_product(seed, size):
    L, k = size
    P, Q = kernel(seed, L, inertia=0.7), kernel(seed + 1, L, inertia=0.7)
    V = values(seed, k, L)
    np.testing.assert_allclose(apply(P, k, apply(Q, k, V)), apply(P @ Q, k, V), rtol=0, atol=1e-9)


@pytest.mark.parametrize(("L", "k"), [(2, 60), (5, 12), (5, 25)])
def test_linear_values_follow_the_mean(L, k):
    P, counts = kernel(2, L, inertia=0.8), enumerate_counts(k, L).astype(float)
    np.testing.assert_allclose(apply(P, k, counts), counts @ P, rtol=0, atol=1e-9 * k)


def test_two_states_give_binomial_variances():
    k, stay, come = 10, 0.9, 0.3
    first = enumerate_counts(k, 2)[:, :1].astype(float)
    P = np.array([[stay, 1 - stay], [come, 1 - come]])
    mean, square = apply(P, k, first), apply(P, k, first**2)
    variance = first * stay * (1 - stay) + (k - first) * come * (1 - come)
    np.testing.assert_allclose(square - mean**2, variance, rtol=0, atol=1e-10)


def test_input_is_not_altered():
    V = values(0, 5, 3)
    before = V.copy()
    apply(kernel(0, 3), 5, V)
    np.testing.assert_array_equal(V, before)


@pytest.mark.parametrize("P", [np.full((3, 3), 1 / 3), np.array([[0.2, 0.8], [0.2, 0.8]])])
def test_kernels_without_elimination_are_refused(P):
    with pytest.raises(ResourceError, match="singular"):
        ExactBackup(P[None], 2)


def test_growing_errors_are_refused_by_state_and_number_of_robots():
    P = np.stack([np.eye(5), np.random.default_rng(0).dirichlet(np.full(5, 0.5), 5)])
    assert np.isfinite(factorise(P[1]).log_growth_per_robot)
    ExactBackup(P, 1)
    with pytest.raises(ResourceError, match="at s_g=1 and k=200 rounding errors could grow by"):
        ExactBackup(P, 200)


@pytest.mark.parametrize("L", [8, 12])
@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_states_is_found_whatever_they_are_called(L, seed):
    """Robots that never go back need no growth of errors, but only if all states may be put in order, not the last six."""
    rng = np.random.default_rng(seed)
    onwards = np.triu(rng.dirichlet(np.ones(L), L))
    P = 0.3 * np.eye(L) + 0.7 * onwards / onwards.sum(axis=1, keepdims=True)
    names = rng.permutation(L)
    assert factorise(P[np.ix_(names, names)]).log_growth_per_robot < 1e-9


def test_many_states_are_put_in_order_by_few_eliminations(monkeypatch):
    """It took 3 s for a kernel of 50 states: 259 eliminations."""
    made = []
    eliminate = exact_backup._eliminate
    monkeypatch.setattr(exact_backup, "_eliminate", lambda A, order: made.append(order) or eliminate(A, order))
    P = kernel(3, 50, inertia=0.9)
    assert factorise(P).log_growth_per_robot < eliminate(P, range(50)).growth
    assert len(made) < 30
