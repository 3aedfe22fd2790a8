"""From a goal to a velocity that is safe, for one robot on wheels, without ROS."""

from altmarl_ros.driving.clock_watch import ClockWatch
from altmarl_ros.driving.limits import Limits
from altmarl_ros.driving.planar import STILL, Pose, Velocity

__all__ = ["STILL", "ClockWatch", "Limits", "Pose", "Velocity"]
