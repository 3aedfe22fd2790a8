"""The parts of a link: bounds at the border, contents by their hash, and the coordinator's sign of life."""

import json
import time
from dataclasses import replace

import pytest

from altmarl_ros.links.beacon import Beacon, State, hash_of, pack_states, read_beacon, read_states
from altmarl_ros.links.border import Border
from altmarl_ros.links.confirmed_requests import ConfirmedRequests
from altmarl_ros.links.coordinator_presence import CoordinatorPresence
from altmarl_ros.links.store import Store, digest_of
from altmarl_ros.links.table import BY_NAME

HELLO = BY_NAME["hello"]


def test_a_sender_has_a_burst_and_then_its_rate_and_others_have_their_own():
    border = Border()
    assert [border.admit(HELLO, "3", 10, 100.0) for _ in range(HELLO.burst + 1)] == [True] * HELLO.burst + [False]
    assert border.admit(HELLO, "4", 10, 100.0)
    passed = sum(border.admit(HELLO, "3", 10, 100.0 + i / 1000) for i in range(1, 2001))
    assert passed == pytest.approx(2 * HELLO.rate, abs=1)
    assert border.messages["hello", "in"] == HELLO.burst + 1 + passed
    assert border.refused["3", "more than 5 hello messages per second"] == 2001 - passed


def test_a_clock_that_goes_back_gives_nothing():
    border = Border()
    for _ in range(HELLO.burst):
        border.admit(HELLO, "3", 10, 100.0)
    assert not border.admit(HELLO, "3", 10, 50.0)


def test_large_messages_are_refused_and_cost_no_place():
    border = Border()
    assert not border.admit(HELLO, "3", HELLO.most_bytes + 1, 0.0)
    assert border.bytes["hello", "in"] == 0
    assert all(border.admit(HELLO, "3", HELLO.most_bytes, 0.0) for _ in range(HELLO.burst))


def test_a_flood_of_reasons_does_not_grow_for_ever():
    border = Border()
    for i in range(5000):
        border.refuse("3", f"reason {i}")
    assert len(border.refused) <= 1000


def test_contents_are_found_by_their_hash_in_another_process_too(tmp_path):
    Store(tmp_path).keep(b"policy")
    again = Store(tmp_path)
    assert again.find(digest_of(b"policy"), 100) == b"policy"
    assert again.find(digest_of(b"other"), 100) is None


def test_a_damaged_or_large_file_is_no_content(tmp_path):
    Store(tmp_path).keep(b"policy")
    (file,) = tmp_path.glob("*.state")
    assert file.stat().st_mode & 0o077 == 0
    assert Store(tmp_path).find(digest_of(b"policy"), 3) is None
    file.write_bytes(b"policx")
    assert Store(tmp_path).find(digest_of(b"policy"), 100) is None


@pytest.mark.parametrize("on_disk", [True, False])
def test_a_store_keeps_the_newest(tmp_path, on_disk):
    store = Store(tmp_path if on_disk else None, kept=3)
    for i in range(10):
        store.keep(bytes([i]))
    assert len(list(tmp_path.glob("*.state"))) == (3 if on_disk else 0)
    assert store.find(digest_of(bytes([9])), 10) == bytes([9])
    if not on_disk:
        assert store.find(digest_of(bytes([0])), 10) is None


def test_a_full_disk_keeps_the_link_from_nothing(tmp_path):
    (tmp_path / "folder").write_text("a file in its place")
    store = Store(tmp_path / "folder")
    store.keep(b"policy")
    assert store.find(digest_of(b"policy"), 100) == b"policy"


def test_a_beacon_and_a_list_of_states_come_back_as_they_were():
    packed = pack_states({"policy": (7, (b"old", b"new"))})
    beacon = Beacon(b"instance", True, hash_of(packed))
    assert read_beacon(beacon.to_bytes()) == beacon
    assert len(beacon.to_bytes()) == 17
    assert read_states(packed) == {"policy": State(7, ((digest_of(b"old"), 3), (digest_of(b"new"), 3)))}


@pytest.mark.parametrize("content", [b"", b"x", 18 * b"x"])
def test_what_is_no_beacon_is_none(content):
    assert read_beacon(content) is None


D = digest_of(b"")


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"tick": [1, []]},
        {"policy": 1},
        {"policy": [True, []]},
        {"policy": [1, [["../../etc/passwd", 3]]]},
        {"policy": [1, [[D, -1]]]},
        {"policy": [1, [[D, "1"]]]},
        {"policy": [1, [D]]},
        {"policy": [1, 9 * [[D, 1]]]},
        {"x" * 20_000: 1},
    ],
)
def test_a_list_that_is_wrong_is_refused(document):
    with pytest.raises(ValueError, match=r"is |has |names "):
        read_states(json.dumps(document).encode())


def test_requests_are_said_until_the_instance_that_listens_has_confirmed_the_newest():
    requests = ConfirmedRequests()
    requests.say("hello", b"one")
    assert requests.unconfirmed(b"first") == {"hello": (1, b"one")}
    requests.say("hello", b"two")
    requests.confirm("hello", b"first", 1)  # of the words that were replaced meanwhile
    assert requests.unconfirmed(b"first") == {"hello": (2, b"two")}
    requests.confirm("hello", b"first", 2)
    assert requests.unconfirmed(b"first") == {}
    assert requests.unconfirmed(b"second") == {"hello": (2, b"two")}, "it has started anew and knows nothing"


def test_a_coordinator_is_heard_while_its_beacons_come_and_the_connection_lasts():
    told, beacon = [], Beacon(b"12345678", True, hash_of(b""))
    presence = CoordinatorPresence(0.2, told.append)
    assert not presence.note(beacon.to_bytes()), "of no connection"
    presence.begin()
    assert presence.note(beacon.to_bytes())
    assert not presence.note(beacon.to_bytes()), "it says nothing new"
    assert not presence.note(b"garbage")
    assert presence.heard
    assert presence.linked
    assert presence.beacon == beacon
    time.sleep(0.25)
    assert presence.heard, "nobody has looked"
    presence.check()
    assert not presence.heard
    assert not presence.linked
    presence.note(beacon.to_bytes())
    assert presence.heard
    presence.note(replace(beacon, alive=False).to_bytes())
    assert presence.linked
    assert not presence.heard
    presence.note(beacon.to_bytes())
    presence.end()
    presence.note(beacon.to_bytes())  # comes while the connection is being closed
    assert not presence.heard
    assert not presence.linked
    assert told == [True, False, True, False, True, False]
