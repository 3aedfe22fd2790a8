"""Where a robot takes its laser to be: by TF, by its parameters, and not at all while TF may still say."""

import math
import time
from types import SimpleNamespace

import pytest
from geometry_msgs.msg import TransformStamped
from vehicle_stage import VALUES, FakeNode

from altmarl_ros.nodes.robot import laser_place
from altmarl_ros.nodes.robot.laser_place import LaserPlace
from altmarl_ros.nodes.robot.transform_listener import OwnBuffer

MOUNT = {**VALUES, "scan.topic": "scan", "scan.mount.x": 0.1}


class Static:
    """What a TransformListener hears of /tf_static, without a node."""

    static_topic = "/tf_static"

    def __init__(self):
        self.buffer = OwnBuffer()

    def newest(self, target, source):
        return self.buffer.newest(target, source)

    def add(self, roll=0.0, x=0.3):
        message = TransformStamped(child_frame_id="laser")
        message.header.frame_id = "base_link"
        message.transform.translation.x = x
        message.transform.rotation.x, message.transform.rotation.w = math.sin(roll / 2), math.cos(roll / 2)
        self.buffer.add(message, static=True)


@pytest.fixture
def place(monkeypatch):
    """A laser place, the transforms that it hears, and what it logs; it looks as often as it is asked."""
    monkeypatch.setattr(laser_place, "_RETRY", 0.0)
    said, transforms = [], Static()
    logger = SimpleNamespace(info=lambda text, **_: said.append(text))
    node = FakeNode(published={"/tf_static": ["tf2_msgs/msg/TFMessage"]}, subscribed={}, get_logger=lambda: logger)

    def make(patience=60.0, **values):
        monkeypatch.setattr(laser_place, "_PATIENCE", patience)
        return LaserPlace(node, {**MOUNT, **values}, transforms)

    return SimpleNamespace(make=make, transforms=transforms, said=said, published=node.published)


def test_scans_wait_for_a_transform_that_may_still_come(place):
    laser = place.make()
    assert laser.mount("laser") is None
    place.transforms.add()
    assert laser.mount("laser").pose.x == 0.3
    assert "by the transform from 'base_link' to 'laser'" in place.said[-1]
    place.transforms.add(x=5.0)  # by whom ever
    assert laser.mount("laser").pose.x == 0.3


def test_without_anybody_who_publishes_transforms_the_parameters_hold_at_once(place):
    place.published.clear()
    assert place.make().mount("laser").pose.x == 0.1


def test_after_a_while_the_parameters_hold_and_why_is_said(place):
    laser = place.make(patience=0.0)
    time.sleep(0.01)
    assert laser.mount("laser").pose.x == 0.1
    assert "by scan.mount.x, .y and .yaw: TF does not say" in place.said[-1]


def test_parameters_alone_may_be_wanted(place):
    place.transforms.add()
    laser = place.make(**{"scan.mount.source": "parameters"})
    assert (laser.mount("laser").pose.x, laser.source) == (0.1, "scan.mount")


def test_a_tilted_laser_is_no_planar_one_and_one_that_hangs_is(place):
    place.transforms.add(roll=0.5)
    laser = place.make(patience=0.0)
    time.sleep(0.01)
    assert laser.mount("laser").pose.x == 0.1
    assert "is tilted" in place.said[-1]
    place.transforms.add(roll=math.pi)
    assert place.make().mount("laser").upside_down
