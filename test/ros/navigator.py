"""A process that stands for a robot's navigation stack: it publishes a transform and serves navigation goals.

A goal whose x is positive is accepted, others are rejected. What becomes of an accepted goal says the parameter `mode`, which
can be set at any time:

    reach   it is reached at once, after one word of feedback
    drive   the robot is driven ahead at 0.3 m/s on cmd_vel_nav, with feedback, until the goal is cancelled
    idle    it is under way, with feedback, and no velocity comes
    abort   it is aborted at once
    reject  no goal is accepted

What happens is published on `goals` (std_msgs/String): a word and the goal's x.
"""

import contextlib
import threading
import time

import rclpy
from geometry_msgs.msg import TransformStamped, Twist, TwistStamped
from nav2_msgs.action import NavigateToPose
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import ExternalShutdownException, MultiThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import String
from tf2_msgs.msg import TFMessage

SPEED = 0.3  # m/s
PERIOD = 0.05  # s


class Navigator(Node):
    def __init__(self):
        super().__init__("navigator")
        self.declare_parameter("mode", "reach")
        self.declare_parameter("action", "navigate_to_pose")
        self.declare_parameter("stamped", False)
        self.lock = threading.Lock()
        self.transforms = self.create_publisher(TFMessage, "/tf", 100)
        self.stamped = self.get_parameter("stamped").value
        self.velocities = self.create_publisher(TwistStamped if self.stamped else Twist, "cmd_vel_nav", 1)
        latched = QoSProfile(depth=1000, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.goals = self.create_publisher(String, "goals", latched)
        self.create_timer(PERIOD, self.say_where)
        self.server = ActionServer(
            self,
            NavigateToPose,
            self.get_parameter("action").value,
            execute_callback=self.navigate,
            goal_callback=self.answer,
            cancel_callback=lambda handle: CancelResponse.ACCEPT,
            callback_group=ReentrantCallbackGroup(),
        )

    @property
    def mode(self):
        return self.get_parameter("mode").value

    def say(self, word, goal):
        with self.lock:
            self.goals.publish(String(data=f"{word} {goal.pose.pose.position.x:g}"))

    def say_where(self):
        place = TransformStamped(child_frame_id="odom")
        place.header.frame_id, place.header.stamp = "map", self.get_clock().now().to_msg()
        place.transform.translation.x = 2.5
        self.transforms.publish(TFMessage(transforms=[place]))

    def answer(self, goal):
        accepted = goal.pose.pose.position.x > 0.0 and self.mode != "reject"
        self.say("accepted" if accepted else "rejected", goal)
        return GoalResponse.ACCEPT if accepted else GoalResponse.REJECT

    def navigate(self, handle):
        goal = handle.request
        handle.publish_feedback(NavigateToPose.Feedback(current_pose=goal.pose, distance_remaining=0.5))
        while self.mode in ("drive", "idle") and not handle.is_cancel_requested:
            time.sleep(PERIOD)
            handle.publish_feedback(NavigateToPose.Feedback(current_pose=goal.pose, distance_remaining=0.5))
            if self.mode == "drive":
                velocity = Twist()
                velocity.linear.x = SPEED
                self.velocities.publish(TwistStamped(twist=velocity) if self.stamped else velocity)
        if handle.is_cancel_requested:
            handle.canceled()
            self.say("cancelled", goal)
        elif self.mode == "abort":
            handle.abort()
            self.say("aborted", goal)
        else:
            handle.succeed()
            self.say("reached", goal)
        return NavigateToPose.Result()


def main():
    rclpy.init()
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(Navigator(), MultiThreadedExecutor(4))


if __name__ == "__main__":
    main()
