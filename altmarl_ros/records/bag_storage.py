"""The messages of one file of a rosbag2 bag: MCAP or sqlite3, plain or compressed, whole or cut off.

rosbag2 compresses either each message or each file as a whole (`<name>.mcap.zstd`), both with Zstandard; a message in
Zstandard's frame begins by its magic number, which no CDR encapsulation does. MCAP compresses its own chunks with Zstandard or
LZ4. What is unpacked is bounded, since a small file may claim anything.
"""

from __future__ import annotations

import contextlib
import io
import shutil
import sqlite3
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Iterator, cast

import lz4.frame
import zstandard
from mcap.exceptions import InvalidMagic
from mcap.records import Channel, Chunk, DataEnd, McapRecord, Message, Schema
from mcap.stream_reader import StreamReader, breakup_chunk

from altmarl_ros.errors import AltmarlError

MCAP, SQLITE, COMPRESSED = ".mcap", ".db3", ".zstd"
"""How names of files end."""

MOST_BYTES = 1 << 28
"""Of a record, a chunk or a message, as stored and as unpacked."""

_MOST_FILE_BYTES = 1 << 36  # of a compressed file, unpacked
_MAGIC_BYTES = 8
_SQLITE_HEADER = 100  # bytes
_ZSTD = b"\x28\xb5\x2f\xfd"
_FOREIGN = {b"#ROSBAG V": "is a bag of ROS 1: rosbags-convert --src {path} --dst {folder} makes a rosbag2 of it"}


class BagError(AltmarlError):
    """A bag cannot be written or read."""


class CutOffError(Exception):
    """A file ends early or is damaged; what came before is right."""


@dataclass(frozen=True)
class StoredTopic:
    """What a file says about a topic.

    Attributes:
        name: fully qualified topic name.
        type: message type, e.g. `altmarl_ros/msg/FleetTick`.
        definition: the `.msg` text and that of every type in it; empty: not stored.
        type_hash: RIHS01 hash of the type; empty: not stored.
        qos: offered quality of service, YAML as it stands.
        format: of the messages; ours is `cdr`.
    """

    name: str
    type: str
    definition: str
    type_hash: str
    qos: str
    format: str


@dataclass(frozen=True)
class StoredMessage:
    """One message: received and sent at Unix times [ns]; `data` as unpacked."""

    topic: StoredTopic
    received: int
    sent: int
    data: bytes


def read_file(path: Path) -> Iterator[StoredMessage]:
    """The messages of a file in the order in which they were written.

    Raises:
        BagError: it cannot be read, or is of another make.
        CutOffError: it ends early, or is damaged from there on.
    """
    try:
        with path.open("rb") as stream:
            begin = stream.read(_MAGIC_BYTES + 1)
    except OSError as error:
        raise BagError(f"{path}: cannot be read: {error.strerror or error}") from None
    for magic, what in _FOREIGN.items():
        if begin.startswith(magic):
            raise BagError(f"{path}: {what.format(path=path, folder=path.with_suffix(''))}")
    packed = path.suffix == COMPRESSED
    stored_in = Path(path.stem).suffix if packed else path.suffix
    messages = _sqlite(path, packed) if stored_in == SQLITE else _mcap(path, packed)
    for message in messages:
        yield replace(message, data=_unpacked(message.data)) if message.data.startswith(_ZSTD) else message


def _mcap(path: Path, packed: bool) -> Iterator[StoredMessage]:
    schemas: dict[int, Schema] = {}
    topics: dict[int, StoredTopic] = {}
    for record in _mcap_records(path, packed):
        if isinstance(record, Schema):
            schemas[record.id] = record
        elif isinstance(record, Channel):
            topics[record.id] = _channel_topic(record, schemas.get(record.schema_id))
        elif isinstance(record, Message) and record.channel_id in topics:
            yield StoredMessage(topics[record.channel_id], record.log_time, record.publish_time, record.data)


def _mcap_records(path: Path, packed: bool) -> Iterator[McapRecord]:
    try:
        with path.open("rb") as file:
            source = io.BufferedReader(_unpacking(file)) if packed else file
            reader = StreamReader(source, emit_chunks=True, record_size_limit=MOST_BYTES, validate_crcs=True)
            for record in reader.records:
                if isinstance(record, DataEnd):
                    return
                if isinstance(record, Chunk):
                    yield from breakup_chunk(_plain_chunk(record), validate_crc=True)
                else:
                    yield record
    except OSError as error:
        raise BagError(f"{path}: cannot be read: {error.strerror or error}") from None
    except InvalidMagic:
        if not packed and path.stat().st_size >= _MAGIC_BYTES:
            raise BagError(f"{path}: is not an MCAP file") from None
        raise CutOffError from None
    except Exception as error:  # the reader has no family of its own for a record that ends early or is damaged
        raise CutOffError(str(error)) from None


def _channel_topic(channel: Channel, schema: Schema | None) -> StoredTopic:
    known = schema if schema is not None and schema.encoding == "ros2msg" else None
    return StoredTopic(
        channel.topic,
        schema.name if schema is not None else "",
        known.data.decode(errors="replace") if known else "",
        channel.metadata.get("topic_type_hash", ""),
        channel.metadata.get("offered_qos_profiles", ""),
        channel.message_encoding,
    )


def _plain_chunk(chunk: Chunk) -> Chunk:
    """The same chunk, not compressed."""
    if chunk.compression == "zstd":
        return replace(chunk, compression="", data=_unpacked(chunk.data))
    if chunk.compression == "lz4":
        unpacking = lz4.frame.LZ4FrameDecompressor()
        data = unpacking.decompress(chunk.data, max_length=MOST_BYTES)
        if not unpacking.eof:
            raise CutOffError("a chunk is cut off, or larger than any")
        return replace(chunk, compression="", data=data)
    if chunk.compression:
        raise CutOffError(f"a chunk is compressed by {chunk.compression!r}")
    return chunk


def _unpacked(data: bytes) -> bytes:
    """One Zstandard frame."""
    try:
        if zstandard.frame_content_size(data) > MOST_BYTES:
            raise CutOffError("a message is larger than any")
        return zstandard.ZstdDecompressor().decompress(data, max_output_size=MOST_BYTES)
    except zstandard.ZstdError as error:
        raise CutOffError(str(error)) from None


def _unpacking(file: BinaryIO) -> io.RawIOBase:
    return cast(io.RawIOBase, zstandard.ZstdDecompressor().stream_reader(file))


def _sqlite(path: Path, packed: bool) -> Iterator[StoredMessage]:
    with contextlib.ExitStack() as stack:
        if packed:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="altmarl_bag_")))
            unpacked, whole = folder / path.stem, _unpack_file(path, folder / path.stem)
        else:
            unpacked, whole = path, True
        try:
            _check_pages(unpacked)
            address = f"{unpacked.resolve().as_uri()}?mode=ro"
            # The connection's own context manager ends transactions and closes nothing.
            database = stack.enter_context(contextlib.closing(sqlite3.connect(address, uri=True)))
            database.execute("PRAGMA trusted_schema = OFF")
            topics = _sqlite_topics(database)
            for topic_id, received, data in database.execute("SELECT topic_id, timestamp, data FROM messages ORDER BY id"):
                if topic_id in topics and isinstance(data, bytes) and isinstance(received, int):
                    yield StoredMessage(topics[topic_id], received, received, data)
        except sqlite3.Error as error:
            if "not a database" in str(error) and whole:
                raise BagError(f"{path}: is not a file of sqlite3") from None
            raise CutOffError(str(error)) from None
        if not whole:
            raise CutOffError


def _check_pages(path: Path) -> None:
    """Raise CutOffError where a file of sqlite3 is shorter than it says: sqlite3 would read zeros for what is missing."""
    with path.open("rb") as file:
        header = file.read(_SQLITE_HEADER)
    if len(header) < _SQLITE_HEADER:
        raise CutOffError("its header is cut off")
    page_size, changes, pages, counted_at = (
        int.from_bytes(header[begin:end], "big") for begin, end in ((16, 18), (24, 28), (28, 32), (92, 96))
    )
    if changes == counted_at and path.stat().st_size < pages * (page_size if page_size != 1 else 1 << 16):
        raise CutOffError("it is shorter than its header says")


def _sqlite_topics(database: sqlite3.Connection) -> dict[int, StoredTopic]:
    """By their numbers; rosbag2's schema has grown, so that older files lack columns and tables."""
    tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not {"topics", "messages"} <= tables:
        raise CutOffError("it has no tables of topics and messages")
    definitions: dict[object, object] = {}
    if "message_definitions" in tables:
        definitions = dict(
            database.execute(
                "SELECT topic_type, encoded_message_definition FROM message_definitions WHERE encoding = 'ros2msg'"
            )
        )
    there = {row[1] for row in database.execute("PRAGMA table_info(topics)")}
    wanted = ("name", "type", "serialization_format", "type_description_hash", "offered_qos_profiles")
    columns = ", ".join(column if column in there else f"'' AS {column}" for column in wanted)
    found = {}
    for number, *row in database.execute(f"SELECT id, {columns} FROM topics"):
        if all(isinstance(value, str) for value in row):
            name, message_type, serialization, type_hash, qos = row
            definition = definitions.get(message_type)
            text = definition if isinstance(definition, str) else ""
            found[number] = StoredTopic(name, message_type, text, type_hash, qos, serialization)
    return found


def _unpack_file(path: Path, target: Path) -> bool:
    """Unpack a file; whether it was whole."""
    try:
        with path.open("rb") as file, target.open("wb") as out:
            source = _unpacking(file)
            while block := source.read(1 << 20):
                out.write(block)
                if out.tell() > min(_MOST_FILE_BYTES, shutil.disk_usage(target.parent).free):
                    raise BagError(f"{path}: there is no room to unpack it in {target.parent}")
    except OSError as error:
        raise BagError(f"{path}: cannot be unpacked in {target.parent}: {error.strerror or error}") from None
    except zstandard.ZstdError:
        return False
    return True
