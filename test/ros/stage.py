"""A stage for one robot that drives: a stand-in for its hardware integrates its commands, another one ticks."""

import json
import math
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import rclpy
import yaml
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import Twist
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from nav_msgs.msg import Odometry
from rcl_interfaces.srv import SetParametersAtomically
from rclpy.duration import Duration
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import LaserScan

from altmarl_ros.games import load_game
from altmarl_ros.msg import DriveState, FleetTick, LocalPolicy, RobotReport
from altmarl_ros.nodes.common import conversions, qos
from altmarl_ros.policies import LocalPolicy as Policy
from altmarl_ros.protocol.messages import Tick
from altmarl_ros.resources import executable

FLOOR = {
    "zones": [{"name": "A", "rectangle": [0, 0, 3, 2]}, {"name": "B", "rectangle": [3, 0, 30, 2], "goal": [29, 1]}],
    "area": [[-1, -1], [31, -1], [31, 3], [-1, 3]],
}
RATE, BRAKING, SPEED = 20.0, 2.0, 0.5
LAG = 0.4  # s for the messages and processes of a loaded machine
TIMEOUT = 0.5
ROBOT = 7


class Stage(Node):
    """Driver, laser and coordinator of robot 7; each can fail."""

    def __init__(self):
        super().__init__("stage")
        self.x, self.y, self.yaw, self.command, self.commanded_at = 1.0, 1.0, 0.0, (0.0, 0.0, 0.0), -math.inf
        self.commands, self.states, self.reports, self.diagnoses = [], [], [], []
        self.sends_odometry = self.sends_scan = self.ticks = self.driven = True
        self.not_a_number, self.obstacle, self.odom_frame, self.stamp_age = False, math.inf, "odom", 0.0
        self.base_frame = "base_link"
        self.laser_frame, self.ahead_of_laser = "laser", math.inf
        self.session, self.tick, self.goal, self.policy_id = 5, 0, 1, 77
        own = f"/robot_{ROBOT}"
        self.odometry = self.create_publisher(Odometry, f"{own}/odom", 1)
        self.scan = self.create_publisher(LaserScan, f"{own}/scan", 1)
        self.tick_publisher = self.create_publisher(FleetTick, "/fleet/tick", qos.tick_qos(lease=0.4))
        self.policy_publisher = self.create_publisher(LocalPolicy, "/fleet/policy", qos.policy_qos())
        self.create_subscription(Twist, f"{own}/cmd_vel", self.hear_command, 10)
        self.create_subscription(DriveState, f"{own}/robot/drive", self.states.append, qos.latched_qos())
        self.create_subscription(RobotReport, "/fleet/report", self.reports.append, qos.report_qos(10))
        self.create_subscription(DiagnosticArray, "/diagnostics", self.diagnoses.append, 10)
        self.moved_at = time.monotonic()
        self.create_timer(0.02, self.move)
        self.create_timer(0.1, self.say_tick)

    def hear_command(self, twist):
        self.command, self.commanded_at = (twist.linear.x, twist.linear.y, twist.angular.z), time.monotonic()
        self.commands.append(self.command)

    def move(self):
        now = time.monotonic()
        dt, self.moved_at = now - self.moved_at, now
        if now - self.commanded_at > 0.5:
            self.command = (0.0, 0.0, 0.0)
        if self.driven:
            forward, left, turn = self.command
            self.x += dt * (forward * math.cos(self.yaw) - left * math.sin(self.yaw))
            self.y += dt * (forward * math.sin(self.yaw) + left * math.cos(self.yaw))
            self.yaw += dt * turn
        if self.sends_odometry:
            self.odometry.publish(self.odometry_message())
        if self.sends_scan:
            ranges = np.full(90, self.obstacle, dtype=np.float32)
            scan = LaserScan(angle_min=-math.pi, angle_increment=2 * math.pi / 90, range_min=0.05, range_max=8.0)
            ranges[45] = min(self.obstacle, self.ahead_of_laser)
            scan.ranges, scan.header.frame_id = ranges.tolist(), self.laser_frame
            self.scan.publish(scan)

    def odometry_message(self):
        message = Odometry(child_frame_id=self.base_frame)
        message.header.frame_id = self.odom_frame
        message.header.stamp = (self.get_clock().now() - Duration(seconds=self.stamp_age)).to_msg()
        message.pose.pose.position.x = math.nan if self.not_a_number else self.x
        message.pose.pose.position.y = self.y
        message.pose.pose.orientation.z, message.pose.pose.orientation.w = math.sin(self.yaw / 2), math.cos(self.yaw / 2)
        message.twist.twist.linear.x, message.twist.twist.angular.z = self.command[0], self.command[2]
        return message

    def say_tick(self):
        if self.ticks:
            self.tick += 1
            tick = Tick(self.session, self.tick, self.policy_id, self.goal, None, (ROBOT,))
            self.tick_publisher.publish(conversions.tick_to_message(tick, self.get_clock().now().to_msg()))

    def say_policy(self, game, policy_id=77, game_hash=None):
        to_goal = np.zeros((2, 2, 2))  # stay in the zone of attention, else drive there
        to_goal[[0, 1], [0, 1], 0] = to_goal[[0, 1], [1, 0], 1] = 1.0
        message = conversions.policy_to_message(Policy(to_goal), policy_id, game_hash or game.content_hash)
        self.policy_publisher.publish(message)

    @property
    def rests(self):
        return self.command == (0.0, 0.0, 0.0)

    @property
    def reasons(self):
        return list(self.states[-1].reasons) if self.states else []


class Scene:
    """A stage, the robot's process, and bounded waits."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "floor.yaml").write_text(yaml.safe_dump(FLOOR))
        self.game_file = folder / "game.yaml"
        self.game_file.write_text(
            yaml.safe_dump(
                {
                    "name": "corridor",
                    "builder": "floor",
                    "parameters": {"map": "floor.yaml", "tick": 0.1},
                }
            )
        )
        rclpy.init(args=[])
        self.stage = Stage()
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.stage)
        self.stage.say_policy(load_game(self.game_file))
        self.processes, self.clients = [], {}

    def start(self, remappings=(), **parameters):
        """A robot's process."""
        values = {
            "robot_id": ROBOT,
            "body": "drive",
            "game": str(self.game_file),
            "drive.rate": RATE,
            "timeout.pose": TIMEOUT,
            "timeout.tick": TIMEOUT,
            "timeout.scan": TIMEOUT,
            "limits.forward": SPEED,
            "limits.braking": BRAKING,
            "limits.acceleration": BRAKING,
            "diagnostics.period": 0.2,
        }
        values |= {name.replace("__", "."): value for name, value in parameters.items()}
        settings = [item for name, value in values.items() for item in ("-p", f"{name}:={yaml_of(value)}")]
        for topic, other in dict(remappings).items():
            settings += ["-r", f"{topic}:={other}"]
        command = [str(executable("robot")), "--ros-args", "-r", f"__ns:=/robot_{ROBOT}", *settings]
        with (self.folder / f"robot_{len(self.processes)}.log").open("w") as log:
            self.processes.append(subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, text=True))
        return self.processes[-1]

    def log(self):
        return (self.folder / f"robot_{len(self.processes) - 1}.log").read_text()

    def wait_until(self, condition, timeout, what):
        """Listen until the condition holds; the seconds it took."""
        began = time.monotonic()
        while not condition():
            self.executor.spin_once(timeout_sec=0.01)
            if time.monotonic() - began > timeout:
                stage = self.stage
                pytest.fail(
                    f"{what} not within {timeout} s: {stage.states[-1:]} at {stage.x, stage.y}, log {self.log()[-800:]}"
                )
        return time.monotonic() - began

    def call(self, service_type, name, request):
        if name not in self.clients:
            self.clients[name] = self.stage.create_client(service_type, f"/robot_{ROBOT}/robot/{name}")
        client = self.clients[name]
        self.wait_until(client.service_is_ready, 30, f"service {name}")
        future = client.call_async(request)
        self.wait_until(future.done, 20, f"answer of {name}")
        return future.result()

    def set_parameters(self, **values):
        given = [Parameter(name.replace("__", "."), value=value).to_parameter_msg() for name, value in values.items()]
        request = SetParametersAtomically.Request(parameters=given)
        return self.call(SetParametersAtomically, "set_parameters_atomically", request).result

    def change_state(self, transition):
        return self.call(ChangeState, "change_state", ChangeState.Request(transition=Transition(id=transition))).success

    def state(self):
        return self.call(GetState, "get_state", GetState.Request()).current_state.id

    def until_full_speed(self):
        self.wait_until(lambda: self.stage.command[0] >= 0.95 * SPEED, 30, "full speed")

    def check(self):
        """What `altmarl check` says of the robot, while the stage goes on, by the names of its lines."""
        command = [str(Path(sys.executable).with_name("altmarl")), "check", f"robot_{ROBOT}", "--json"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.wait_until(lambda: process.poll() is not None, 90, "altmarl check")
        output, errors = process.communicate()
        assert process.returncode in (0, 1), errors
        return {check["name"]: check for check in json.loads(output)}

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        self.executor.remove_node(self.stage)
        self.executor.shutdown()
        self.stage.destroy_node()
        rclpy.try_shutdown()


def yaml_of(value):
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else value
