"""From a fleet file to the processes to start, and whether a robot is ready to move; no module but `launching` needs ROS."""

from altmarl_ros.deployment.checks import Check
from altmarl_ros.deployment.fleet_file import FleetFile, Member, load_fleet_file
from altmarl_ros.deployment.fleet_plan import FleetPlan, NodePlan, find_period, types_in_fleet, wheel_parameters
from altmarl_ros.deployment.middleware import discovery_variables, free_domain, isolation_variables
from altmarl_ros.deployment.readiness import check_readiness
from altmarl_ros.deployment.robot_observations import CoordinatorObservations, RobotObservations

__all__ = [
    "Check",
    "CoordinatorObservations",
    "FleetFile",
    "FleetPlan",
    "Member",
    "NodePlan",
    "RobotObservations",
    "check_readiness",
    "discovery_variables",
    "find_period",
    "free_domain",
    "isolation_variables",
    "load_fleet_file",
    "types_in_fleet",
    "wheel_parameters",
]
