import contextlib
import os
import time

import numpy as np
import pytest

from altmarl_ros.errors import AltmarlError
from altmarl_ros.files import check_writable, parse_yaml, read_npz, read_regular, read_yaml, write_npz


def test_round_trip(tmp_path):
    arrays = {"a": np.arange(6, dtype=np.uint16).reshape(2, 3), "b": np.array(0.5)}
    write_npz(tmp_path / "deep" / "x.npz", arrays)
    loaded = read_npz(tmp_path / "deep" / "x.npz")
    assert loaded.keys() == arrays.keys()
    for name, array in arrays.items():
        assert loaded[name].dtype == array.dtype
        np.testing.assert_array_equal(loaded[name], array)


def test_a_small_file_that_unpacks_to_much_is_refused(tmp_path):
    path = tmp_path / "bomb.npz"
    write_npz(path, {"zeros": np.zeros(100_000)})
    assert path.stat().st_size < 10_000
    with pytest.raises(ValueError, match=r"holds 800\d\d\d bytes when unpacked, more than 10000"):
        read_npz(path, most_bytes=10_000)


def test_a_large_file_is_refused_before_it_is_unpacked(tmp_path):
    (tmp_path / "x.npz").write_bytes(bytes(101))
    with pytest.raises(ValueError, match="is larger than 100 bytes"):
        read_npz(tmp_path / "x.npz", most_bytes=100)


@pytest.mark.parametrize("array", [np.array(["text"]), np.array([1j]), np.array(["2020-01-01"], "M8[D]"), np.zeros(2, "V4")])
def test_anything_but_real_numbers_is_refused_by_name(tmp_path, array):
    np.savez(tmp_path / "x.npz", odd=array)
    with pytest.raises(ValueError, match=r"array 'odd' holds .*, must hold real numbers"):
        read_npz(tmp_path / "x.npz")


@pytest.fixture(params=["pipe", "folder", "device", "nothing", "NUL", "dangling link"])
def no_file(request, tmp_path):
    path = tmp_path / "no_file"
    if request.param == "pipe":
        os.mkfifo(path)
    elif request.param == "folder":
        path.mkdir()
    elif request.param == "device":
        path.symlink_to("/dev/zero")
    elif request.param == "dangling link":
        path.symlink_to(tmp_path / "nowhere")
    elif request.param == "NUL":
        path = tmp_path / "a\0b"
    return path


@pytest.mark.parametrize("read", [read_npz, read_yaml, lambda path: read_regular(path, 10)])
def test_what_is_no_regular_file_is_refused_at_once(no_file, read):
    with pytest.raises(ValueError, match=r"^cannot be read: (is not a regular file|is a folder|No such file|embedded null)"):
        read(no_file)


def test_a_regular_file_is_read_through_a_link(tmp_path):
    (tmp_path / "here").write_bytes(b"a: 1")
    (tmp_path / "link").symlink_to(tmp_path / "here")
    assert read_yaml(tmp_path / "link") == {"a": 1}


SLOW = {
    "many keys": "\n".join(f"k{i}: 1" for i in range(60_000)),
    "many keys in braces": "{" + ", ".join(f"k{i}: 1" for i in range(40_000)) + "}",
    "deep lists": "[" * 500_000,
    "deep mappings": "{a: " * 200_000,
    "keys of keys": "? " * 400_000,
    "a long number": "a: " + "9" * 900_000,
    "a long number of base 60": "a: " + ":".join(["59"] * 300_000),
    "a long float of base 60": "a: " + ":".join(["59"] * 300_000) + ".0",
}


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=[pytest.mark.slow] * ("many" in kind)) for kind in SLOW])
def test_large_documents_are_read_or_refused_soon(kind):
    """The check for keys that stand twice took minutes for the first of them."""
    began = time.process_time()
    with contextlib.nullcontext() if "keys" in kind and "keys of" not in kind else pytest.raises(ValueError, match="not valid"):
        parse_yaml(SLOW[kind])
    assert time.process_time() - began < 20.0


@pytest.mark.parametrize(
    ("text", "culprit"),
    [
        ("a: 1\nb: 2\na: 3\n", "key 'a' stands twice, line 3"),
        ("a: {x: 1, x: 2}\n", "key 'x' stands twice, line 1"),
        ("1: a\n1.0: b\n", "key 1.0 stands twice, line 2"),
        ("? [1]\n: a\n", "a list cannot be a key, line 1"),
        ("? {a: 1}\n: a\n", "a dict cannot be a key, line 1"),
        ("a: &x 1\nb: *x\n", "aliases are not supported"),
        ("a: " + "[" * 101 + "]" * 101, "nested more than 100 deep, line 1"),
        ("a: " + "1" * 2000, "a number of 2000 characters, line 1"),
        ("a: 2020-13-45\n", "month must be in 1..12"),
        ("a: !!timestamp foo\n", "is not valid YAML"),
    ],
)
def test_odd_documents_are_refused_by_place(text, culprit):
    with pytest.raises(ValueError, match="is not valid YAML") as refusal:
        parse_yaml(text)
    assert culprit in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_whether_a_file_can_be_written_is_known_before(tmp_path):
    check_writable(tmp_path / "deep" / "x.npz")
    assert list((tmp_path / "deep").iterdir()) == []
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "x.npz", tmp_path / "deep"):
        with pytest.raises(AltmarlError, match=f"{path}: cannot be written: "):
            check_writable(path)
