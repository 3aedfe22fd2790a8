"""Environment variables with which the processes of a fleet find each other quickly, and no others."""

from __future__ import annotations

import os
import random
import socket
from importlib.metadata import PackageNotFoundError, version

from altmarl_ros.errors import AltmarlError
from altmarl_ros.resources import share_directory

LOOPBACK = ("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
"""Environment variable that keeps ROS to this machine, and its value."""

SUBNET = "SUBNET"
"""Value of that variable with which nodes are found in the whole network."""

RANGES = ("", "localhost", "subnet")
"""Words by which a user says how far nodes are found; the first one: simulations on this machine, others as ROS is set up."""

_DOMAINS = range(1, 102)  # ids whose ports are not among the ephemeral ones of Linux
_PARTICIPANTS = 20  # of a domain, whose ports are probed
_PROFILE_VARIABLES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
_FIRST_RCLPY_WITH_NEW_NAME = 9  # Kilted's; Fast DDS 2 of Jazzy only knows the old name


def discovery_variables() -> dict[str, str]:
    """Return the variable that selects our Fast DDS profile; nothing if the user has chosen a profile."""
    if any(os.environ.get(name) for name in _PROFILE_VARIABLES):
        return {}
    try:
        old = int(version("rclpy").split(".")[0]) < _FIRST_RCLPY_WITH_NEW_NAME
    except PackageNotFoundError:
        old = False
    return {_PROFILE_VARIABLES[old]: str(share_directory() / "config" / "dds" / "fastdds.xml")}


def range_variables(discovery_range: str, simulated: bool) -> dict[str, str]:
    """Return the variable that says how far the processes of a fleet are found; nothing where the user's own is to hold.

    A simulated fleet stays on this machine unless it is told otherwise: another one on the network may have the same names.

    Args:
        discovery_range: one of `RANGES`.
        simulated: whether the fleet is simulated.

    Raises:
        AltmarlError: naming the range that is none.
    """
    if discovery_range not in RANGES:
        raise AltmarlError(f"discovery range is {discovery_range!r}, must be localhost or subnet")
    if discovery_range:
        return {LOOPBACK[0]: SUBNET if discovery_range == "subnet" else LOOPBACK[1]}
    return {LOOPBACK[0]: LOOPBACK[1]} if simulated and not os.environ.get(LOOPBACK[0]) else {}


def isolation_variables() -> dict[str, str]:
    """Return the variables that keep a fleet to this machine and to a ROS domain that nobody else uses."""
    return {LOOPBACK[0]: LOOPBACK[1], "ROS_DOMAIN_ID": str(free_domain())}


def free_domain() -> int:
    """Return at random a ROS domain that no process of this machine uses.

    A participant listens on UDP port 7400 + 250 domain + 10 + 2 i, with i the first that is free (DDSI-RTPS 9.6.1).
    """
    domains = random.sample(_DOMAINS, len(_DOMAINS))
    return next(filter(_is_free, domains), domains[0])


def free_domains(count: int) -> list[int]:
    """Return at random several ROS domains that no process of this machine uses.

    Raises:
        AltmarlError: there are not so many.
    """
    domains = list(filter(_is_free, random.sample(_DOMAINS, len(_DOMAINS))))
    if len(domains) < count:
        raise AltmarlError(f"only {len(domains)} ROS domains of this machine are free, {count} are needed: end other fleets")
    return domains[:count]


def _is_free(domain: int) -> bool:
    return not any(map(_in_use, _ports(domain)))


def _ports(domain: int) -> range:
    first = 7400 + 250 * domain + 10
    return range(first, first + 2 * _PARTICIPANTS, 2)


def _in_use(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return True
    return False
