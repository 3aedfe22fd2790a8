import os
import resource
import signal
import struct

import pytest
import yaml
from mcap.reader import make_reader
from rosbags.rosbag2 import Reader
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

import altmarl_ros.records.bag as bags
from altmarl_ros.records.bag import BagWriter, Topic
from altmarl_ros.records.bag_reader import BagReader, recover
from altmarl_ros.records.bag_storage import BagError
from altmarl_ros.records.message_definitions import message_definition, type_hash

TYPE = "altmarl_ros/msg/RobotReport"
QOS = {
    "history": "keep_last",
    "depth": 1,
    "reliability": "best_effort",
    "durability": "volatile",
    "deadline": {"sec": 0, "nsec": 0},
    "lifespan": {"sec": 0, "nsec": 0},
    "liveliness": "automatic",
    "liveliness_lease_duration": {"sec": 0, "nsec": 0},
    "avoid_ros_namespace_conventions": False,
}


def report(tick):
    """CDR of a RobotReport with session 7, that tick, robot 3 in state 2 of game 9, written by hand."""
    return b"\x00\x01\x00\x00" + struct.pack("<IIIHH", 7, tick, 3, 2, 9)


def fill(writer, ticks, first=0):
    for tick in range(first, ticks):
        writer.write("/fleet/report", report(tick), 1_000 + tick, 500 + tick)


def topic():
    return Topic("/fleet/report", TYPE, message_definition(TYPE), type_hash(TYPE), QOS)


@pytest.fixture
def bag(tmp_path):
    with BagWriter(tmp_path / "bag") as writer:
        writer.add_topic(topic())
        fill(writer, 300)
    return tmp_path / "bag"


def test_rosbags_reads_messages_types_and_quality_of_service(bag):
    with Reader(bag) as reader:
        assert (reader.message_count, reader.start_time, reader.duration) == (300, 1000, 300)
        (connection,) = reader.connections
        assert (connection.topic, connection.msgtype, connection.digest) == ("/fleet/report", TYPE, type_hash(TYPE))
        assert connection.ext.offered_qos_profiles[0].reliability.name == "BEST_EFFORT"
        store = get_typestore(Stores.EMPTY)
        store.register(get_types_from_msg(connection.msgdef.data, connection.msgtype))
        assert store.hash_rihs01(TYPE) == type_hash(TYPE)
        ticks = []
        for _, received, data in reader.messages():
            message = store.deserialize_cdr(data, TYPE)
            assert (message.session, message.robot_id, message.local_state) == (7, 3, 2)
            assert received == 1000 + message.tick
            ticks.append(message.tick)
    assert ticks == list(range(300))


def test_mcap_reads_index_and_both_stamps(bag):
    with (bag / "bag_0.mcap").open("rb") as stream:
        reader = make_reader(stream, validate_crcs=True)
        assert reader.get_header().profile == "ros2"
        assert reader.get_summary().statistics.message_count == 300
        schema, channel, message = next(iter(reader.iter_messages(starting_at=1250)))
    assert (schema.name, schema.encoding, channel.message_encoding) == (TYPE, "ros2msg", "cdr")
    assert (message.log_time, message.publish_time, message.data) == (1250, 750, report(250))


@pytest.mark.parametrize("name", ["FleetConfiguration", "CoordinatorStatus"])
def test_nested_definitions_are_complete(name):
    of = f"altmarl_ros/msg/{name}"
    store = get_typestore(Stores.EMPTY)
    store.register(get_types_from_msg(message_definition(of), of))
    assert store.hash_rihs01(of) == type_hash(of)  # rosbags computes it from the text alone


def test_reads_back_what_was_written(bag):
    reader = BagReader(bag)
    messages = list(reader)
    assert [(m.topic, m.type, m.received, m.sent, m.data) for m in messages] == [
        ("/fleet/report", TYPE, 1000 + tick, 500 + tick, report(tick)) for tick in range(300)
    ]
    assert reader.topics["/fleet/report"] == topic()
    assert reader.cut == []


def test_files_follow_each_other_and_their_index_stays_small(tmp_path, monkeypatch):
    monkeypatch.setattr(bags, "FILE_CHUNKS", 5)
    clock = iter(range(10_000))
    with BagWriter(tmp_path / "bag", now=lambda: float(next(clock))) as writer:  # a second passes with every message
        writer.add_topic(topic())
        fill(writer, 23)
    names = [f"bag_{i}.mcap" for i in range(5)]
    assert sorted(path.name for path in (tmp_path / "bag").glob("*.mcap")) == names
    assert (
        yaml.safe_load((tmp_path / "bag" / "metadata.yaml").read_text())["rosbag2_bagfile_information"]["relative_file_paths"]
        == names
    )
    with Reader(tmp_path / "bag") as reader:
        assert [data for _, _, data in reader.messages()] == [report(tick) for tick in range(23)]
    assert len(list(BagReader(tmp_path / "bag"))) == 23


def write_and_be_killed(folder):
    """Two flushed batches of 100 messages and an unflushed one of 50, then SIGKILL."""
    pid = os.fork()
    if pid == 0:
        try:
            clock = [0.0]
            writer = BagWriter(folder, now=lambda: clock[0])
            writer.add_topic(topic())
            for batch in (100, 200):
                clock[0] += 0.5
                fill(writer, batch - 1, batch - 100)
                clock[0] += 1.0
                fill(writer, batch, batch - 1)
            fill(writer, 250, 200)
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    assert os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def test_a_killed_writer_loses_only_what_was_not_flushed(tmp_path):
    write_and_be_killed(tmp_path / "bag")
    reader = BagReader(tmp_path / "bag")
    assert [message.data for message in reader] == [report(tick) for tick in range(200)]
    assert [path.name for path in reader.cut] == ["bag_0.mcap"]
    _, messages = recover(tmp_path / "bag", tmp_path / "whole")
    assert messages == 200
    with Reader(tmp_path / "whole") as whole:
        assert [data for _, _, data in whole.messages()] == [report(tick) for tick in range(200)]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_a_cut_file_is_read_as_far_as_it_goes(bag, share):
    path = bag / "bag_0.mcap"
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    messages = list(BagReader(bag))
    assert [message.data for message in messages] == [report(tick) for tick in range(len(messages))]


def test_a_full_disk_is_named_and_what_was_flushed_stays(tmp_path):
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        clock = [0.0]
        code = 1
        try:
            writer = BagWriter(tmp_path / "bag", now=lambda: clock[0])
            writer.add_topic(topic())
            for batch in range(10_000):
                clock[0] += 1.0
                fill(writer, batch * 10 + 10, batch * 10)
        except BagError as error:
            code = 0 if "bag: cannot be written: File too large" in str(error) else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    messages = list(BagReader(tmp_path / "bag"))
    assert len(messages) > 100
    assert [message.data for message in messages] == [report(tick) for tick in range(len(messages))]


def test_a_bag_is_a_new_folder(bag):
    with pytest.raises(BagError, match="exists already"):
        BagWriter(bag)


@pytest.mark.parametrize("content", [None, b"nothing of that kind"])
def test_what_is_no_bag_is_named(tmp_path, content):
    path = tmp_path / "no_bag"
    path.mkdir()
    if content:
        (path / "a.mcap").write_bytes(content)
    with pytest.raises(BagError, match=r"is not a bag|is not an MCAP file"):
        list(BagReader(path))
