"""What a bag tells about a run, in whatever form it is stored, and what it says of topics that carry something else."""

import pytest
from builtin_interfaces.msg import Time
from rclpy.serialization import serialize_message
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from std_msgs.msg import String

from altmarl_ros.cli.main import main
from altmarl_ros.cli.runs import load_run
from altmarl_ros.msg import CoordinatorStatus, DriveState, FleetTruth, FloorTruth, RobotHello, RobotReport
from altmarl_ros.nodes.common.conversions import configuration_to_message
from altmarl_ros.nodes.tools.bag_log import _SHORTER, read_log
from altmarl_ros.protocol.standby import Handover
from altmarl_ros.records.bag import BagWriter, Topic
from altmarl_ros.records.message_definitions import message_definition, type_hash
from altmarl_ros.records.rows import Configuration


def write(folder, topic, message_type, messages, storage=StoragePlugin.MCAP, mode=None):
    writer = Writer(folder, version=9, storage_plugin=storage)
    if mode is not None:
        writer.set_compression(mode, CompressionFormat.ZSTD)
    with writer:
        definition, digest = message_definition(message_type), type_hash(message_type)
        connection = writer.add_connection(topic, message_type, msgdef=definition, rihs01=digest)
        for number, message in enumerate(messages):
            writer.write(connection, 1_000 + number, serialize_message(message))
    return folder


@pytest.mark.parametrize("storage", list(StoragePlugin), ids=lambda storage: storage.name)
@pytest.mark.parametrize("mode", [None, CompressionMode.MESSAGE, CompressionMode.FILE], ids=["plain", "messages", "files"])
def test_reports_are_read_from_every_form(tmp_path, storage, mode):
    reports = [RobotReport(session=7, tick=tick // 2, robot_id=tick) for tick in range(20)]
    folder = write(tmp_path / "bag", "/fleet/report", "altmarl_ros/msg/RobotReport", reports, storage, mode)
    said = []
    assert read_log(folder, said.append).reports == {(7, tick): 2 for tick in range(10)}
    assert said == []


def test_a_topic_that_carries_another_type_is_said(tmp_path, capfd):
    folder = write(tmp_path / "bag", "/fleet/status", "std_msgs/msg/String", 5 * [String(data="hello")])
    assert main(["replay", str(folder)]) == 2
    said = " ".join(capfd.readouterr().err.split())
    assert "5 messages on /fleet/status are of type std_msgs/msg/String" in said
    assert "it should carry altmarl_ros/msg/CoordinatorStatus" in said
    assert "no altmarl_ros/msg/CoordinatorStatus came" in said


def test_a_bag_from_before_hidden_states_is_read(tmp_path):
    written = {
        "status": CoordinatorStatus(session=7, tick=3, estimate=[0.25, 0.75], estimated_reward=1.5),
        "truth": FleetTruth(
            session=7, tick=3, robot_id=[1, 2, 3], local_state=[0, 1, 1], local_action=[1, 0, 1], actions=3 * [1]
        ),
    }
    folder = tmp_path / "bag"
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        for topic, message in written.items():
            name = f"altmarl_ros/msg/{type(message).__name__}"
            type_hash, lacking = next(iter(_SHORTER[name].items()))
            definition = message_definition(name)  # nobody reads it here
            connection = writer.add_connection(f"/fleet/{topic}", name, msgdef=definition, rihs01=type_hash)
            data = serialize_message(message)
            later = 4 * lacking  # the empty sequences of the fields that came later
            assert data[-later:] == bytes(later)
            writer.write(connection, 1_000, data[:-later])
    log = read_log(folder, pytest.fail)
    status, truth = log.statuses[7, 3], log.truths[7, 3]
    assert (status.estimate, status.belief) == ((0.25, 0.75), ())
    assert (status.returned, status.operated) == ((), ())
    assert (truth.local_states, truth.hidden_state) == ((0, 1, 1), None)


def test_the_places_of_a_simulated_floor_are_read(tmp_path):
    said = [
        FloorTruth(stamp=Time(sec=second), contacts=2, robot_id=[4, 7], x=[1.0, float(second)], y=[2.0, 0.0], yaw=[0.5, 0.0])
        for second in (1, 2)
    ]
    folder = write(tmp_path / "bag", "/world/floor", "altmarl_ros/msg/FloorTruth", said)
    floors = read_log(folder, pytest.fail).floors
    assert list(floors) == [1.0, 2.0]
    assert floors[2.0].places == {4: (1.0, 2.0), 7: (2.0, 0.0)}
    assert floors[2.0].headings == {4: 0.5, 7: 0.0}
    assert floors[2.0].contacts == 2


def drive(tick, local_state=1, local_action=2, **other):
    return DriveState(robot_id=4, session=7, tick=tick, local_state=local_state, local_action=local_action, **other)


def test_what_robots_say_of_how_they_act_is_read(tmp_path):
    none = DriveState.UNKNOWN
    said = [drive(0, none, none), drive(1), drive(1, state=DriveState.MOVING), drive(2, local_state=3), drive(3, 1, none)]
    folder = write(tmp_path / "bag", "/robot_4/robot/drive", "altmarl_ros/msg/DriveState", said)
    assert read_log(folder, pytest.fail).drives == {(7, 1): {4: (1, 2)}, (7, 2): {4: (3, 2)}}


def test_types_of_robots_are_read(tmp_path):
    hellos = [RobotHello(robot_id=4, name="/robot_4/robot", robot_type="fast"), RobotHello(robot_id=5, count=2)]
    hellos += [RobotHello(robot_id=8, count=2, robot_type="slow")]
    folder = write(tmp_path / "bag", "/fleet/hello", "altmarl_ros/msg/RobotHello", hellos)
    assert read_log(folder, pytest.fail).types == {4: "fast", 5: "", 6: "", 8: "slow", 9: "slow"}


@pytest.mark.parametrize("message", [drive(1), RobotHello(robot_type="fast")], ids=["drive", "hello"])
@pytest.mark.parametrize(("type_hash", "most"), [("RIHS01_" + 64 * "0", None), ("", 14)], ids=["another version", "cut short"])
def test_what_robots_of_another_release_say_is_left_out_with_a_note(tmp_path, message, type_hash, most):
    name = f"altmarl_ros/msg/{type(message).__name__}"
    with BagWriter(tmp_path / "bag") as writer:
        writer.add_topic(Topic("/some/topic", name, message_definition(name), type_hash, {}))
        writer.write("/some/topic", serialize_message(message)[:most], 1_000, 1_000)
    said = []
    log = read_log(tmp_path / "bag", said.append)
    assert (log.drives, log.types) == ({}, {})
    assert said == ["note: 1 messages on /some/topic are damaged or of another version of their type and are not read"]


def test_robots_of_types_are_in_states_of_their_type(tmp_path, kinds_file):
    about = Configuration(7, 0, "kinds", "", "", 1, {"game": str(kinds_file)}, Handover(0, 0, 0, (), 0.0))
    hellos = [RobotHello(robot_id=4, robot_type="slow"), RobotHello(robot_id=5, robot_type="fast")]
    told = {
        "/fleet/configuration": [configuration_to_message(about, Time())],
        "/fleet/hello": hellos,
        "/fleet/status": [CoordinatorStatus(session=7, tick=tick, heard_id=[6], heard_state=[5]) for tick in (1, 2)],
        "/robot_4/robot/drive": [drive(1), drive(2, local_state=2)],
        "/robot_6/robot/drive": [DriveState(robot_id=6, session=7, tick=1, local_state=0, local_action=0)],  # without a hello
        "/robot_5/robot/drive": [DriveState(robot_id=5, session=7, tick=1, local_state=2, local_action=0)],
    }
    with BagWriter(tmp_path / "bag") as writer:
        for topic, messages in told.items():
            name = f"altmarl_ros/msg/{type(messages[0]).__name__}"
            writer.add_topic(Topic(topic, name, message_definition(name), type_hash(name), {}))
            for message in messages:
                writer.write(topic, serialize_message(message), 1_000, 1_000)
    record = load_run(tmp_path / "bag")
    assert record.about["robot_ids"] == [4, 5, 6]
    assert record.local_state.tolist() == [[3 + 1, 2, 5], [3 + 2, -1, 5]]  # reports are told with the type
    assert record.local_action.tolist() == [[2, 0, -1], [2, -1, -1]]
