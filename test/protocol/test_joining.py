import numpy as np
import pytest

from altmarl_ros.protocol.agent import join_delay


@pytest.mark.parametrize(("first", "count"), [(0, 300), (0, 1000), (5000, 250), (2**32 - 400, 400)])
def test_hellos_are_spread_evenly_over_the_window(first, count):
    delays = np.array([join_delay(i, 2.0) for i in range(first, first + count)])
    assert ((delays >= 0) & (delays < 2.0)).all()
    per_tenth = np.bincount((delays * 5).astype(int), minlength=10)
    assert per_tenth.max() - per_tenth.min() <= 4


def test_without_a_window_all_speak_at_once():
    assert join_delay(17, 0.0) == 0.0
