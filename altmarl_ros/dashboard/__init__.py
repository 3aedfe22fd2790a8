"""The operator's web page, without ROS: what is known of a fleet, what browsers get of it, who may change something."""

from altmarl_ros.dashboard.access import Access
from altmarl_ros.dashboard.commands import Operations, Outcome
from altmarl_ros.dashboard.page import load_page
from altmarl_ros.dashboard.ticks import TickAccount
from altmarl_ros.dashboard.view import FleetView

__all__ = ["Access", "FleetView", "Operations", "Outcome", "TickAccount", "load_page"]  # the server needs aiohttp
