"""Reads what a bag holds of a run, as plain data."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Callable, Iterator, Mapping

from rclpy.serialization import deserialize_message

from altmarl_ros.msg import DriveState, RobotHello
from altmarl_ros.nodes.common import conversions
from altmarl_ros.nodes.tools.recorder import TOPICS, WORLD_TOPICS, type_name
from altmarl_ros.records.bag_reader import BagReader
from altmarl_ros.records.bag_storage import BagError
from altmarl_ros.records.message_definitions import type_hash
from altmarl_ros.records.run_log import RunLog

_READ = {suffix: TOPICS[suffix][0] for suffix in ("status", "truth", "report", "configuration")}
_READ |= {suffix: WORLD_TOPICS[suffix][0] for suffix in ("floor",)}
# What decisions do not rest on: a bag is read without it.
_BY_ROBOTS = {type_name(message_type): message_type for message_type in (RobotHello, DriveState)}
_TYPES = {type_name(message_type): message_type for message_type in _READ.values()} | _BY_ROBOTS
_SHORTER = {  # hashes of earlier versions of types, whose fields are the first of today's, and how many sequences they lack
    "altmarl_ros/msg/CoordinatorStatus": {
        "RIHS01_ecd9094dfaf924c16cf4ac9b464c98c5d022352fb8637ab05a53b4007143ee8b": 6,  # without hidden states
        "RIHS01_8513bb1370af1ffebaaab0b701c69dc6c1f26e82a346bd6be631e19bfd41c565": 5,  # without operators
    },
    "altmarl_ros/msg/FleetTruth": {"RIHS01_6ee25dc981d8448d6c4ad2652e4bc9bed13490f8f467ecabb8cc373d20e13642": 1},
    "altmarl_ros/msg/FleetConfiguration": {"RIHS01_b961afd62e67fd3fc9b7d831b7f661f4ed9e3e3d89fb07d84386ff99643d99f3": 1},
}
_NO_SEQUENCE = bytes(8)  # an empty sequence in CDR: up to 3 bytes that align it, and its length 0


def read_log(path: str | Path, say: Callable[[str], None]) -> RunLog:
    """Read everything that a bag holds of the run; `say` is called with a line of text for every file that was cut off.

    Raises:
        BagError: it is no bag, or its messages are damaged or of another version of their types.
    """
    reader = BagReader(path)
    log = RunLog(most_ticks=None)
    added: dict[str, bytes] = {}  # to messages, by topic
    other: Counter[tuple[str, str]] = Counter()  # messages that are not read, by topic and type
    old: Counter[str] = Counter()  # messages of _BY_ROBOTS that are not read, by topic
    for message in reader:
        if message.type not in _TYPES:
            other[message.topic, message.type] += 1
            continue
        told = reader.topics[message.topic]
        if message.type in _BY_ROBOTS and told.type_hash not in ("", type_hash(told.type)):
            old[message.topic] += 1
            continue
        if message.topic not in added:
            added[message.topic] = _missing(reader, message.topic) * _NO_SEQUENCE
        try:
            _add(log, message.type, message.data + added[message.topic])
        except Exception as error:  # rclpy raises what its middleware does
            if message.type in _BY_ROBOTS:
                old[message.topic] += 1
                continue
            raise BagError(f"{path}: a message of {message.topic} is damaged: {error}") from None
    for file in reader.cut:
        say(f"note: {file} was cut off; it is read as far as it goes (`altmarl recover` makes a whole bag of it)")
    for note in _notes(other, reader):
        say(f"note: {note}")
    for topic, count in old.items():
        say(f"note: {count} messages on {topic} are damaged or of another version of their type and are not read")
    return log


def _notes(other: Mapping[tuple[str, str], int], reader: BagReader) -> Iterator[str]:
    """What was expected and is of another kind."""
    for (topic, found), count in other.items():
        suffix = topic.rpartition("/")[2]
        if suffix in _READ:
            expected = type_name(_READ[suffix])
            yield f"{count} messages on {topic} are of type {found} and are not read; it should carry {expected}"
    for topic, count in reader.foreign.items():
        yield f"{count} messages on {topic} are not in the form cdr and are not read"


def _add(log: RunLog, type_of_message: str, data: bytes) -> None:
    content = deserialize_message(data, _TYPES[type_of_message])
    kind = type(content).__name__
    if kind == "CoordinatorStatus":
        status = conversions.status_from_message(content)
        log.statuses[status.session, status.tick] = status
    elif kind == "FleetTruth":
        truth = conversions.truth_from_message(content)
        log.truths[truth.session, truth.tick] = truth
    elif kind == "RobotReport":
        log.reports[content.session, content.tick] += 1
    elif kind == "DriveState":
        if DriveState.UNKNOWN not in (content.local_state, content.local_action):
            acted = log.drives.setdefault((content.session, content.tick), {})
            acted.setdefault(content.robot_id, (content.local_state, content.local_action))
    elif kind == "RobotHello":
        ids = range(content.robot_id, content.robot_id + min(content.count, RobotHello.MAX_COUNT))
        log.types.update(dict.fromkeys(ids, content.robot_type))
    elif kind == "FleetConfiguration":
        configuration = conversions.configuration_from_message(content)
        log.configurations[configuration.session, configuration.tick] = configuration
    elif kind == "FloorTruth":
        floor = conversions.floor_from_message(content)
        log.floors[floor.time] = floor


def _missing(reader: BagReader, name: str) -> int:
    """How many sequences the messages of a topic lack at most to be of today's version of their type.

    Raises:
        BagError: they are of another version.
    """
    topic, shorter = reader.topics[name], _SHORTER.get(reader.topics[name].type, {})
    if topic.type_hash == type_hash(topic.type):
        return 0
    if topic.type_hash and topic.type_hash not in shorter:
        raise BagError(
            f"{reader.path}: {name} was recorded with another version of {topic.type} ({topic.type_hash[:16]}), "
            f"this program has {type_hash(topic.type)[:16]}"
        )
    return shorter.get(topic.type_hash, max(shorter.values(), default=0))
