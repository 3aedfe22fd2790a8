"""The `robots` executable: many robot nodes in one process, on one executor.

Every robot is a node that says hello and reports for itself, as if it had a process of its own. What does not differ from
robot to robot is shared: what is heard of the coordinator, the simulated world's bodies, or the floor, the clock and the
fleet's emergency stop.
"""

from __future__ import annotations

from typing import Any, Sequence

from rclpy.node import Node
from rclpy.parameter import Parameter as RclParameter

from altmarl_ros.nodes.common.diagnostics import Diagnostics
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.nodes.common.guarded import GuardedNode
from altmarl_ros.nodes.common.lifecycle import AUTOSTART
from altmarl_ros.nodes.common.parameters import Parameter, declare, watch
from altmarl_ros.nodes.common.running import run
from altmarl_ros.nodes.robot.node import COMMON_PARAMETERS, RobotNode, Surroundings, diagnose
from altmarl_ros.nodes.robot.parameters import DriveSettings, drive_settings

PARAMETERS = (
    Parameter("first_id", 0, "Id of the first robot.", 0, 2**32 - 1),
    Parameter("count", 10, "Number of robots in this process.", 1, 10_000),
    Parameter("name_prefix", "robot_", "Robot i lives in the namespace <name_prefix>i."),
    *(parameter for parameter in COMMON_PARAMETERS if parameter is not AUTOSTART),
)


class RobotsHost(GuardedNode):
    """Holds the parameters of all robots of the process."""

    def __init__(self) -> None:
        # What is given for quality of service is declared here and handed on.
        super().__init__("robots", automatically_declare_parameters_from_overrides=True)
        self._values: dict[str, Any] = declare(self, PARAMETERS)
        self._robots: list[RobotNode] = []
        watch(self, PARAMETERS, self._values, lambda given, _: drive_settings(given), lambda made, _: self._adjust(made))

    def make_robots(self) -> list[RobotNode]:
        """The robots, started; they share this node's parameters and have no parameter services of their own."""
        values = self._values
        make = Endpoints(self)
        surroundings = Surroundings.load(self, make, values)
        profiles = [
            RclParameter(f"qos_overrides.{name}", value=parameter.value)
            for name, parameter in self.get_parameters_by_prefix("qos_overrides").items()
        ]
        first, base = int(values["first_id"]), self.get_namespace().rstrip("/")
        self._robots = [
            RobotNode(
                {**values, "robot_id": robot_id},
                surroundings,
                quiet=robot_id > first,
                overridable=bool(profiles),
                namespace=f"{base}/{values['name_prefix']}{robot_id}",
                use_global_arguments=False,
                parameter_overrides=profiles,
                start_parameter_services=False,
                enable_rosout=False,
            )
            for robot_id in range(first, first + int(values["count"]))
        ]
        for robot in self._robots:
            robot.start()
        Diagnostics(
            self, make, values["diagnostics.period"], values["fleet_prefix"], lambda: diagnose(self._robots, make, values)
        )
        return self._robots

    def _adjust(self, settings: DriveSettings) -> None:
        for robot in self._robots:
            robot.adjust(self._values, settings)


def _make_nodes() -> list[Node]:
    host = RobotsHost()
    return [host, *host.make_robots()]


def main(args: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(_make_nodes, args)


if __name__ == "__main__":
    raise SystemExit(main())
