"""Bags of other makes and forms: compressed, in sqlite3, cut off, odd, foreign."""

import os
import shutil
import sqlite3
import struct

import lz4.frame
import pytest
import zstandard
from mcap.writer import CompressionType
from mcap.writer import Writer as McapWriter
from rosbags.rosbag2 import CompressionFormat, CompressionMode, Reader, StoragePlugin, Writer

from altmarl_ros.cli.main import main
from altmarl_ros.records import bag_storage
from altmarl_ros.records.bag_reader import BagReader, recover
from altmarl_ros.records.bag_storage import BagError
from altmarl_ros.records.message_definitions import message_definition, type_hash

TYPE = "altmarl_ros/msg/RobotReport"
TICKS = 200


def report(tick):
    """CDR of a RobotReport with session 7, that tick, robot 3 in state 2 of game 9, written by hand."""
    return b"\x00\x01\x00\x00" + struct.pack("<IIIHH", 7, tick, 3, 2, 9)


REPORTS = [report(tick) for tick in range(TICKS)]


def by_rosbags(folder, storage=StoragePlugin.MCAP, mode=None, ticks=TICKS):
    """A bag as the library rosbags writes it."""
    writer = Writer(folder, version=9, storage_plugin=storage)
    if mode is not None:
        writer.set_compression(mode, CompressionFormat.ZSTD)
    with writer:
        connection = writer.add_connection("/fleet/report", TYPE, msgdef=message_definition(TYPE), rihs01=type_hash(TYPE))
        for tick in range(ticks):
            writer.write(connection, 1_000 + tick, report(tick))
    return folder


def by_mcap(path, compression=CompressionType.ZSTD, profiles="", encoding="cdr", ticks=TICKS):
    """One MCAP file, with whatever is said of quality of service."""
    with path.open("wb") as stream:
        writer = McapWriter(stream, compression=compression)
        writer.start(profile="ros2", library="test")
        schema = writer.register_schema(TYPE, "ros2msg", message_definition(TYPE).encode())
        metadata = {"offered_qos_profiles": profiles, "topic_type_hash": type_hash(TYPE)}
        channel = writer.register_channel("/fleet/report", encoding, schema, metadata)
        for tick in range(ticks):
            writer.add_message(channel, log_time=1_000 + tick, publish_time=500 + tick, data=report(tick))
        writer.finish()
    return path


def contents(path):
    return [message.data for message in BagReader(path)]


@pytest.mark.slow
@pytest.mark.parametrize("storage", list(StoragePlugin), ids=lambda storage: storage.name)
@pytest.mark.parametrize("mode", [None, CompressionMode.MESSAGE, CompressionMode.FILE], ids=["plain", "messages", "files"])
def test_every_form_of_a_bag_is_read_whole_and_from_its_file(tmp_path, storage, mode):
    folder = by_rosbags(tmp_path / "bag", storage, mode)
    reader = BagReader(folder)
    messages = list(reader)
    assert [message.data for message in messages] == REPORTS
    assert [message.received for message in messages] == list(range(1_000, 1_000 + TICKS))
    topic = reader.topics["/fleet/report"]
    assert (topic.type, topic.definition) == (TYPE, message_definition(TYPE))
    assert topic.type_hash == (type_hash(TYPE) if storage is StoragePlugin.SQLITE3 else "")  # rosbags' MCAP has none
    assert reader.cut == []
    (file,) = (path for path in folder.iterdir() if path.name != "metadata.yaml")
    assert contents(file) == REPORTS
    (folder / "metadata.yaml").unlink()  # as a recorder leaves it that was killed
    assert contents(folder) == REPORTS


@pytest.mark.parametrize("compression", [CompressionType.ZSTD, CompressionType.LZ4, CompressionType.NONE])
def test_chunks_of_mcap_are_read_however_they_are_compressed(tmp_path, compression):
    assert contents(by_mcap(tmp_path / "a.mcap", compression)) == REPORTS


@pytest.mark.parametrize("storage", list(StoragePlugin), ids=lambda storage: storage.name)
@pytest.mark.parametrize("mode", [None, CompressionMode.MESSAGE, CompressionMode.FILE], ids=["plain", "messages", "files"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_bag_that_is_cut_off_is_read_as_far_as_it_goes_and_recovered(tmp_path, storage, mode, share):
    folder = by_rosbags(tmp_path / "bag", storage, mode)
    (file,) = (path for path in folder.iterdir() if path.name != "metadata.yaml")
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    reader = BagReader(folder)
    found = [message.data for message in reader]
    assert found == REPORTS[: len(found)]
    assert len(found) == TICKS or reader.cut == [file]
    if found:
        assert recover(folder, tmp_path / "whole")[1] == len(found)
        assert contents(tmp_path / "whole") == found


def test_a_recovered_bag_of_sqlite_is_whole_for_other_readers(tmp_path):
    folder = by_rosbags(tmp_path / "bag", StoragePlugin.SQLITE3, CompressionMode.MESSAGE)
    recover(folder, tmp_path / "whole")
    with Reader(tmp_path / "whole") as reader:
        assert [data for _, _, data in reader.messages()] == REPORTS


def test_a_file_that_was_being_compressed_is_read_once(tmp_path):
    folder = by_rosbags(tmp_path / "bag", StoragePlugin.SQLITE3)
    (file,) = folder.glob("*.db3")
    packed = zstandard.compress(file.read_bytes())
    file.with_name(f"{file.name}.zstd").write_bytes(packed[: len(packed) // 2])
    assert contents(folder) == REPORTS


@pytest.mark.parametrize(
    "profiles",
    [
        "",
        "5",
        "[5]",
        "[[1]]",
        "{a: b}",
        "- history: 3\n  depth: {x: 1}",
        "'",
        "[",
        "2020-13-45",
        "- 2020-13-45",
        "!!timestamp foo",
        "!!python/object/apply:os.system [true]",
        "- &a [*a]",
        "[" * 3000,
        "- {? {a: b} : c}",
        "- {history: 1e400, depth: 1" + "0" * 5000 + "}",
        "\x00",
    ],
)
def test_odd_quality_of_service_is_no_reason_not_to_read(tmp_path, profiles):
    path = by_mcap(tmp_path / "a.mcap", profiles=profiles, ticks=5)
    assert contents(path) == REPORTS[:5]
    assert recover(path, tmp_path / "whole")[1] == 5
    assert contents(tmp_path / "whole") == REPORTS[:5]


def test_known_quality_of_service_is_kept(tmp_path):
    profiles = "- history: 1\n  depth: 7\n  reliability: best_effort\n  deadline: {sec: 1, nsec: 2}\n"
    reader = BagReader(by_mcap(tmp_path / "a.mcap", profiles=profiles))
    list(reader)
    expected = {"history": 1, "depth": 7, "reliability": "best_effort", "deadline": {"sec": 1, "nsec": 2}}
    assert reader.topics["/fleet/report"].qos == expected


def test_a_form_that_is_not_read_is_counted(tmp_path):
    reader = BagReader(by_mcap(tmp_path / "a.mcap", encoding="json"))
    assert list(reader) == []
    assert reader.foreign == {"/fleet/report (json)": TICKS}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("old.bag", b"#ROSBAG V2.0\n" + bytes(99), ("ROS 1", "rosbags-convert")),
        ("a.mcap", b"nothing of that kind", ("is not an MCAP file",)),
        ("a.db3", b"nothing of that kind" * 100, ("is not a file of sqlite3",)),
    ],
)
def test_a_file_of_another_make_is_named_with_what_can_be_done(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BagError) as refusal:
        list(BagReader(tmp_path / name))
    for word in (name, *words):
        assert word in str(refusal.value)


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("storage_identifier: mcap", "storage_identifier: rocks", "'rocks'"),
        ("compression_format: zstd", "compression_format: bz2", "'bz2'"),
    ],
)
def test_another_storage_or_compression_is_named(tmp_path, old, new, word):
    folder = by_rosbags(tmp_path / "bag", mode=CompressionMode.MESSAGE)
    metadata = folder / "metadata.yaml"
    assert old in metadata.read_text()
    metadata.write_text(metadata.read_text().replace(old, new))
    with pytest.raises(BagError, match=word) as refusal:
        BagReader(folder)
    assert "ros2 bag convert" in str(refusal.value)


def test_what_is_no_regular_file_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "a.mcap")
    for path in (tmp_path, tmp_path / "a.mcap", tmp_path / "none"):
        with pytest.raises(BagError, match="is not a bag"):
            BagReader(path)


def test_what_claims_to_be_huge_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(bag_storage, "MOST_BYTES", 1 << 20)
    bombs = {
        "a": zstandard.compress(bytes(4 << 20)),
        "b": zstandard.ZstdCompressor(write_content_size=False).compress(bytes(4 << 20)),
    }
    for name, bomb in bombs.items():
        path = by_rosbags(tmp_path / name, StoragePlugin.SQLITE3) / f"{name}.db3"
        with sqlite3.connect(path) as database:
            database.execute("UPDATE messages SET data = ? WHERE id = 100", (bomb,))
        database.close()
        reader = BagReader(path)
        assert [message.data for message in reader] == REPORTS[:99]
        assert reader.cut == [path]
    chunk = bag_storage.Chunk("lz4", lz4.frame.compress(bytes(4 << 20)), 0, 0, 0, 4 << 20)
    with pytest.raises(bag_storage.CutOffError):
        bag_storage._plain_chunk(chunk)


def test_a_table_that_is_a_view_is_not_read(tmp_path):
    """A view can count for ever."""
    with sqlite3.connect(tmp_path / "a.db3") as database:
        database.execute("CREATE TABLE topics (id, name, type, serialization_format)")
        endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"
        database.execute(f"CREATE VIEW messages AS {endless} SELECT x AS id, 1 AS topic_id, x AS timestamp, 'a' AS data FROM c")
    database.close()
    reader = BagReader(tmp_path / "a.db3")
    assert list(reader) == []
    assert reader.cut


def test_old_files_of_sqlite_lack_columns_and_tables(tmp_path):
    with sqlite3.connect(tmp_path / "a.db3") as database:
        database.execute("CREATE TABLE topics (id INTEGER PRIMARY KEY, name TEXT, type TEXT, serialization_format TEXT)")
        database.execute("CREATE TABLE messages (id INTEGER PRIMARY KEY, topic_id INTEGER, timestamp INTEGER, data BLOB)")
        database.execute("INSERT INTO topics VALUES (4, '/fleet/report', ?, 'cdr'), (5, 7, 8, 9)", (TYPE,))
        rows = [(4, 10, report(0)), (5, 11, report(1)), (6, 12, report(2)), (4, "x", report(3)), (4, 13, "text")]
        database.executemany("INSERT INTO messages (topic_id, timestamp, data) VALUES (?, ?, ?)", rows)
    database.close()
    assert contents(tmp_path / "a.db3") == [report(0)]


def test_recover_of_a_bag_without_messages_fails_and_writes_nothing(tmp_path, capfd):
    by_rosbags(tmp_path / "empty", ticks=0)
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "cut_0.mcap").touch()
    for name in ("empty", "cut"):
        assert main(["recover", str(tmp_path / name), "--out", str(tmp_path / "whole")]) == 2
        assert "no message in it that can be read" in " ".join(capfd.readouterr().err.split())
        assert not (tmp_path / "whole").exists()
    shutil.copytree(by_rosbags(tmp_path / "full"), tmp_path / "copy")
    assert main(["recover", str(tmp_path / "copy"), "--out", str(tmp_path / "whole")]) == 0
