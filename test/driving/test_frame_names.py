"""A refusal of a frame names the parameters and the values that mend it: with them the same message is accepted."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.driving.frame_names import FrameNames, odometry_refusal, pose_refusal, transform_remedy

NAMES = FrameNames("map", "odom", "base_link", "", 5)
FIELDS = {"frames.map": "map", "frames.odom": "odom", "frames.base": "base", "frame_prefix": "prefix"}


def mended(names, text):
    """The names after what the text says is set."""
    found = re.findall(r"(frames\.\w+|frame_prefix) to '([^']*)'", text)
    assert found, text
    return replace(names, **{FIELDS[parameter]: value for parameter, value in found})


@pytest.mark.parametrize(
    ("names", "frame", "child", "says"),
    [
        (NAMES, "robot_5/odom", "robot_5/base_link", "set frame_prefix to 'robot_{id}/'"),
        (NAMES, "robot_5/odom", "", "set frame_prefix to 'robot_{id}/'"),
        (NAMES, "odom", "base_footprint", "set frames.base to 'base_footprint'"),
        (
            NAMES,
            "robot_5/odom",
            "robot_5/base_footprint",
            "set frame_prefix to 'robot_{id}/' and frames.base to 'base_footprint'",
        ),
        (NAMES, "robot_5/odom", "base_link", "set frames.odom to 'robot_5/odom'"),
        (NAMES, "odom_combined", "base_link", "set frames.odom to 'odom_combined'"),
        (NAMES, "model/tb3/odom", "model/tb3/base_link", "set frame_prefix to 'model/tb3/', unless it is another robot's"),
        (replace(NAMES, prefix="robot_{id}/"), "odom", "base_link", "set frame_prefix to ''"),
        (replace(NAMES, prefix="robot_{id}/"), "robot_5/odom", "robot_5/base", "set frames.base to 'base'"),
        (NAMES, "robot_8/odom", "", "set frame_prefix to 'robot_8/', unless it is another robot's (this one is 5)"),
        (NAMES, "", "", "its driver names no frame: mend it"),
    ],
)
def test_odometry_of_ordinary_makes(names, frame, child, says):
    text = str(odometry_refusal(names, frame, child))
    assert says in text
    assert repr(frame) in text or frame == names.full_odom


def test_what_fits_is_accepted():
    assert odometry_refusal(NAMES, "odom", "base_link") is odometry_refusal(NAMES, "odom", "") is None
    assert pose_refusal(NAMES, "map") is None


parts = st.sampled_from(["odom", "base_link", "base_footprint", "map", "robot_5", "robot_12", "a", "5"])
frames = st.lists(parts, min_size=1, max_size=3).map("/".join)


@given(
    st.builds(FrameNames, frames, frames, frames, st.sampled_from(["", "robot_{id}/", "x/", "a_"]), st.just(5)), frames, frames
)
def test_with_what_a_refusal_says_the_frames_are_accepted(names, frame, child):
    fault = odometry_refusal(names, frame, child)
    assert fault is None or odometry_refusal(mended(names, fault.remedy), frame, child) is None
    fault = pose_refusal(names, frame)
    assert fault is None or pose_refusal(mended(names, fault.remedy), frame) is None


@pytest.mark.parametrize(
    ("names", "heard", "says"),
    [
        (NAMES, ["map", "robot_5/odom", "robot_5/base_link"], "set frame_prefix to 'robot_{id}/'"),
        (NAMES, ["map", "odom", "base_footprint"], "set frames.base to 'base_footprint'"),
        (replace(NAMES, prefix="robot_{id}/"), ["map", "odom", "base_link"], "set frame_prefix to ''"),
        (NAMES, ["world/map", "odom", "base_link"], "set frames.map to 'world/map'"),
        (NAMES, ["map", "robot_1/base_link", "robot_2/base_link"], ""),
        (NAMES, ["map", "robot_1/base_link", "robot_5/base_link"], "set frame_prefix to 'robot_{id}/'"),
        (NAMES, [], ""),
        (NAMES, ["map", "odom", "base_link"], ""),
    ],
)
def test_transforms_that_go_by_other_names(names, heard, says):
    text = transform_remedy(names, heard)
    assert text == says
    if "base" in says or "prefix" in says:
        assert mended(names, text).full_base in heard
