"""Counts of writers as the middleware tells them in each case."""

from altmarl_ros.driving.liveliness import Liveliness


def watched(*counts):
    liveliness = Liveliness()
    for alive, silent in counts:
        liveliness.change(alive, silent)
    return liveliness


def test_a_coordinator_that_comes_is_not_lost():
    assert not watched().lost
    assert not watched((1, 0)).lost


def test_one_that_falls_silent_is_lost_until_it_is_back():
    liveliness = watched((1, 0), (0, 1))
    assert liveliness.lost
    liveliness.change(1, 0)
    assert not liveliness.lost


def test_one_that_leaves_is_lost():
    assert watched((1, 0), (0, 0)).lost


def test_another_one_counts_once_it_speaks():
    liveliness = watched((1, 0), (0, 1), (1, 1))
    assert liveliness.lost
    liveliness.change(1, 0)  # the killed one is forgotten, which brings nobody back
    assert liveliness.lost
    liveliness.heard()
    assert not liveliness.lost


def test_a_tick_heard_before_its_writer_is_known_counts_when_it_is():
    liveliness = watched((1, 0), (0, 1))
    liveliness.heard()
    assert liveliness.lost
    liveliness.change(1, 1)
    assert not liveliness.lost


def test_a_tick_of_before_the_loss_does_not_count():
    liveliness = watched((1, 0))
    liveliness.heard()
    liveliness.change(0, 1)
    liveliness.change(1, 1)
    assert liveliness.lost


def test_a_standby_that_takes_over_is_heard_and_losing_one_of_two_is_a_loss():
    liveliness = watched((1, 0), (2, 0), (1, 1))
    assert liveliness.lost
    liveliness.heard()
    assert not liveliness.lost
    assert watched((2, 0), (2, 1)).lost  # one came and one went, told together
