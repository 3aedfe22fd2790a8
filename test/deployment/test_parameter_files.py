"""Parameter files: what is dumped is loaded again, exactly; wildcards and mistakes."""

import string

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.deployment.parameter_files import dump, load, parse, values_for
from altmarl_ros.errors import AltmarlError

names = st.lists(st.text(string.ascii_lowercase + "_0123456789", min_size=1, max_size=3), min_size=1, max_size=3).map(".".join)
scalars = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(),
    st.sampled_from(["true", "1e3", "1.0", "~", "", "null", "- a", "a: b", "0x10"]),
    st.sampled_from(["07", "ü 中", "line\nline", "a\x85", "\u2028", " x ", "!!int 3"]),
)


def given_to(node, text, tmp_path, known):
    path = tmp_path / "file.yaml"
    path.write_text(text)
    return values_for(node, known, load(path), path)


@given(st.dictionaries(names, scalars, min_size=1, max_size=12))
def test_what_is_dumped_is_loaded(tmp_path_factory, values):
    found = given_to("/ns/node", dump("/ns/node", values), tmp_path_factory.mktemp("dump"), values)
    assert found == values
    assert {name: type(value) for name, value in found.items()} == {name: type(value) for name, value in values.items()}


def test_the_form_is_that_of_ros2_param_dump():
    tree = yaml.safe_load(dump("/coordinator", {"sampling.k": 5, "sampling.model": "fresh", "game": "warehouse"}))
    parameters = {"sampling": {"k": 5, "model": "fresh"}, "game": "warehouse"}
    assert tree == {"/coordinator": {"ros__parameters": parameters}}


@pytest.mark.parametrize(
    ("key", "node", "meant"),
    [
        ("/**", "/a/b/c", True),
        ("/**", "/c", True),
        ("/*", "/c", True),
        ("/*", "/a/c", False),
        ("/**/c", "/a/b/c", True),
        ("/**/c", "/c", True),
        ("/**/c", "/a/b", False),
        ("/a/*/c", "/a/b/c", True),
        ("c", "/c", True),
        ("/a.c", "/abc", False),
    ],
)
def test_wildcards_are_those_of_rcl(tmp_path, key, node, meant):
    text = yaml.safe_dump({key: {"ros__parameters": {"x": 1}}})
    if meant:
        assert given_to(node, text, tmp_path, {"x"}) == {"x": 1}
    else:
        with pytest.raises(AltmarlError, match="has no parameters for"):
            given_to(node, text, tmp_path, {"x"})


def test_what_is_meant_for_the_node_alone_counts_before_wildcards_in_any_order(tmp_path):
    text = "ns: {node: {ros__parameters: {x: 1, deep: {y: 2}}}}\n/**: {ros__parameters: {x: 3, z: 4, of_others: 5}}\n"
    assert given_to("/ns/node", text, tmp_path, {"x", "deep.y", "z"}) == {"x": 1, "deep.y": 2, "z": 4}


@pytest.mark.parametrize(
    ("text", "culprit"),
    [
        ("/node: {ros__parameters: {samplin: {k: 1}}}", "'sampling.k' meant"),
        ("/node: {ros__parameters: 3}", "3"),
        ("/node: 3", "ros__parameters"),
        ("", "ros__parameters"),
        ("/node: {ros__parameters: {x: 1, x: 2}}", "twice"),
        ("/other: {ros__parameters: {x: 1}}", "/other"),
    ],
)
def test_a_mistake_names_the_file_and_the_culprit(tmp_path, text, culprit):
    with pytest.raises(AltmarlError, match=culprit):
        given_to("/node", text, tmp_path, {"sampling.k"})


@pytest.mark.parametrize(
    ("text", "present", "value"),
    [
        ("10", 5, 10),
        ("10", 5.0, 10.0),
        ("1e3", 5.0, 1000.0),
        ("10", "a", "10"),
        ("true", "a", "true"),
        ("true", False, True),
        ("'10'", "a", "10"),
        ("", "a", ""),
        ("no", True, False),
        ("a: [", "x", "a: ["),
        ("2.5", 1, 2.5),
        ("yes", 1.0, True),
        ("2020-13-45", "x", "2020-13-45"),
        ("2020-13-45", 1, "2020-13-45"),
        ("!!timestamp foo", "x", "!!timestamp foo"),
        ("&a [*a]", 1.0, "&a [*a]"),
    ],
)
def test_what_is_typed_has_the_type_of_the_parameter_where_it_can(text, present, value):
    assert parse(text, present) == value
    assert type(parse(text, present)) is type(value)
