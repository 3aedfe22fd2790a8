"""The coordinator's topics to and from an external global plant."""

from __future__ import annotations

import time

from rclpy.clock import ROSClock

from altmarl_ros.monitoring.health import Finding, Level
from altmarl_ros.msg import GlobalAction, GlobalState
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.nodes.common.parameters import Parameter
from altmarl_ros.protocol.decision import Decision
from altmarl_ros.protocol.plant import ExternalPlant

PLANT_PARAMETERS = (
    Parameter(
        "plant.kind",
        "virtual",
        "Where s_g comes from: P_g moves it in the coordinator, or a machine tells it.",
        choices=("virtual", "external"),
    ),
    Parameter(
        "plant.timeout",
        1.0,
        "How long the state that an external plant told counts; without one no tick begins.",
        0.01,
        3600.0,
        unit="s",
    ),
)

_THROTTLE = 5.0  # s


class PlantLink:
    """Feeds a `protocol.plant.ExternalPlant` by what the machine publishes, and publishes decisions for the machine.

    Attributes:
        plant: the plant as the coordinator's core sees it.
        held: number of ticks in a row that did not begin because the plant's state is not known.
    """

    def __init__(self, endpoints: Endpoints, prefix: str, n_global_states: int, timeout: float) -> None:
        """`timeout` is how long a state that the plant told counts [s]."""
        self._node = endpoints.node
        self.plant = ExternalPlant(n_global_states, timeout, self._now)
        self.held = 0
        self._publisher = endpoints.publisher(GlobalAction, f"{prefix}/global_action", qos.plant_action_qos())
        endpoints.subscription(GlobalState, f"{prefix}/global_state", self._on_global_state, qos.report_qos())

    def publish(self, decision: Decision) -> None:
        """Publish what was decided."""
        tick, stamp = decision.tick, self._node.get_clock().now().to_msg()
        self._publisher.publish(
            GlobalAction(
                stamp=stamp, session=tick.session, tick=tick.tick, global_state=tick.global_state, global_action=decision.action
            )
        )

    def hold(self) -> None:
        """Count and report a tick that could not begin."""
        self.held += 1
        self._node.get_logger().warning(f"no tick begins: {self.plant.trouble}", throttle_duration_sec=_THROTTLE)

    def resume(self) -> None:
        """Note that a tick has begun, and report it after some that could not."""
        if self.held:
            self._node.get_logger().info(f"the global plant is in state {self.plant.state}: ticks go on, {self.held} were held")
        self.held = 0

    def finding(self) -> Finding:
        """A finding for /diagnostics: whether the plant's state is known, which before the first tick is due it need not be."""
        plant = self.plant
        early = plant.state is None and not self.held
        level = Level.ERROR if plant.trouble and not early else Level.OK
        return Finding(
            "plant",
            level,
            plant.trouble or f"in state {plant.state}",
            {
                "state": "unknown" if plant.state is None else plant.state,
                "age [s]": plant.age,
                "refused": plant.refused,
                "held ticks in a row": self.held,
            },
        )

    def _on_global_state(self, message: GlobalState) -> None:
        clock, stamp = self._node.get_clock(), message.stamp
        told = stamp.sec * 10**9 + stamp.nanosec
        self.plant.hear(message.global_state, 1e-9 * (clock.now().nanoseconds - told) if told else 0.0)

    def _now(self) -> float:
        clock = self._node.get_clock()
        simulated = isinstance(clock, ROSClock) and clock.ros_time_is_active
        return 1e-9 * clock.now().nanoseconds if simulated else time.monotonic()
