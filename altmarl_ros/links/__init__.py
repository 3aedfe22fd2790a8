"""Thin links: what crosses between a robot's own ROS network and its coordinator's, over zenoh, and who may say it. No ROS."""

from altmarl_ros.links.identity import Identity, Role
from altmarl_ros.links.keys import Authority, load_credentials
from altmarl_ros.links.register import Entry, Register

__all__ = ["Authority", "Entry", "Identity", "Register", "Role", "load_credentials"]
