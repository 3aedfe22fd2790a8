"""Games of real work: loads, batteries and demand on corners or on a floor, with what the coordinator does not see.
Each of the modules deliveries, charging and coverage has a builder; the others make their states and movements.
"""

from altmarl_ros.games.work.charging import ChargingParameters, build_charging, charging_workplace
from altmarl_ros.games.work.coverage import CoverageParameters, build_coverage
from altmarl_ros.games.work.deliveries import build_deliveries, deliveries_workplace
from altmarl_ros.games.work.delivery_site import DeliveryParameters
from altmarl_ros.games.work.workplace import HALT, Workplace

__all__ = [
    "HALT",
    "ChargingParameters",
    "CoverageParameters",
    "DeliveryParameters",
    "Workplace",
    "build_charging",
    "build_coverage",
    "build_deliveries",
    "charging_workplace",
    "deliveries_workplace",
]
