"""Reads a rosbag2 folder, or one of its files: MCAP or sqlite3, plain or compressed with Zstandard, whole or cut off."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any, Iterator, Mapping

from altmarl_ros.files import parse_yaml
from altmarl_ros.records.bag import METADATA, BagMessage, BagWriter, Topic
from altmarl_ros.records.bag_storage import COMPRESSED, MCAP, SQLITE, BagError, CutOffError, StoredTopic, read_file

_CDR = "cdr"
_MOST_METADATA = 1 << 24  # bytes
_MOST_QOS = 1 << 16  # characters
_QOS_KEY = re.compile(r"[a-z_]{1,64}")
_STORAGES = {MCAP: "mcap", SQLITE: "sqlite3"}


class BagReader:
    """The messages of a bag in the order in which they were received, whole or cut off.

    `topics`, `cut` and `foreign` are complete once the messages were read; `cut` names the files that end early, and `foreign`
    says of topics that are in no form that is read here how many messages they have.

    Raises:
        BagError: the path is no bag that can be read, and what can be done; a damaged file names itself.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.topics: dict[str, Topic] = {}
        self.cut: list[Path] = []
        self.foreign: Counter[str] = Counter()
        if self.path.is_dir():
            _check_metadata(self.path)
            self._files = _files_of(self.path)
        elif self.path.is_file():
            self._files = [self.path]
        else:
            self._files = []
        if not self._files:
            endings = ", ".join(f"{ending} or {ending}{COMPRESSED}" for ending in _STORAGES)
            what = "it has no file" if self.path.is_dir() else "it is no folder and no file"
            raise BagError(f"{self.path}: is not a bag: {what} that ends by {endings}")

    def __iter__(self) -> Iterator[BagMessage]:
        for path in self._files:
            try:
                for message in read_file(path):
                    stored = message.topic
                    if stored.format != _CDR or not stored.type:
                        self.foreign[f"{stored.name} ({stored.format or 'no format'})"] += 1
                        continue
                    self.topics.setdefault(stored.name, _topic(stored))
                    yield BagMessage(stored.name, stored.type, message.received, message.sent, message.data)
            except CutOffError:
                self.cut.append(path)


def recover(path: str | Path, to: str | Path) -> tuple[BagReader, int]:
    """Copy every readable message of a bag that was cut off into a new, whole bag; the reader, and how many there were.

    A topic with messages of two types keeps those of the first.

    Raises:
        BagError: there is no message that can be read, and nothing is written; or one of reader or writer.
    """
    reader = BagReader(path)
    messages = iter(reader)
    first = next(messages, None)
    if first is None:
        cut = f"; {len(reader.cut)} of its files are cut off or damaged" if reader.cut else ""
        raise BagError(f"{path}: there is no message in it that can be read{cut}; nothing was written")
    known: set[str] = set()
    with BagWriter(to) as writer:
        message: BagMessage | None = first
        while message is not None:
            topic = reader.topics[message.topic]
            if message.topic not in known:
                known.add(message.topic)
                writer.add_topic(topic)
            if message.type == topic.type:
                writer.write(message.topic, message.data, message.received, message.sent)
            message = next(messages, None)
    return reader, writer.messages


def _files_of(folder: Path) -> list[Path]:
    """The files of a bag in the order of their numbers: the metadata of a writer that was killed names fewer than there are."""
    found = [
        path
        for path in folder.iterdir()
        if path.is_file() and (path.suffix in _STORAGES or (path.suffix == COMPRESSED and Path(path.stem).suffix in _STORAGES))
    ]
    whole = {path.name for path in found}
    # A recorder that is killed while it compresses a file leaves both.
    kept = [path for path in found if path.suffix != COMPRESSED or path.stem not in whole]
    return sorted(kept, key=lambda path: (len(path.name), path.name))


def _check_metadata(folder: Path) -> None:
    """Raise BagError where the metadata name a storage or a compression that is not read; they are not needed otherwise."""
    path = folder / METADATA
    try:
        if not path.is_file() or path.stat().st_size > _MOST_METADATA:
            return
        information = parse_yaml(path.read_text())["rosbag2_bagfile_information"]
        storage, packing = information.get("storage_identifier"), information.get("compression_format")
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return
    if storage and storage not in _STORAGES.values():
        raise BagError(
            f"{folder}: is stored as {storage!r:.80}, read are mcap and sqlite3: `ros2 bag convert` makes such a bag of it"
        )
    if packing and packing != "zstd":
        raise BagError(
            f"{folder}: is compressed by {packing!r:.80}, read is zstd: `ros2 bag convert` makes one of it where that is known"
        )


def _topic(stored: StoredTopic) -> Topic:
    return Topic(stored.name, stored.type, stored.definition, stored.type_hash, _first_profile(stored.qos))


def _first_profile(text: str) -> Mapping[str, Any]:
    """The first quality of service that was offered, as far as it is one; nothing else depends on it."""
    if len(text) > _MOST_QOS:
        return {}
    try:
        profiles = parse_yaml(text)
    except ValueError:
        return {}
    first = profiles[0] if isinstance(profiles, list) and profiles else {}
    if not isinstance(first, dict):
        return {}
    return {key: value for key, value in first.items() if isinstance(key, str) and _QOS_KEY.fullmatch(key) and _is_plain(value)}


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return set(value) == {"sec", "nsec"} and all(isinstance(part, int) for part in value.values())
    return isinstance(value, (str, int))
