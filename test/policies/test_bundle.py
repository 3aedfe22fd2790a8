import json
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.errors import BundleError
from altmarl_ros.games import load_game
from altmarl_ros.policies import LocalPolicy, PolicyBundle, load_bundle, save_bundle


def same(a, b):
    headers = [(x.game, x.game_hash, x.gamma, x.seed, json.dumps(x.report), x.policy_id) for x in (a, b)]
    arrays = zip((*a.pi_g.rungs, a.pi_l.probabilities), (*b.pi_g.rungs, b.pi_l.probabilities), strict=True)
    return headers[0] == headers[1] and all(x.dtype == y.dtype and np.array_equal(x, y) for x, y in arrays)


@pytest.fixture(scope="module")
def content(small_bundle, tmp_path_factory):
    return save_bundle(small_bundle, tmp_path_factory.mktemp("bundle") / "policy.npz").read_bytes()


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("scratch") / "policy.npz"


def test_round_trip_is_bit_identical(bundle_file, small_bundle, warehouse):
    assert same(load_bundle(bundle_file, warehouse), small_bundle)


def test_policy_id_tells_policies_apart(small_bundle):
    mixed = 0.99 * small_bundle.pi_l.probabilities + 0.01 / 3
    other = PolicyBundle(small_bundle.pi_g, LocalPolicy(mixed), "g", "h", 0.9, 0, {})
    assert other.policy_id != small_bundle.policy_id
    assert 0 <= other.policy_id < 2**32


def test_policies_of_different_sizes_do_not_make_a_bundle(small_bundle):
    with pytest.raises(BundleError, match="pi_l is for 4 local and 5 global states, pi_g for 5 and 5"):
        PolicyBundle(small_bundle.pi_g, LocalPolicy(np.ones((4, 5, 1))), "g", "h", 0.9, 0, {})


def test_another_game_is_refused(bundle_file, warehouse, assert_refused):
    assert_refused(bundle_file, f"hash {warehouse.content_hash}", load_game("warehouse_distance"))


@pytest.mark.parametrize(
    ("bytes_", "fault"),
    [
        pytest.param(b"", "is not an .npz file of numbers", id="empty"),
        pytest.param(b"not a zip file at all", "is not an .npz file of numbers", id="text"),
        pytest.param(bytes(range(256)) * 40, "is not an .npz file of numbers", id="binary"),
        pytest.param(b"PK\x03\x04" + bytes(200), "is not an .npz file of numbers", id="torn zip"),
    ],
)
def test_foreign_bytes_are_refused(tmp_path, bytes_, fault, assert_refused):
    path = tmp_path / "policy.npz"
    path.write_bytes(bytes_)
    assert_refused(path, "is not an .npz file")


def test_missing_file_and_directory_are_refused(tmp_path, assert_refused):
    assert_refused(tmp_path / "nowhere.npz", "cannot be read")
    assert_refused(tmp_path, "cannot be read")


@given(share=st.floats(0, 1, exclude_max=True))
def test_truncated_file_is_refused(content, scratch, share, assert_refused):
    scratch.write_bytes(content[: int(share * len(content))])
    assert_refused(scratch, "")


@given(share=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_flipped_bit_is_refused_or_harmless(content, scratch, small_bundle, share, bit):
    damaged = bytearray(content)
    damaged[int(share * len(content))] ^= 1 << bit
    scratch.write_bytes(damaged)
    try:
        loaded = load_bundle(scratch)
    except BundleError:
        return
    assert same(loaded, small_bundle)


def test_flipped_bit_of_the_policy_is_refused(content, scratch, assert_refused):
    damaged = bytearray(content)
    damaged[content.index(b"pi_l.npy") + 60] ^= 1
    scratch.write_bytes(damaged)
    assert_refused(scratch, "")


@pytest.mark.parametrize("call", ["replace", "fsync"])
def test_failed_save_leaves_the_old_file(bundle_file, small_bundle, monkeypatch, call):
    before = bundle_file.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(BundleError, match="cannot be written: No space left on device"):
            save_bundle(small_bundle, bundle_file)
    assert bundle_file.read_bytes() == before
    assert [file.name for file in bundle_file.parent.iterdir()] == [bundle_file.name]


def test_save_where_no_file_can_be_is_refused(small_bundle, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BundleError, match="cannot be written"):
        save_bundle(small_bundle, tmp_path / "file" / "policy.npz")
    with pytest.raises(BundleError, match="cannot be written"):
        save_bundle(small_bundle, tmp_path)
