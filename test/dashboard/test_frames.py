"""What goes to a browser can be read again, whatever it holds."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.dashboard.frames import decode, encode

columns = st.dictionaries(
    st.sampled_from("abcdef"),
    st.tuples(st.sampled_from([np.uint8, np.uint16, np.uint32, np.float32]), st.lists(st.integers(0, 255), max_size=9)),
)


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text() | st.lists(st.floats(-1e9, 1e9))), columns)
def test_head_and_columns_come_back(head, given_columns):
    head.pop("columns", None)
    arrays = {name: np.array(values, dtype=kind) for name, (kind, values) in given_columns.items()}
    frame = encode(head, arrays)
    assert len(frame) % 4 == 0
    told, read = decode(frame)
    del told["columns"]
    assert told == head
    assert read.keys() == arrays.keys()
    for name, array in arrays.items():
        assert read[name].dtype == array.dtype
        assert np.array_equal(read[name], array)


def test_what_is_not_finite_is_null_since_json_knows_no_nan():
    frame = encode({"a": [1.0, float("nan")], "b": {"c": float("inf")}}, {})
    text = frame[4:].decode()
    assert json.loads(text, parse_constant=pytest.fail) == {"a": [1.0, None], "b": {"c": None}, "columns": []}
