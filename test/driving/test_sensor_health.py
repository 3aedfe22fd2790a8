"""Which reasons last: those that hold at the end, and those that came up meanwhile."""

import pytest

from altmarl_ros.driving.governor_types import Reason
from altmarl_ros.driving.sensor_health import lasting

POSE, SCAN = Reason.POSE_STALE, Reason.SCAN_STALE


@pytest.mark.parametrize(
    ("history", "last"),
    [
        ([], set()),
        ([[POSE]], {POSE}),
        ([[POSE, SCAN], [POSE], []], set()),  # it began to listen
        ([[POSE], [], [POSE], []], {POSE}),  # now and then
        ([[], [SCAN]], {SCAN}),
        ([[SCAN], [SCAN, POSE], [SCAN]], {SCAN, POSE}),
    ],
)
def test_reasons_that_last(history, last):
    assert lasting(history) == last
