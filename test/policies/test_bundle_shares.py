"""Bundles whose coordinator acts by value vectors: what is stored, and what is refused."""

import contextlib
import json
from dataclasses import replace

import numpy as np
import pytest

from altmarl_ros.errors import BundleError
from altmarl_ros.policies import load_bundle, save_bundle
from altmarl_ros.policies.bundle import _checksum
from altmarl_ros.policies.lookahead import Lookahead
from altmarl_ros.policies.shares.stored import ARRAYS, arrays_of


@pytest.fixture
def shares_file(shares_bundle, tmp_path):
    return save_bundle(shares_bundle, tmp_path / "shares.npz")


def unpacked(path):
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    return json.loads(arrays.pop("header").tobytes()), arrays


def resealed(path, header, arrays):
    """Write a file with a right checksum, as a forger or another program would."""
    body = {key: value for key, value in header.items() if key != "sha256"}
    text = json.dumps({**body, "sha256": _checksum(body, arrays)}).encode()
    np.savez(path, header=np.frombuffer(text, np.uint8), **arrays)


def test_a_round_trip_decides_the_same(shares_file, shares_bundle, warehouse):
    loaded = load_bundle(shares_file, warehouse)
    assert (loaded.kind, loaded.pi_g.most_reports) == ("shares", None)
    assert (loaded.content_hash, loaded.policy_id) == (shares_bundle.content_hash, shares_bundle.policy_id)
    for name, array in arrays_of(shares_bundle.pi_g).items():
        np.testing.assert_array_equal(arrays_of(loaded.pi_g)[name], array)
    rng = np.random.default_rng(0)
    s_g, shares = rng.integers(5, size=200), rng.dirichlet(np.ones(5), size=200)
    np.testing.assert_array_equal(loaded.pi_g.act_on_shares(s_g, shares), shares_bundle.pi_g.act_on_shares(s_g, shares))
    np.testing.assert_array_equal(loaded.pi_g.action_values(2, shares[0]), shares_bundle.pi_g.action_values(2, shares[0]))


@pytest.mark.parametrize("name", sorted({*ARRAYS, "pi_l"}))
def test_the_content_hash_covers_every_array(shares_file, shares_bundle, name):
    header, arrays = unpacked(shares_file)
    changed = arrays[name].copy()
    small = 1e-13 if name == "pi_l" else 1e-10  # rows are normalised beyond the one, the process is rounded below the other
    changed.flat[0] += small if changed.dtype.kind == "f" else 1
    resealed(shares_file, header, {**arrays, name: changed})
    with contextlib.suppress(BundleError):  # it fits no more
        assert load_bundle(shares_file).content_hash != shares_bundle.content_hash


def test_the_file_says_what_it_holds(shares_file):
    header, arrays = unpacked(shares_file)
    assert (header["version"], header["pi_g"]) == (2, "shares")
    assert "K" not in header
    assert set(arrays) == {"pi_l", "action_values", *ARRAYS}


def test_another_kind_of_policy_is_refused_by_name(shares_file, assert_refused):
    header, arrays = unpacked(shares_file)
    resealed(shares_file, {**header, "pi_g": "network"}, arrays)
    assert_refused(shares_file, "'pi_g' is 'network', this program reads 'ladder' and 'shares'")


def test_a_file_of_version_1_is_a_ladder(tmp_path, small_bundle, warehouse):
    path = save_bundle(small_bundle, tmp_path / "new.npz")
    header, arrays = unpacked(path)
    del header["pi_g"]
    resealed(path, {**header, "version": 1}, arrays)
    old = load_bundle(path, warehouse)
    assert (old.kind, old.policy_id) == ("ladder", small_bundle.policy_id)


def test_a_policy_of_another_discount_does_not_make_a_bundle(shares_bundle):
    with pytest.raises(BundleError, match=r"gamma is 0\.5, pi_g was learned under"):
        replace(shares_bundle, gamma=0.5)


def test_arrays_that_are_missing_or_unknown_are_refused(shares_file, assert_refused):
    header, arrays = unpacked(shares_file)
    resealed(shares_file, header, {name: array for name, array in arrays.items() if name != "alpha"})
    assert_refused(shares_file, "array 'alpha' is missing")
    resealed(shares_file, header, {**arrays, "rung_0": np.zeros((5, 1), np.uint16)})
    assert_refused(shares_file, "array 'rung_0' is unknown")


def largest(array):
    changed = array.copy()
    changed.flat[-1] = 10**9
    return changed


@pytest.mark.parametrize(
    ("name", "change", "fault"),
    [
        ("alpha", lambda a: np.where(a == a.max(), np.nan, a), "'alpha' has shape"),
        ("alpha", lambda a: a[:, :4], "do not fit 5 local states"),
        ("alpha", lambda a: a[:-1], "array"),
        ("alpha", lambda a: a.astype("U4"), ""),
        ("kernel_data", lambda a: -a, "has a row that is no distribution"),
        ("kernel_data", lambda a: 1.01 * a, "has a row that is no distribution"),
        ("kernel_data", lambda a: a[:-1], "damaged"),
        ("kernel_indptr", lambda a: a[::-1], "kernel_indptr must rise from 0"),
        ("kernel_indptr", lambda a: a[:-1], "must have whole kernels of 5"),
        ("kernel_indices", largest, "damaged"),
        ("kernel_indices", lambda a: a - 1, "must have 1 axes of whole numbers from 0 on"),
        ("kernel_of", largest, "kernel_of must hold 5 numbers"),
        ("local_reward", lambda a: a[:4], "damaged"),
        ("local_reward", lambda a: a[0], "'local_reward' has shape (5,)"),
        ("choice_of", largest, "choice_of has shape"),
        ("choice_reward", lambda a: a[:-1], "choice_of has shape"),
        ("outcome", largest, "damaged"),
        ("outcome_start", lambda a: a[:-1], "outcome_start must rise"),
        ("outcome_probability", lambda a: 0.5 * a, "P_g has a row that is no distribution"),
        ("vector_start", lambda a: np.zeros_like(a), "every global state must have a value vector"),
        ("vector_start", lambda a: a[:-1], "every global state must have a value vector"),
        ("vector_choice", largest, "vector_choice names choice 1000000000"),
        ("vector_choice", lambda a: a[::-1], "array"),
        ("vector_following", largest, "goes on with one that is none of"),
        ("vector_following", lambda a: a[:-1], "successors, must be"),
        ("vector_following", lambda a: a * 0, "goes on with a node of another global state"),
        ("choice_of", lambda a: np.zeros((0, 5), np.int64), "'choice_of' has shape (0, 5)"),
    ],
)
def test_bad_arrays_with_a_right_checksum_are_refused(shares_file, name, change, fault, assert_refused):
    header, arrays = unpacked(shares_file)
    resealed(shares_file, header, {**arrays, name: change(arrays[name])})
    assert_refused(shares_file, "" if fault == "array" else fault)


def test_a_small_file_that_asks_for_endless_outcomes_is_refused(shares_file, assert_refused):
    """Every action may name the same choice, whose outcomes are stored once."""
    header, arrays = unpacked(shares_file)
    many = 20_000
    choices = {
        "choice_of": np.zeros((5, many), np.int64),
        "choice_reward": np.zeros(1),
        "outcome_start": np.array([0, many]),
        "outcome": np.zeros(many, np.int64),
        "outcome_probability": np.full(many, 1 / many),
    }
    resealed(shares_file, header, {**arrays, **choices})
    assert_refused(shares_file, "outcomes")


def test_a_temperature_weighs_actions_by_the_value_vectors(warehouse, shares_bundle):
    shares = np.array([0.6, 0.1, 0.1, 0.1, 0.1])
    Q = shares_bundle.pi_g.action_values(0, shares)
    best = int(shares_bundle.pi_g.act_on_shares(np.array([0]), shares[None])[0])
    lookahead = Lookahead(warehouse, shares_bundle)
    np.testing.assert_allclose(lookahead.gaps(0, shares, best), np.maximum(Q[best] - Q, 0.0), atol=1e-12)
    assert lookahead.gaps(0, shares, best).max() == pytest.approx(Q.max() - Q.min())
    chances = (np.arange(5000) + 0.5) / 5000
    drawn = np.bincount([lookahead.draw(0, shares, best, 0.5, chance) for chance in chances], minlength=5)
    weights = np.exp((Q - Q.max()) / 0.5)
    np.testing.assert_allclose(drawn / 5000, weights / weights.sum(), atol=4e-4)
