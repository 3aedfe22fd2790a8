import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.errors import AltmarlError
from altmarl_ros.protocol.admission import IdRanges


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 8)), min_size=1, max_size=10))
def test_agrees_with_a_plain_set_and_says_so(items):
    text = ", ".join(f"{low}-{low + more}" if more else str(low) for low, more in items)
    ids = {robot_id for low, more in items for robot_id in range(low, low + more + 1)}
    ranges = IdRanges.parse(text)
    assert {robot_id for robot_id in range(80) if robot_id in ranges} == ids
    assert IdRanges.parse(str(ranges)) == ranges


@pytest.mark.parametrize(
    ("text", "culprit"),
    [("", "''"), ("0-9,,3", "''"), ("a", "'a'"), ("9-0", "'9-0'"), ("-3", "'-3'"), ("0-4294967296", "4294967296")],
)
def test_anything_else_is_refused_by_name(text, culprit):
    with pytest.raises(AltmarlError, match=culprit):
        IdRanges.parse(text)


def test_the_largest_id():
    assert 2**32 - 1 in IdRanges.parse("4294967295")
