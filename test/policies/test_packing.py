import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.policies import LocalPolicy, packing
from altmarl_ros.policies.packing import (
    MOST_EXACT,
    Form,
    as_on_the_wire,
    pack_action_values,
    pack_probabilities,
    unpack_action_values,
    unpack_probabilities,
    unpacked_policy,
)

SHAPE = (100, 100, 5)


def greedy_policy(shape, seed=0):
    rng = np.random.default_rng(seed)
    return np.eye(shape[2])[rng.integers(shape[2], size=shape[:2])]


@given(st.integers(0, 1000), st.integers(1, 5))
def test_small_policies_come_as_they_are(seed, A_l):
    rng = np.random.default_rng(seed)
    p, Q = rng.dirichlet(np.ones(A_l), (4, 3)), rng.normal(size=(4, 3, A_l))
    policy = LocalPolicy(p, Q)
    again = unpacked_policy(p.shape, pack_probabilities(policy.probabilities), pack_action_values(policy.action_values))
    assert (again.probabilities == policy.probabilities).all()
    assert (again.action_values == Q).all()
    assert as_on_the_wire(policy) is policy


@pytest.mark.parametrize("shape", [(400, 400, 5), (300, 300, 2), (70, 2, 300)])
def test_greedy_policies_come_as_they_are_in_few_bytes(shape):
    p = greedy_policy(shape)
    packed = pack_probabilities(p)
    assert len(packed) < 100_000
    assert packed[0] == Form.GREEDY
    assert (unpack_probabilities(packed, shape) == p).all()
    assert (as_on_the_wire(LocalPolicy(p)).probabilities == p).all()


@pytest.mark.parametrize(("seed", "concentration"), [(0, 0.02), (1, 0.3), (2, 10.0)])
def test_large_policies_lose_little_and_only_once(seed, concentration):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(5, concentration), SHAPE[:2])
    once = as_on_the_wire(LocalPolicy(p))
    assert np.abs(once.probabilities - p).max() < 1.0 / 65535
    assert (once.probabilities[p == 0] == 0).all()
    assert (as_on_the_wire(once).probabilities == once.probabilities).all()
    assert (unpack_probabilities(pack_probabilities(p), SHAPE) == once.probabilities).all()


@pytest.mark.parametrize(("seed", "unit"), [(0, 1e-6), (1, 1.0), (2, 1e9)])
def test_large_action_values_keep_their_gaps(seed, unit):
    Q = unit * (100.0 + np.random.default_rng(seed).normal(size=SHAPE))
    again = as_on_the_wire(LocalPolicy(greedy_policy(SHAPE), Q)).action_values
    gaps = Q - Q.max(axis=-1, keepdims=True)
    np.testing.assert_allclose(again, gaps, rtol=1e-3, atol=1e-6 * unit)
    assert len(pack_action_values(Q)) < 2 * Q.size + 100


def test_action_values_that_are_all_alike():
    assert (unpack_action_values(pack_action_values(np.full(SHAPE, 3.0)), SHAPE) == 0.0).all()


@given(st.binary(max_size=64))
def test_any_bytes_are_refused_by_name(noise):
    for unpack, name in ((unpack_probabilities, "probabilities"), (unpack_action_values, "action_values")):
        with pytest.raises(ValueError, match=f"^{name} "):
            unpack(noise, SHAPE)


def packed(form, content):
    return bytes([form]) + zlib.compress(content)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"", "probabilities are of form none"),
        (b"\7abc", "probabilities are of form 7"),
        (b"\1abc", "probabilities are damaged"),
        (packed(1, bytes(3)), "do not hold 4 bytes"),
        (packed(1, bytes(5)), "do not hold 4 bytes"),
        (packed(1, bytes(4)) + b"x", "do not hold 4 bytes"),
        (packed(1, bytes(4))[:-5], "do not hold 4 bytes"),
        (packed(1, b"\0\1\2\3"), "probabilities name action 3, must be below 3"),
        (packed(2, np.full(12, 21845, "<u2").tobytes()[:-2] + b"\0\0"), "a row that does not sum to 65535"),
        (packed(0, np.full(12, 0.5).tobytes()), "probabilities: pi_l[s_l=0, s_g=0] sums to 1.5"),
    ],
)
def test_bad_probabilities_are_refused_by_name(bad, reason):
    with pytest.raises(ValueError, match=r"^probabilities") as refusal:
        unpacked_policy((2, 2, 3), bad, b"")
    assert reason in str(refusal.value)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (packed(1, bytes(4)), "action_values are of form 1"),
        (packed(0, np.full(12, np.inf).tobytes()), "not finite"),
        (packed(2, struct.pack("<d", np.inf) + bytes(24)), "not finite"),
        (packed(2, struct.pack("<d", 1e308) + np.full(12, -6e4, "<f2").tobytes()), "not finite"),
    ],
)
def test_bad_action_values_are_refused_by_name(bad, reason):
    with pytest.raises(ValueError, match=r"^action_values") as refusal:
        unpacked_policy((2, 2, 3), packed(1, bytes(4)), bad)
    assert reason in str(refusal.value)


@pytest.mark.slow
def test_a_bomb_is_unpacked_no_further_than_it_may_be():
    import tracemalloc

    bomb = packed(1, bytes(1 << 28))
    tracemalloc.start()
    with pytest.raises(ValueError, match="do not hold 10000 bytes"):
        unpack_probabilities(bomb, SHAPE)
    with pytest.raises(ValueError, match="entries, must have 1 to"):
        unpack_probabilities(bomb, (65535, 65535, 2))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10e6


def test_what_is_exact_is_below_the_limit_of_entries():
    assert MOST_EXACT < packing.MOST_ENTRIES
