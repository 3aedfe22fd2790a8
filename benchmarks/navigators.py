"""Stands for Nav2 on many robots: serves NavigateToPose in each robot's namespace, and sends velocities on its cmd_vel_nav.

    python benchmarks/navigators.py COUNT SPEED

A local planner of this package leads to the goal, by the poses on /robot_<i>/pose; lasers are left to the robots' governors.
SIGUSR1 aborts every goal that is under way.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from typing import Any

import numpy as np
import rclpy
from geometry_msgs.msg import PoseWithCovarianceStamped, Twist
from nav2_msgs.action import NavigateToPose
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.task import Future

from altmarl_ros.driving import STILL, Limits, Pose, Velocity
from altmarl_ros.driving.local_planner import Goal, LocalPlanner, PlannerSettings
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.robot.conversions import pose_from_message, velocity_to_message

PERIOD = 0.05  # s


class Navigator(Node):
    """Leads one robot."""

    def __init__(self, robot: int, speed: float) -> None:
        super().__init__("navigator", namespace=f"/robot_{robot}")
        self.planner = LocalPlanner(Limits(forward=speed), PlannerSettings(), robot)
        self.pose: Pose | None = None
        self.velocity: Velocity = STILL
        self.goal_handle: Any = None
        self.done: Any = None
        self.create_subscription(PoseWithCovarianceStamped, "pose", self.hear_pose, qos.sensor_qos())
        self.velocities = self.create_publisher(Twist, "cmd_vel_nav", qos.velocity_qos())
        self.create_timer(PERIOD, self.steer)
        self.server = ActionServer(
            self,
            NavigateToPose,
            "navigate_to_pose",
            execute_callback=self.navigate,
            goal_callback=lambda goal: GoalResponse.ACCEPT,
            cancel_callback=lambda handle: CancelResponse.ACCEPT,
        )

    def hear_pose(self, message: PoseWithCovarianceStamped) -> None:
        self.pose = pose_from_message(message.pose.pose)

    async def navigate(self, handle: Any) -> Any:
        self.end("abort")  # the goal before
        self.planner.forget()
        self.goal_handle, self.done = handle, Future()
        getattr(handle, await self.done)()
        return NavigateToPose.Result()

    def end(self, how: str) -> None:
        """End the goal: succeed, abort or canceled."""
        if self.goal_handle is not None:
            self.goal_handle, self.velocity = None, STILL
            self.done.set_result(how)

    def steer(self) -> None:
        handle = self.goal_handle
        if handle is None or self.pose is None:
            return
        if handle.is_cancel_requested:
            self.end("canceled")
            return
        place = handle.request.pose.pose.position
        goal = Goal(place.x, place.y)
        self.velocity = self.planner.steer(time.monotonic(), self.pose, goal, self.velocity, np.empty((0, 2)))
        handle.publish_feedback(NavigateToPose.Feedback())
        self.velocities.publish(velocity_to_message(self.velocity))
        if self.planner.arrived:
            self.end("succeed")


def main() -> None:
    """Serve until a signal."""
    count, speed = int(sys.argv[1]), float(sys.argv[2])
    rclpy.init(args=[])
    executor = SingleThreadedExecutor()
    navigators = [Navigator(robot, speed) for robot in range(count)]
    for navigator in navigators:
        executor.add_node(navigator)
    asked: list[int] = []
    signal.signal(signal.SIGUSR1, lambda number, frame: asked.append(number))
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        while rclpy.ok():
            executor.spin_once(timeout_sec=PERIOD)
            if asked:
                asked.clear()
                for navigator in navigators:
                    navigator.end("abort")


if __name__ == "__main__":
    main()
