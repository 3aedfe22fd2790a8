"""What an operator is shown of a fleet: its health, its ticks and its robots on a map, without ROS."""

from altmarl_ros.monitoring.drawn_places import by_place, drawn_places, robot_kinds
from altmarl_ros.monitoring.drive_health import drive_finding
from altmarl_ros.monitoring.floor_places import floor_places
from altmarl_ros.monitoring.health import CoordinatorHealth, Finding, Level, Threshold, Thresholds, robots_finding
from altmarl_ros.monitoring.layout import Layout, disc_layout, floor_layout
from altmarl_ros.monitoring.places_of_interest import demanded_places, sent_places, served_places
from altmarl_ros.monitoring.scene import RobotLocations, Scene, Tick, make_scene, status_tick
from altmarl_ros.monitoring.team_reward import team_reward
from altmarl_ros.monitoring.tick_view import TickView, likely_hidden, true_reward, true_shares

__all__ = [
    "CoordinatorHealth",
    "Finding",
    "Layout",
    "Level",
    "RobotLocations",
    "Scene",
    "Threshold",
    "Thresholds",
    "Tick",
    "TickView",
    "by_place",
    "demanded_places",
    "disc_layout",
    "drawn_places",
    "drive_finding",
    "floor_layout",
    "floor_places",
    "likely_hidden",
    "make_scene",
    "robot_kinds",
    "robots_finding",
    "sent_places",
    "served_places",
    "status_tick",
    "team_reward",
    "true_reward",
    "true_shares",
]
