"""What others know of the hidden state: bounded, counted once, and never in the way of the reports."""

import math

import numpy as np
import pytest

from altmarl_ros.errors import AltmarlError
from altmarl_ros.protocol.evidence import EvidenceInbox, bounded


class Clock:
    time = 100.0

    def __call__(self):
        return self.time


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def inbox(clock):
    return EvidenceInbox(3, 10.0, clock)


def test_weights_are_scaled_bounded_and_of_single_precision():
    weights = bounded([4.0, 1.0, 0.0], 3)
    assert weights == (1.0, 0.25, float(np.float32(1e-3)))
    assert bounded([1e300, 1e-300, 1e300], 3)[0] == 1.0


@pytest.mark.parametrize(
    ("weights", "culprit"),
    [
        ([1.0, 2.0], "2 weights were told, the game has 3"),
        ([], "0 weights"),
        ([1.0, math.nan, 1.0], "weight 1 is nan"),
        ([math.inf, 1.0, 1.0], "weight 0 is inf"),
        ([1.0, 1.0, -0.5], "weight 2 is -0.5"),
        ([0.0, 0.0, 0.0], "all weights are 0"),
    ],
)
def test_what_is_not_valid_is_refused_by_name_and_what_was_told_before_still_counts(inbox, weights, culprit):
    inbox.hear([1.0, 0.5, 0.5])
    with pytest.raises(AltmarlError, match=culprit):
        inbox.hear(weights)
    assert inbox.refused == 1
    assert inbox.take() == (1.0, 0.5, 0.5)


def test_it_counts_once_and_the_newest_alone(inbox):
    inbox.hear([1.0, 0.5, 0.5])
    inbox.hear([0.5, 1.0, 0.5])
    assert inbox.take() == (0.5, 1.0, 0.5)
    assert inbox.take() == ()


def test_the_same_orders_told_again_are_not_counted_again(inbox):
    assert inbox.hear([1.0, 0.5, 0.5], "warehouse", stamp=7)
    assert inbox.take()
    assert not inbox.hear([1.0, 0.5, 0.5], "warehouse", stamp=7)
    assert inbox.take() == ()
    assert inbox.hear([1.0, 0.5, 0.5], "another", stamp=7)
    assert inbox.hear([1.0, 0.5, 0.5], "warehouse", stamp=8)


def test_what_is_old_does_not_count(inbox, clock):
    assert not inbox.hear([1.0, 0.5, 0.5], age=11.0)
    assert not inbox.hear([1.0, 0.5, 0.5], age=math.nan)
    assert inbox.hear([1.0, 0.5, 0.5], age=8.0)
    clock.time += 3.0
    assert inbox.take() == ()  # 11 s old by now
    inbox.hear([1.0, 0.5, 0.5], age=-5.0)  # a clock that is ahead
    assert inbox.take() == (1.0, 0.5, 0.5)
