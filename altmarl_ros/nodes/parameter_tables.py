"""Which executable has which table of parameters; a table is imported only when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from altmarl_ros.errors import AltmarlError
from altmarl_ros.nodes.common.parameters import Parameter


@dataclass(frozen=True)
class NodeTable:
    """Where the parameters of an executable are declared.

    Attributes:
        module: that holds them as `PARAMETERS`.
        managed: whether its life cycle lets every parameter be set before it is configured (Parameter.descriptor).
        purpose: of the executable, in one line.
    """

    module: str
    managed: bool
    purpose: str


TABLES = {
    "coordinator": NodeTable("coordinator.parameters", True, "polls k robots per tick, decides, and tells all"),
    "robot": NodeTable("robot.node", True, "one robot: reports when it is polled, acts, and drives where it has wheels"),
    "robots": NodeTable("robot.many", False, "many robots in one process"),
    "crowd": NodeTable("simulators.crowd", False, "up to 100,000 simulated robots in arrays, and their world"),
    "world": NodeTable("simulators.markov_world", False, "the simulated Markov world"),
    "physical_world": NodeTable(
        "simulators.physical_parameters", False, "the simulated floor: robots on wheels, sensors, faults"
    ),
    "link": NodeTable("link.parameters", False, "one end of a thin link: robots' own ROS networks, and zenoh between them"),
    "visualization": NodeTable("tools.visualization", False, "a fleet as markers, for RViz and Foxglove"),
    "trainer": NodeTable("trainer.parameters", False, "learns new policies beside a running fleet"),
}
"""By executable."""


def parameter_table(executable: str) -> tuple[Parameter, ...]:
    """The parameters of an executable.

    Raises:
        AltmarlError: there is no such executable.
    """
    if executable not in TABLES:
        raise AltmarlError(f"there is no executable {executable!r}; there are {', '.join(TABLES)}")
    table: tuple[Parameter, ...] = import_module(f"altmarl_ros.nodes.{TABLES[executable].module}").PARAMETERS
    return table
