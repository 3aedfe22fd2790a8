"""The `robots` executable: many robot nodes in one process, on one executor.

Every robot is a node that joins and reports for itself, as if it had a process of its own. What does not differ from robot
to robot is shared; see `shared_resources`.
"""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from rclpy.node import Node
from rclpy.parameter import Parameter as RclParameter

from altmarl_ros.nodes.common.diagnostics import Diagnostics
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.nodes.common.guarded import GuardedNode
from altmarl_ros.nodes.common.lifecycle import AUTOSTART
from altmarl_ros.nodes.common.parameter_sets import declare, watch
from altmarl_ros.nodes.common.parameters import Parameter
from altmarl_ros.nodes.common.running import run
from altmarl_ros.nodes.common.safety_bounds import SafetyBounds
from altmarl_ros.nodes.robot.node import COMMON_PARAMETERS, RobotNode, diagnose
from altmarl_ros.nodes.robot.operator_control import offer_operation
from altmarl_ros.nodes.robot.parameters import DriveSettings, drive_settings
from altmarl_ros.nodes.robot.shared_resources import SharedResources

PARAMETERS = (
    Parameter("first_id", 0, "Id of the first robot.", 0, 2**32 - 1),
    Parameter("count", 10, "Number of robots in this process.", 1, 10_000),
    Parameter("name_prefix", "robot_", "Robot i lives in the namespace <name_prefix>i."),
    *(parameter for parameter in COMMON_PARAMETERS if parameter is not AUTOSTART),
)


class RobotsHost(GuardedNode):
    """Makes the robots of its process, and holds the parameters that they share.

    Publisher: /diagnostics (diagnostic_msgs/msg/DiagnosticArray), about all robots of the process.
    Services: ~/operate (OperateRobot), and those of its parameters.
    Parameters: `PARAMETERS`.
    """

    def __init__(self) -> None:
        # Overrides of quality of service are declared here and handed on to the robots.
        super().__init__("robots", automatically_declare_parameters_from_overrides=True)
        self._values: dict[str, Any] = declare(self, PARAMETERS)
        self._robots: list[RobotNode] = []
        self._bounds = SafetyBounds(PARAMETERS, self._values)
        watch(self, PARAMETERS, self._values, self._prepare_parameters, lambda made, _: self._adjust(made))

    def make_robots(self) -> list[RobotNode]:
        """Make the robots and start them; they share this node's parameters and have no parameter services of their own."""
        values = self._values
        make = Endpoints(self)
        shared = SharedResources.load(self, make, values)
        profiles = [
            RclParameter(f"qos_overrides.{name}", value=parameter.value)
            for name, parameter in self.get_parameters_by_prefix("qos_overrides").items()
        ]
        first, base = int(values["first_id"]), self.get_namespace().rstrip("/")
        self._robots = [
            RobotNode(
                {**values, "robot_id": robot_id},
                shared,
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
        by_id = {first + place: robot for place, robot in enumerate(self._robots)}
        offer_operation(self, lambda: by_id)
        for robot in self._robots:
            robot.start()
        Diagnostics(
            self, make, values["diagnostics.period"], values["fleet_prefix"], lambda: diagnose(self._robots, make, values)
        )
        return self._robots

    def _prepare_parameters(self, values: Mapping[str, Any], _names: frozenset[str]) -> DriveSettings:
        self._bounds.check(values, self._values, active=True)
        return drive_settings(values)

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
