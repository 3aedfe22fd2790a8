import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.protocol.messages import is_newer, new_session

EPOCH, WRAP = 1_735_689_600.0, 1 << 32
sessions = st.integers(0, WRAP - 1)


@pytest.mark.parametrize(("seconds", "session"), [(0.0, 0), (0.1, 1), (60.0, 600), (WRAP / 10, 0), (WRAP / 10 + 1, 10)])
def test_session_counts_tenths_of_a_second_modulo_the_wrap(seconds, session):
    assert new_session(EPOCH + seconds + 0.01) == session


@given(st.floats(0, 4e9), sessions)
def test_a_session_is_newer_than_the_last_whatever_the_clock_says(unix_time, last):
    session = new_session(unix_time, last)
    assert 0 <= session < WRAP
    assert is_newer(session, last)


@given(st.floats(EPOCH, EPOCH + 3e8), st.floats(0.2, 1e8))
def test_a_later_start_is_newer(unix_time, later):
    assert is_newer(new_session(unix_time + later), new_session(unix_time))


@given(sessions, st.integers(1, WRAP // 2 - 1))
def test_order_holds_across_the_wrap(session, steps):
    later = (session + steps) % WRAP
    assert is_newer(later, session)
    assert not is_newer(session, later)


@given(sessions)
def test_no_session_is_newer_than_itself(session):
    assert not is_newer(session, session)
