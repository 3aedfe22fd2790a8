"""Measures the floor under a fleet's tick: bare rclpy nodes, a broadcast and k answers, with the fleet's own QoS.

python benchmarks/floor.py host FIRST COUNT          # nodes that answer when polled
python benchmarks/floor.py driver NODES K TICKS PERIOD   # broadcasts; prints the latencies as JSON [s]
"""

from __future__ import annotations

import json
import random
import signal
import sys
import time

import rclpy
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from altmarl_ros.msg import FleetTick, RobotReport
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.common.running import make_executor

_PATIENCE = 60.0  # s; for discovery


class Bare(Node):
    def __init__(self, robot_id: int) -> None:
        super().__init__(
            "bare",
            namespace=f"/bare_{robot_id}",
            use_global_arguments=False,
            start_parameter_services=False,
            enable_rosout=False,
        )
        self._id = robot_id
        self._publisher = self.create_publisher(RobotReport, "/floor/report", qos.report_qos())
        self.create_subscription(FleetTick, "/floor/tick", self._hear, qos.tick_qos())

    def _hear(self, message: FleetTick) -> None:
        if self._id in message.polled:
            self._publisher.publish(RobotReport(session=message.session, tick=message.tick, robot_id=self._id))


def host(first: int, count: int) -> None:
    executor = make_executor()
    nodes = [Bare(robot_id) for robot_id in range(first, first + count)]
    for node in nodes:
        executor.add_node(node)
    stopping = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.append(True))
    while not stopping:
        executor.spin_once(timeout_sec=0.1)


def driver(count: int, k: int, ticks: int, period: float) -> None:
    node = rclpy.create_node("driver", start_parameter_services=False)
    answers: list[int] = []
    publisher = node.create_publisher(FleetTick, "/floor/tick", qos.tick_qos(period))
    node.create_subscription(RobotReport, "/floor/report", lambda message: answers.append(message.tick), qos.report_qos(1000))
    executor = make_executor()
    executor.add_node(node)

    def listen(until: float, enough: int | None = None) -> None:
        while time.monotonic() < until and (enough is None or len(answers) < enough):
            executor.spin_once(timeout_sec=max(0.0, min(0.1, until - time.monotonic())))

    end = time.monotonic() + _PATIENCE
    while publisher.get_subscription_count() < count and time.monotonic() < end:
        listen(time.monotonic() + 0.1)
    listen(time.monotonic() + 1.0)
    latencies = []
    for tick in range(ticks):
        answers.clear()
        began = time.monotonic()
        publisher.publish(FleetTick(session=1, tick=tick, polled=random.sample(range(count), k)))
        listen(began + period, enough=k)
        latencies.append(time.monotonic() - began)
        listen(began + period)
    print(json.dumps(latencies))


def main() -> None:
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    what, *numbers = sys.argv[1:]
    if what == "host":
        host(int(numbers[0]), int(numbers[1]))
    else:
        driver(int(numbers[0]), int(numbers[1]), int(numbers[2]), float(numbers[3]))


if __name__ == "__main__":
    main()
