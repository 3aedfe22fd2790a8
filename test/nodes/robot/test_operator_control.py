"""An operator's hand on one vehicle: where it goes, what it says, and that every stop still stops it."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from lifecycle_msgs.msg import State
from rclpy.lifecycle import TransitionCallbackReturn
from sensor_msgs.msg import LaserScan
from std_srvs.srv import SetBool
from vehicle_stage import PERIOD, TIMEOUT, VALUES, Stage

from altmarl_ros.driving.governor_types import Reason
from altmarl_ros.errors import AltmarlError
from altmarl_ros.monitoring.tick_expectation import TickExpectation
from altmarl_ros.msg import DriveState
from altmarl_ros.nodes.robot.goal_pose import GoalPoseListener
from altmarl_ros.nodes.robot.operator_control import OperatorControl, offer_operation
from altmarl_ros.nodes.robot.shared_resources import load_goal_map
from altmarl_ros.nodes.robot.topic_observation import observe_stream
from altmarl_ros.protocol.agent import RobotAgent
from altmarl_ros.protocol.operated import Control, Operated
from altmarl_ros.srv import OperateRobot

Request = OperateRobot.Request


@pytest.fixture(scope="module")
def goal_map():
    return load_goal_map({**VALUES, "park_zone": ""})


def scan(distance):
    """What a laser sees in the middle of a round room."""
    step = 2 * math.pi / 360
    message = LaserScan(angle_min=-math.pi, angle_max=math.pi - step, angle_increment=step, range_min=0.05, range_max=10.0)
    message.header.frame_id = "base_link"
    message.ranges = [distance] * 360
    return message


class OperatedRobot:
    """Robot 3 with its vehicle, an operator's hand on it, and what it said."""

    def __init__(self, goal_map, **values):
        self.stage = Stage(goal_map, **values)
        self.posing = self.ticking = True
        self.free = None  # distance to what a laser sees all around [m]; None: there is no laser
        self.said, self.timers, self.transitions = [], [], []
        self.node = SimpleNamespace(
            state_id=State.PRIMARY_STATE_ACTIVE,
            create_timer=lambda _period, callback, clock: self.timers.append(callback) or callback,
            destroy_timer=self.timers.remove,
            trigger_activate=lambda: self.transit(State.PRIMARY_STATE_ACTIVE),
            trigger_deactivate=lambda: self.transit(State.PRIMARY_STATE_INACTIVE),
        )
        self.agent = RobotAgent(3, np.random.default_rng(0))
        self.control = OperatorControl(self.node, lambda: self.said.append(self.agent.operated))
        self.control.configure(self.agent, self.stage.vehicle)

    def transit(self, state):
        """What the robot's node does in its transitions."""
        self.transitions.append(state)
        self.node.state_id = state
        if state == State.PRIMARY_STATE_ACTIVE:
            self.stage.vehicle.enter(lambda: None)
            self.control.activate()
        else:
            self.control.deactivate()
            self.stage.vehicle.leave()
        return TransitionCallbackReturn.SUCCESS

    def tell(self, command, zone="", operator="anna"):
        return self.control.operate(Request(command=command, robot_id=3, zone=zone, operator_name=operator))

    def step(self, count=1):
        stage = self.stage
        for _ in range(count):
            stage.clock.time += PERIOD
            if self.posing:
                stage.odometry()
            if self.ticking:
                stage.vehicle.tick_received(stage.clock.time)
            if self.free is not None:
                stage.callbacks["scan"](scan(self.free))
            stage.clock.step()
        return stage.state

    def finding(self):
        return self.stage.vehicle.finding(TickExpectation(least=1.0, grace=0.0), str(self.agent.operated))


@pytest.fixture
def robot(goal_map):
    robot = OperatedRobot(goal_map)
    robot.stage.drive_on()
    return robot


def far_zone(robot, goal_map):
    here = robot.stage.state.zone
    return goal_map.zones.floor.plan.names[(here + 2) % len(goal_map.zones.floor.plan.names)]


def test_sent_it_drives_to_its_slot_there_and_takes_no_action_for_it(robot, goal_map):
    zone = far_zone(robot, goal_map)
    assert robot.tell(Request.SEND, zone) == f"drives to {zone}"
    state = robot.step(5)
    index = goal_map.zones.floor.plan.names.index(zone)
    assert (state.goal_zone, state.local_action) == (index, DriveState.UNKNOWN)
    assert (state.goal_x, state.goal_y) == pytest.approx(tuple(goal_map.zones.slot_of(index, 3)))
    assert robot.stage.speeds[-1] > 0.0
    assert robot.said == [Operated(Control.SENT, "anna")]
    assert "sent by anna" in robot.finding().message


def test_a_zone_may_be_told_by_its_number_and_a_wrong_one_changes_nothing(robot):
    assert robot.tell(Request.SEND, "1").startswith("drives to ")
    before = robot.step().goal_zone
    for wrong in ("nowhere", "99", "-1", ""):
        with pytest.raises(AltmarlError, match="is no zone"):
            robot.tell(Request.SEND, wrong)
    assert robot.step().goal_zone == before == 1
    assert len(robot.said) == 1


def test_held_it_comes_to_rest_by_its_ordinary_deceleration_and_stays(robot):
    before = len(robot.stage.speeds)
    assert robot.tell(Request.HOLD) == "held by anna"
    state = robot.step(60)
    braking = robot.stage.speeds[before - 1 :]
    limits = robot.stage.vehicle._governor.limits
    assert np.all(np.diff(braking) >= -limits.braking * PERIOD - 1e-9)
    assert (braking[-1], state.state) == (0.0, DriveState.STOPPED)
    assert list(state.reasons) == [Reason.HELD.value]
    assert state.goal_zone == DriveState.UNKNOWN
    assert robot.finding().level == 0  # what an operator wants is no alarm


def test_released_it_stands_until_its_next_action(robot):
    robot.tell(Request.HOLD)
    robot.step(60)
    assert robot.tell(Request.RELEASE).startswith("acts by its policy")
    assert list(robot.step(10).reasons) == []
    assert robot.stage.speeds[-1] == 0.0
    robot.stage.drive_on()
    assert robot.stage.speeds[-1] > 0.0
    assert [each and each.control for each in robot.said] == [Control.HELD, None]
    assert robot.tell(Request.RELEASE) == "acts by its policy, as before"


STOPS = {
    "its own emergency stop": (
        lambda robot: robot.stage.services["~/emergency_stop"](SetBool.Request(data=True), SetBool.Response()),
        Reason.EMERGENCY_STOP,
    ),
    "the fleet's emergency stop": (lambda robot: setattr(robot.stage.fleet_stop, "pressed", True), Reason.FLEET_STOP),
    "no pose": (lambda robot: setattr(robot, "posing", False), Reason.POSE_STALE),
    "no tick": (lambda robot: setattr(robot, "ticking", False), Reason.TICK_SILENT),
    "no driver": (lambda robot: setattr(robot.stage.publishers["cmd_vel"], "readers", 0), Reason.NO_DRIVER),
}


@pytest.mark.parametrize("stop", STOPS)
def test_sent_by_hand_it_is_stopped_by_what_stops_it_otherwise(robot, goal_map, stop):
    press, reason = STOPS[stop]
    robot.tell(Request.SEND, far_zone(robot, goal_map))
    robot.step(10)
    assert robot.stage.speeds[-1] > 0.0
    press(robot)
    state = robot.step(int((TIMEOUT + 2.0) / PERIOD))
    assert robot.stage.speeds[-1] == 0.0
    assert reason.value in state.reasons
    assert "stands at present" in robot.tell(Request.SEND, far_zone(robot, goal_map)) or stop == "no pose"


def test_removed_it_leaves_once_it_is_at_rest_and_returned_it_is_back(robot):
    assert robot.tell(Request.REMOVE) == "stops, and leaves the fleet"
    (look,) = robot.timers
    look()
    assert robot.transitions == []  # it still moves
    robot.step(60)
    look()
    assert robot.transitions == [State.PRIMARY_STATE_INACTIVE]
    assert robot.timers == []
    assert robot.agent.operated == Operated(Control.REMOVED, "anna")
    with pytest.raises(AltmarlError, match="removed by anna: return it"):
        robot.tell(Request.SEND, "1")
    assert robot.tell(Request.RETURN, operator="bob") == "joins the fleet"
    assert robot.agent.operated is None
    assert robot.tell(Request.RETURN) == "is in the fleet, as before"


def test_what_is_told_while_it_leaves_keeps_it(robot):
    robot.tell(Request.REMOVE)
    robot.tell(Request.HOLD, operator="bob")
    assert robot.timers == []
    assert robot.said[-1] == Operated(Control.HELD, "bob")


def test_a_node_that_no_operator_removed_is_not_returned(robot):
    robot.transit(State.PRIMARY_STATE_INACTIVE)
    for command in (Request.RETURN, Request.HOLD):
        with pytest.raises(AltmarlError, match="activate it by its life cycle"):
            robot.tell(command)


def test_a_robot_that_was_sent_is_held_after_its_node_was_inactive(robot):
    robot.tell(Request.SEND, "1")
    robot.transit(State.PRIMARY_STATE_INACTIVE)
    robot.transit(State.PRIMARY_STATE_ACTIVE)
    assert robot.agent.operated == Operated(Control.HELD, "anna")
    assert Reason.HELD.value in robot.step().reasons


@pytest.mark.parametrize(("command", "operator"), [(99, "anna"), (Request.HOLD, ""), (Request.HOLD, "a\nb")])
def test_odd_requests_change_nothing(robot, command, operator):
    with pytest.raises(AltmarlError):
        robot.tell(command, operator=operator)
    assert (robot.said, robot.agent.operated) == ([], None)


def test_the_service_knows_the_robots_of_its_process(robot):
    offered = {}
    node = SimpleNamespace(
        create_service=lambda _type, name, answer: offered.update({name: answer}), get_logger=robot.stage.node.get_logger
    )
    offer_operation(node, lambda: {3: SimpleNamespace(operator_control=robot.control)})
    answer = offered["~/operate"]
    done = answer(Request(command=Request.HOLD, robot_id=3, operator_name="anna"), OperateRobot.Response())
    other = answer(Request(command=Request.HOLD, robot_id=4, operator_name="anna"), OperateRobot.Response())
    refused = answer(Request(command=Request.SEND, robot_id=3, operator_name="anna", zone="nowhere"), OperateRobot.Response())
    assert (done.known, done.success, done.message) == (True, True, "held by anna")
    assert (other.known, other.success) == (False, False)
    assert (refused.known, refused.success) == (True, False)
    assert "refused: 'nowhere' is no zone" in refused.message


def goal(x, y, frame="map"):
    message = PoseStamped()
    message.header.frame_id = frame
    message.pose.position.x, message.pose.position.y = x, y
    return message


@pytest.fixture
def listener(robot, goal_map):
    subscribed = {}

    def subscription(_type, topic, callback, _qos):
        subscribed[topic] = callback
        return SimpleNamespace(topic_name="/robot_3/robot/goal_pose")

    node = robot.stage.node
    robot.stage.published["/robot_3/robot/goal_pose"] = ["geometry_msgs/msg/PoseStamped"]
    GoalPoseListener(SimpleNamespace(node=node, subscription=subscription), VALUES, goal_map.zones, robot.control)
    return subscribed["~/goal_pose"]


def test_a_goal_pose_sends_it_to_the_zone_that_holds_the_point(robot, goal_map, listener):
    index = 1
    point = goal_map.zones.floor.plan.zones[index].polygon.representative_point()
    listener(goal(point.x, point.y))
    assert robot.step().goal_zone == index
    assert robot.said == [Operated(Control.SENT, "/robot_3/other")]


@pytest.mark.parametrize(
    "message", [goal(1.0, 1.0, "odom"), goal(1.0, 1.0, ""), goal(math.nan, 1.0), goal(1e300, 0.0), goal(-500.0, -500.0)]
)
def test_a_goal_pose_elsewhere_is_refused(robot, listener, message):
    listener(message)
    assert robot.said == []
    assert "refused" in robot.stage.warnings[-1]


def test_an_obstacle_stops_a_robot_that_is_sent(goal_map):
    robot = OperatedRobot(goal_map, **{"scan.topic": "scan", "scan.required": True})
    robot.free = 5.0
    robot.step(5)
    robot.tell(Request.SEND, "1")
    robot.step(20)
    assert robot.stage.speeds[-1] > 0.0
    robot.free = 0.25
    state = robot.step(40)
    assert robot.stage.speeds[-1] == 0.0
    assert Reason.OBSTACLE.value in state.reasons


def test_a_goal_is_not_proposed_as_the_robots_pose(robot):
    node, wanted = robot.stage.node, "geometry_msgs/msg/PoseStamped"
    for topic in ("/robot_3/robot/goal_pose", "/robot_3/goal_pose", "/robot_3/slam_pose"):
        robot.stage.published[topic] = [wanted]
    assert observe_stream(node, "/robot_3/pose", wanted, "/robot_3", "pose.topic").elsewhere == ("slam_pose",)
