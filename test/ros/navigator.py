"""A process that stands for a robot's navigation stack: it publishes a transform and serves navigation goals.

A goal whose x is positive is reached at once, after one word of feedback; others are rejected.
"""

import contextlib

import rclpy
from geometry_msgs.msg import TransformStamped
from nav2_msgs.action import NavigateToPose
from rclpy.action import ActionServer, GoalResponse
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from tf2_msgs.msg import TFMessage


class Navigator(Node):
    def __init__(self):
        super().__init__("navigator")
        self.transforms = self.create_publisher(TFMessage, "/tf", 100)
        self.create_timer(0.05, self.say_where)
        self.server = ActionServer(
            self, NavigateToPose, "navigate_to_pose", execute_callback=self.navigate, goal_callback=self.answer
        )

    def say_where(self):
        place = TransformStamped(child_frame_id="odom")
        place.header.frame_id, place.header.stamp = "map", self.get_clock().now().to_msg()
        place.transform.translation.x = 2.5
        self.transforms.publish(TFMessage(transforms=[place]))

    def answer(self, goal):
        return GoalResponse.ACCEPT if goal.pose.pose.position.x > 0.0 else GoalResponse.REJECT

    def navigate(self, handle):
        handle.publish_feedback(NavigateToPose.Feedback(current_pose=handle.request.pose, distance_remaining=0.5))
        handle.succeed()
        return NavigateToPose.Result()


def main():
    rclpy.init()
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(Navigator())


if __name__ == "__main__":
    main()
