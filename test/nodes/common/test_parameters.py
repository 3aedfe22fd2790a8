"""What a parameter takes, and how it says no."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.errors import AltmarlError
from altmarl_ros.nodes.common.parameters import Parameter

values = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers()), st.binary())


@pytest.mark.parametrize(
    ("low", "high", "rule"),
    [(0, None, "at least 0"), (None, 5, "at most 5"), (0, 5, "in 0\\.\\.5")],
)
def test_a_number_beyond_its_limits_is_refused_by_those_that_there_are(low, high, rule):
    for value in (-1, 7):
        if (low is not None and value < low) or (high is not None and value > high):
            with pytest.raises(AltmarlError, match=f"parameter 'seed' is {value}, must be {rule}$"):
                Parameter("seed", 1, "A seed.", low, high).accept(value)


@given(
    values,
    st.sampled_from((True, 3, 0.5, "a")),
    st.none() | st.integers(-9, 0),
    st.none() | st.integers(0, 9),
    st.sampled_from(((), ("a", "b"))),
)
def test_whatever_comes_is_taken_as_it_is_or_refused_in_one_printable_line(value, default, low, high, choices):
    parameter = Parameter("x", default, "A value.", low, high, choices if isinstance(default, str) else ())
    refused = ""
    try:
        taken = parameter.accept(value)
    except AltmarlError as error:
        refused = str(error)
    else:
        assert taken == value
        assert type(taken) is type(default)
    assert refused.isprintable()
    assert len(refused) < 300
