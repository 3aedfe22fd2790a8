"""Who may release a stop."""

from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.driving.stop_latch import UNKNOWN, StopLatch

A, B = {b"a": "/dashboard"}, {b"b": "/rogue"}


def pressed(by):
    latch = StopLatch()
    latch.press(by)
    return latch


def test_who_pressed_it_releases_it_while_nobody_else_speaks():
    latch = pressed(A)
    assert latch.names == ("/dashboard",)
    assert latch.release(A)
    assert (latch.pressed, latch.names) == (False, ())


def test_nobody_else_releases_it():
    for others in (B, {**A, **B}, {}):
        latch = pressed(A)
        assert not latch.release(others)
        assert latch.pressed


def test_who_presses_it_too_keeps_it_pressed():
    latch = pressed(A)
    latch.press({**A, **B})
    assert not latch.release(A)
    assert latch.names == ("/dashboard", "/rogue")


def test_the_second_word_names_who_pressed_it():
    latch = pressed(A)
    for name in ("", "/rogue", "dashboard", UNKNOWN):
        assert not latch.release_by_name(name)
    assert latch.release_by_name("/dashboard")


def test_a_stop_of_unknown_origin_is_released_by_a_second_word_alone():
    latch = pressed({})
    assert latch.names == (UNKNOWN,)
    assert not latch.release({})
    assert latch.release_by_name(UNKNOWN)


senders = st.dictionaries(st.sampled_from([b"a", b"b", b"c"]), st.just("/node"))


@given(st.lists(st.tuples(st.booleans(), senders)))
def test_it_is_never_released_while_more_than_the_presser_could_have_said_so(history):
    latch, by = StopLatch(), set()
    for press, present in history:
        if press:
            latch.press(present)
            by |= present.keys()
        elif latch.release(present):
            assert not by or (len(present) == 1 and present.keys() == by)
            by = set()
