import json

import numpy as np
import pytest

from altmarl_ros.policies.bundle import _checksum


def unpacked(path):
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    return json.loads(arrays.pop("header").tobytes()), arrays


def packed(path, header, arrays):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    np.savez(path, header=np.frombuffer(text, np.uint8), **arrays)


def resealed(path, header, arrays):
    """Write a file with a right checksum, as a forger or another program would."""
    body = {key: value for key, value in header.items() if key != "sha256"}
    packed(path, {**body, "sha256": _checksum(body, arrays)}, arrays)


def test_object_array_is_refused_unread(bundle_file, assert_refused):
    header, arrays = unpacked(bundle_file)
    packed(bundle_file, header, {**arrays, "pi_l": np.array([print], dtype=object)})
    assert_refused(bundle_file, "is not an .npz file of numbers")


@pytest.mark.parametrize("arrays", [{"x": np.zeros(3)}, {}])
def test_foreign_npz_is_refused(tmp_path, arrays, assert_refused):
    np.savez(tmp_path / "policy.npz", **arrays)
    assert_refused(tmp_path / "policy.npz", "it has no header")


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        pytest.param(b"{", "its header is not JSON", id="torn"),
        pytest.param(b"\xff\xfe", "its header is not JSON", id="not UTF-8"),
        pytest.param(b"[" * 100_000, "its header is not JSON", id="deep"),
        pytest.param(b"[1]", "does not say 'altmarl policy bundle'", id="list"),
        pytest.param(b'{"format": "other"}', "does not say 'altmarl policy bundle'", id="other format"),
    ],
)
def test_foreign_header_is_refused(bundle_file, raw, fault, assert_refused):
    packed(bundle_file, raw, unpacked(bundle_file)[1])
    assert_refused(bundle_file, fault)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"version": 99}, "has format version 99, this program reads 1 and 2"),
        ({"K": 2}, "array 'rung_3' is unknown"),
        ({"K": 4}, "array 'rung_4' is missing"),
        ({"K": -1}, "'K' is -1"),
        ({"K": 10**9}, "'K' is 1000000000"),
        ({"K": True}, "'K' is True"),
        ({"K": "3"}, "'K' is '3'"),
        ({"report": None}, "'report' is None"),
        ({"gamma": "high"}, "'gamma' is 'high'"),
        ({"game_hash": "0" * 16}, "does not match its checksum"),
        ({"seed": 12345}, "does not match its checksum"),
        ({"sha256": "0" * 64}, "does not match its checksum"),
    ],
)
def test_altered_header_is_refused(bundle_file, changes, fault, assert_refused):
    header, arrays = unpacked(bundle_file)
    packed(bundle_file, {**header, **changes}, arrays)
    assert_refused(bundle_file, fault)


@pytest.mark.parametrize("key", ["game", "game_hash", "gamma", "K", "n_global_actions", "seed", "report", "sha256"])
def test_incomplete_header_is_refused(bundle_file, key, assert_refused):
    header, arrays = unpacked(bundle_file)
    del header[key]
    packed(bundle_file, header, arrays)
    assert_refused(bundle_file, f"its header lacks '{key}'")


def test_missing_and_extra_arrays_are_refused(bundle_file, assert_refused):
    header, arrays = unpacked(bundle_file)
    packed(bundle_file, header, {name: array for name, array in arrays.items() if name != "rung_1"})
    assert_refused(bundle_file, "array 'rung_1' is missing")
    packed(bundle_file, header, {**arrays, "extra": np.zeros(1)})
    assert_refused(bundle_file, "array 'extra' is unknown")


@pytest.mark.parametrize("name", ["pi_l", "rung_2"])
def test_altered_array_is_refused(bundle_file, name, assert_refused):
    header, arrays = unpacked(bundle_file)
    packed(bundle_file, header, {**arrays, name: np.roll(arrays[name], 1, axis=-1)})
    assert_refused(bundle_file, "does not match its checksum")


@pytest.mark.parametrize(
    ("name", "array", "fault"),
    [
        pytest.param("pi_l", np.full((5, 5, 3), 0.3), "pi_l[s_l=0, s_g=0] sums to 0.9, not 1", id="row sum"),
        pytest.param("pi_l", np.full((5, 5, 3), np.nan), "pi_l[s_l=0, s_g=0, a_l=0] is nan", id="nan"),
        pytest.param("pi_l", np.full((5, 4, 1), 1.0), "action values have shape (5, 5, 3)", id="other size"),
        pytest.param("action_values", np.full((5, 5, 3), np.inf), "must be (5, 5, 3) of finite numbers", id="infinite value"),
        pytest.param("action_values", np.full((5, 5, 3), "a"), "action_values", id="value of text"),
        pytest.param("values", np.zeros((34, 5), np.float32), "values have shape (34, 5)", id="values of another rung"),
        pytest.param("values", np.full((35, 5), np.nan, np.float32), "must be (35, 5) of finite numbers", id="no value"),
        pytest.param("pi_l", np.array(1.0), "pi_l has shape ()", id="no axes"),
        pytest.param("pi_l", np.full((5, 5, 3), "a"), "pi_l", id="text"),
        pytest.param("pi_l", np.full((5, 5, 3), 1 / 3 + 0j), "pi_l", id="complex"),
        pytest.param("rung_1", np.full((5, 5), 5, np.uint16), "rung 1 has action 5, must be below 5", id="action"),
        pytest.param("rung_1", np.zeros((5, 6), np.uint16), "rung 1 has shape (5, 6)", id="rung size"),
        pytest.param("rung_0", np.zeros((5, 1), "U1"), "rung_0", id="rung of text"),
    ],
)
def test_bad_array_with_a_right_checksum_is_refused(bundle_file, name, array, fault, assert_refused):
    header, arrays = unpacked(bundle_file)
    resealed(bundle_file, header, {**arrays, name: array})
    assert_refused(bundle_file, fault)
