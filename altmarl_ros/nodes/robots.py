"""The `robots` executable: many robot nodes in one process, on one executor.

Every robot is a node with its own hello, report, policy and tick endpoints, as if it had a process of its
own; what the ROS graph shows does not depend on where robots run. Their bodies are simulation, and shared.
"""

from __future__ import annotations

from typing import Sequence

from rclpy.node import Node
from rclpy.parameter import Parameter as RclParameter

from altmarl_ros.fleet.health import Threshold
from altmarl_ros.games import load_game
from altmarl_ros.nodes.bodies import Bodies
from altmarl_ros.nodes.diagnostics import Diagnostics
from altmarl_ros.nodes.endpoints import Endpoints
from altmarl_ros.nodes.faults import NETWORK_PARAMETERS
from altmarl_ros.nodes.guarded import GuardedNode
from altmarl_ros.nodes.parameters import Parameter, declare
from altmarl_ros.nodes.robot import DIAGNOSTICS_PARAMETERS, SHARED_PARAMETERS, RobotNode, diagnose
from altmarl_ros.nodes.running import run

PARAMETERS = (
    Parameter("first_id", 0, "Id of the first robot.", 0, 2**32 - 1),
    Parameter("count", 10, "Number of robots in this process.", 1, 10_000),
    Parameter("name_prefix", "robot_", "Robot i lives in the namespace <name_prefix>i."),
    *SHARED_PARAMETERS,
    *NETWORK_PARAMETERS,
    *DIAGNOSTICS_PARAMETERS,
)


class RobotsHost(GuardedNode):
    """Holds the parameters of all robots of the process."""

    def __init__(self) -> None:
        # What is given for quality of service is declared here and handed on.
        super().__init__("robots", automatically_declare_parameters_from_overrides=True)
        self._values = declare(self, PARAMETERS)

    def make_robots(self) -> list[RobotNode]:
        """The robots; they share this node's parameters and have no parameter services of their own."""
        values = self._values
        game_hash = load_game(values["game"]).content_hash if values["game"] else ""
        make = Endpoints(self)
        bodies = Bodies(self, make, str(values["world_prefix"]))
        use_sim_time = RclParameter("use_sim_time", value=self.get_parameter("use_sim_time").value)
        profiles = [
            RclParameter(f"qos_overrides.{name}", value=parameter.value)
            for name, parameter in self.get_parameters_by_prefix("qos_overrides").items()
        ]
        first, base = int(values["first_id"]), self.get_namespace().rstrip("/")
        robots = [
            RobotNode(
                {**values, "robot_id": robot_id}, game_hash, bodies, quiet=robot_id > first, overridable=bool(profiles),
                namespace=f"{base}/{values['name_prefix']}{robot_id}",
                use_global_arguments=False, parameter_overrides=[use_sim_time, *profiles], start_parameter_services=False,
                enable_rosout=False,
            )
            for robot_id in range(first, first + int(values["count"]))
        ]  # fmt: skip
        silent = Threshold(values["diagnostics.silent.warn"], values["diagnostics.silent.error"])
        Diagnostics(self, make, values["diagnostics.period"], values["fleet_prefix"], lambda: diagnose(robots, silent))
        return robots


def _make_nodes() -> list[Node]:
    host = RobotsHost()
    return [host, *host.make_robots()]


def main(args: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(_make_nodes, args)


if __name__ == "__main__":
    raise SystemExit(main())
