"""Writes and reads bags of rosbag2: a folder with `metadata.yaml` and MCAP files, as `ros2 bag` and MCAP tools read it.

Formats: rosbag2 metadata version 9 and the MCAP profile `ros2` (https://mcap.dev/spec/registry). Messages are written in
chunks, at least one per second, so that a writer that is killed loses no more than its last second. A new file begins every
`FILE_CHUNKS` chunks, which bounds both the index in memory and what is lost with one damaged file.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Callable, Iterator, Mapping

import yaml
from mcap.writer import Writer

from altmarl_ros.files import write_atomically
from altmarl_ros.records.bag_storage import BagError

METADATA = "metadata.yaml"
"""Name of the file that describes a bag."""

FILE_CHUNKS = 3600
"""Most chunks in a file."""

_CHUNK_BYTES = 1 << 20
_FLUSH_PERIOD = 1.0  # s


@dataclass(frozen=True)
class Topic:
    """One topic of a bag.

    Attributes:
        name: fully qualified topic name.
        type: message type, e.g. `altmarl_ros/msg/FleetTick`.
        definition: the `.msg` text of the type and of every type in it (MCAP schema encoding `ros2msg`).
        type_hash: RIHS01 hash of the type.
        qos: offered quality of service, one mapping as rosbag2 writes it; empty: unknown.
    """

    name: str
    type: str
    definition: str
    type_hash: str
    qos: Mapping[str, Any]


@dataclass(frozen=True)
class BagMessage:
    """One message of a bag.

    Attributes:
        topic: fully qualified topic name.
        type: message type, e.g. `altmarl_ros/msg/FleetTick`.
        received: Unix time at which it was received [ns].
        sent: Unix time at which it was sent [ns].
        data: the message in CDR form.
    """

    topic: str
    type: str
    received: int
    sent: int
    data: bytes


@dataclass
class _File:
    path: Path
    stream: BinaryIO
    writer: Writer
    channels: dict[str, int] = field(default_factory=dict)
    schemas: dict[tuple[str, str], int] = field(default_factory=dict)  # by type and definition
    begin: int | None = None
    end: int = 0
    messages: int = 0
    chunks: int = 0


class BagWriter:
    """Writes a new bag; a context manager that closes it.

    Every method raises BagError, naming the folder and the reason, where it cannot write. What was flushed stays readable.

    Attributes:
        folder: folder of the bag.
        messages: number of messages written.
    """

    def __init__(self, folder: str | Path, now: Callable[[], float] = time.monotonic) -> None:
        """Make the folder, which must not exist; `now` returns monotonic time [s]."""
        self.folder = Path(folder)
        self._now = now
        self._topics: dict[str, Topic] = {}
        self._counts: dict[str, int] = {}
        self._done: list[dict[str, Any]] = []
        self._flushed = now()
        self.messages = 0
        if self.folder.exists():
            raise BagError(f"{self.folder}: exists already; a bag is a new folder")
        with self._named():
            self.folder.mkdir(parents=True)
            self._file = self._open()
            self._write_metadata()

    def add_topic(self, topic: Topic) -> None:
        """Add a topic, once, before its first message."""
        self._topics[topic.name] = topic
        self._counts[topic.name] = 0
        with self._named():
            self._register(self._file, topic)

    def write(self, name: str, data: bytes, received: int, sent: int) -> None:
        """Append a message in CDR form, received and sent at Unix times [ns]."""
        file = self._file
        with self._named():
            file.writer.add_message(file.channels[name], log_time=received, data=data, publish_time=sent)
        file.begin = received if file.begin is None else min(file.begin, received)
        file.end = max(file.end, received)
        file.messages += 1
        self._counts[name] += 1
        self.messages += 1
        self.flush_if_due()

    def flush_if_due(self) -> None:
        """Write what is buffered to the file if a second has passed since the last time; call it when idle too."""
        now = self._now()
        if now - self._flushed < _FLUSH_PERIOD:
            return
        self._flushed = now
        with self._named():
            self._file.writer.flush()  # type: ignore[no-untyped-call]
            self._file.chunks += 1
            if self._file.chunks >= FILE_CHUNKS and self._file.messages:
                self._done.append(self._finish(self._file))
                self._file = self._open()
                for topic in self._topics.values():
                    self._register(self._file, topic)
                self._write_metadata()

    def close(self) -> None:
        """Finish the last file and write the metadata; a second call does nothing."""
        if self._file.stream.closed:
            return
        try:
            with self._named():
                self._done.append(self._finish(self._file))
                self._write_metadata()
        finally:
            with contextlib.suppress(OSError):
                self._file.stream.close()

    def _open(self) -> _File:
        path = self.folder / f"{self.folder.resolve().name}_{len(self._done)}.mcap"
        stream = path.open("xb")
        writer = Writer(stream, chunk_size=_CHUNK_BYTES)
        writer.start(profile="ros2", library="altmarl_ros")
        return _File(path, stream, writer)

    def _register(self, file: _File, topic: Topic) -> None:
        named = topic.type, topic.definition
        if named not in file.schemas:
            file.schemas[named] = file.writer.register_schema(topic.type, "ros2msg", topic.definition.encode())
        metadata = {"offered_qos_profiles": yaml.safe_dump(_profiles(topic)), "topic_type_hash": topic.type_hash}
        file.channels[topic.name] = file.writer.register_channel(topic.name, "cdr", file.schemas[named], metadata)

    def _finish(self, file: _File) -> dict[str, Any]:
        file.writer.finish()  # type: ignore[no-untyped-call]
        file.stream.flush()
        os.fsync(file.stream.fileno())
        file.stream.close()
        return _file_information(file)

    def _write_metadata(self) -> None:
        files = self._done or [_file_information(self._file)]
        topics = [
            {
                "topic_metadata": {
                    "name": topic.name,
                    "type": topic.type,
                    "serialization_format": "cdr",
                    "offered_qos_profiles": _profiles(topic),
                    "type_description_hash": topic.type_hash,
                },
                "message_count": self._counts[topic.name],
            }
            for topic in self._topics.values()
        ]
        begin = min(entry["starting_time"]["nanoseconds_since_epoch"] for entry in files)
        end = max(e["starting_time"]["nanoseconds_since_epoch"] + e["duration"]["nanoseconds"] for e in files)
        information = {
            "version": 9,
            "storage_identifier": "mcap",
            "duration": {"nanoseconds": end - begin},
            "starting_time": {"nanoseconds_since_epoch": begin},
            "message_count": sum(entry["message_count"] for entry in files),
            "topics_with_message_count": topics,
            "compression_format": "",
            "compression_mode": "",
            "relative_file_paths": [entry["path"] for entry in files],
            "files": files,
            "custom_data": None,
            "ros_distro": os.environ.get("ROS_DISTRO", "unknown"),
        }
        text = yaml.safe_dump({"rosbag2_bagfile_information": information}, sort_keys=False)
        write_atomically(self.folder / METADATA, text.encode())

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise BagError(f"{self.folder}: cannot be written: {error.strerror or error}") from None

    def __enter__(self) -> BagWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _file_information(file: _File) -> dict[str, Any]:
    begin = file.begin or 0
    return {
        "path": file.path.name,
        "starting_time": {"nanoseconds_since_epoch": begin},
        "duration": {"nanoseconds": max(0, file.end - begin)},
        "message_count": file.messages,
    }


def _profiles(topic: Topic) -> list[dict[str, Any]]:
    return [dict(topic.qos)] if topic.qos else []
