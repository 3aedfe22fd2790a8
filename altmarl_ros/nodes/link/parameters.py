"""Parameters of the `link` executable."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping

from altmarl_ros.nodes.common.diagnostics import PERIOD
from altmarl_ros.nodes.common.parameters import Parameter
from altmarl_ros.resources import data_home

PARAMETERS = (
    Parameter("keys.folder", "", "Folder of this machine's keys; empty: `keys` in the data home of altmarl.", path="folder"),
    Parameter("keys.name", "", "Name of the holder, whose certificate says whether this is a coordinator's link or a robot's."),
    Parameter(
        "listen", "0.0.0.0", "Where a coordinator's link listens: HOST, HOST:PORT or quic/HOST:PORT, separated by commas."
    ),
    Parameter(
        "guarded",
        False,
        "Whether a front takes the connections of a coordinator's link and keeps off what is no TLS, and addresses that fail "
        "again and again.",
    ),
    Parameter("connect", "", "Where other links dial, likewise: the coordinator's link, and those of its standbys."),
    Parameter("fleet_prefix", "/fleet", "Prefix of the fleet-wide topics."),
    Parameter("world_prefix", "/world", "Prefix of the simulated world's topics."),
    Parameter(
        "lease",
        0.4,
        "Silence of the coordinator or of the link after which a robot holds the coordinator for gone; at least the "
        "coordinator's `tick.lease`, and at most `timeout.coordinator` of robots that drive, or they hear nothing.",
        0.05,
        3600.0,
        unit="s",
    ),
    Parameter(
        "datagrams",
        False,
        "Whether a coordinator's link sends robots ticks and hears reports by sealed datagrams, at the UDP port of the same "
        "number, so that a packet that is lost holds up nothing. Robots use them while they cross.",
    ),
    Parameter(
        "drive_topic", "", "The robot's own word on what halts it, for operators, such as /robot_1/robot/drive; empty: none."
    ),
    Parameter("simulation", False, "Whether topics cross that only simulations have: the world's, and the truth."),
    Parameter(
        "policies.folder", "", "Folder in which a robot's link keeps policies by their hash; empty: in memory.", path="folder"
    ),
    Parameter(
        "policies.rate",
        0.0,
        "Bytes per second in which a coordinator's link hands out policies, so that they leave room for ticks and reports; 0: "
        "to all robots at once.",
        0.0,
        1e9,
        unit="B/s",
    ),
    PERIOD,
)


def keys_folder(values: Mapping[str, Any]) -> Path:
    """Return the folder of keys that the parameters name."""
    return Path(values["keys.folder"]) if values["keys.folder"] else data_home() / "keys"


def endpoints_in(text: str) -> list[str]:
    """Return the endpoints of a list that is separated by commas."""
    return [endpoint.strip() for endpoint in text.split(",") if endpoint.strip()]
