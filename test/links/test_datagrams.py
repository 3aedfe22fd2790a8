"""Ticks and reports by sealed datagrams: what the seal keeps out, and which way is taken where datagrams are lost."""

import random
import select
import socket
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.errors import AltmarlError
from altmarl_ros.links.coordinator_end import CoordinatorEnd
from altmarl_ros.links.sealed_datagrams import BY_DATAGRAM, OVERHEAD, Content, Grant, Seal, lane_of, read_grant

REPORT = bytes(range(40))


def both_sides(lane=7):
    grant = Grant.new(lane)
    return Seal(lane, grant.down, grant.up), Seal(lane, grant.up, grant.down)


@given(st.sampled_from(BY_DATAGRAM), st.binary(max_size=500), st.binary(max_size=255))
def test_a_datagram_opens_once_and_on_the_other_side_alone(name, message, attachment):
    here, there = both_sides()
    content = Content(name, message, attachment)
    datagram = here.seal(content)
    assert lane_of(datagram) == 7
    assert len(datagram) <= OVERHEAD + len(message) + len(attachment)
    assert here.open(datagram) is None, "a side does not take its own words for the other's"
    assert both_sides()[1].open(datagram) is None, "keys of another lane"
    assert there.open(datagram) == content
    assert there.open(datagram) is None, "it was opened before"


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_datagram_opens_nowhere_and_takes_nobodys_place(place, change):
    here, there = both_sides()
    datagram = here.seal(Content("tick", REPORT))
    forged = bytearray(datagram)
    forged[place % len(forged)] ^= change
    assert there.open(bytes(forged)) is None
    assert there.open(datagram) == Content("tick", REPORT)


@pytest.mark.parametrize("datagram", [b"", b"\7\0\0\0", bytes(1000), b"\7\0\0\0" + b"\xff" * 200])
def test_garbage_opens_nowhere(datagram):
    assert both_sides()[1].open(datagram) is None


def test_datagrams_of_long_ago_do_not_open():
    here, there = both_sides()
    datagrams = [here.seal(Content("tick", bytes([i]))) for i in range(100)]
    assert there.open(datagrams[99]) is not None
    assert there.open(datagrams[0]) is None
    assert there.open(datagrams[60]) is not None
    assert there.open(datagrams[60]) is None


@given(st.lists(st.booleans(), min_size=1, max_size=16))
def test_each_side_is_told_which_of_its_datagrams_have_come(losses):
    here, there = both_sides()
    for lost in losses:
        datagram = here.seal(Content("tick", REPORT))
        if not lost:
            assert there.open(datagram) is not None
    assert here.open(there.seal(Content())) == Content()
    assert [here.arrived(number) for number in range(1, len(losses) + 1)] == [not lost for lost in losses]


def test_what_is_no_grant_is_none():
    grant = Grant.new(2**32 - 1)
    assert read_grant(grant.to_bytes()) == grant
    assert read_grant(b"") is None
    assert read_grant(grant.to_bytes()[1:]) is None


def test_datagrams_need_tls_at_their_port(links):
    end = CoordinatorEnd(links.BASE, links.dispatch, [f"quic/127.0.0.1:{links.port}"], lambda *_: True, datagrams=True)
    with pytest.raises(AltmarlError, match="listens over TLS alone"):
        end.open()


class LossyPort:
    """A port that passes TCP on, and of the UDP packets those that are not lost."""

    def __init__(self, links, seed=0):
        self.loss, self._rng, self._target = 0.0, random.Random(seed), ("127.0.0.1", links.port)
        self._tcp, self._udp = socket.create_server(("127.0.0.1", 0)), socket.socket(type=socket.SOCK_DGRAM)
        self.port = self._tcp.getsockname()[1]
        self._udp.bind(("127.0.0.1", self.port))
        self._beyond = socket.socket(type=socket.SOCK_DGRAM)
        self._beyond.connect(self._target)
        self._robot, self._pairs, self._stopping = None, {}, False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self):
        self._stopping = True
        self._thread.join(5)
        for each in (self._tcp, self._udp, self._beyond, *self._pairs):
            each.close()

    def _run(self):
        while not self._stopping:
            for ready in select.select([self._tcp, self._udp, self._beyond, *self._pairs], [], [], 0.05)[0]:
                if ready is self._tcp:
                    near, far = self._tcp.accept()[0], socket.create_connection(self._target)
                    self._pairs.update({near: far, far: near})
                elif ready in self._pairs:
                    self._pass_on(ready)
                else:
                    self._throw(ready)

    def _pass_on(self, ready):
        other = self._pairs[ready]
        try:
            content = ready.recv(65536)
            other.sendall(content)
        except OSError:
            content = b""
        if not content:
            for each in (ready, other):
                self._pairs.pop(each)
                each.close()

    def _throw(self, ready):
        try:
            packet, address = ready.recvfrom(65536)
        except OSError:
            return
        if ready is self._udp:
            self._robot = address
        if self._rng.random() >= self.loss:
            if ready is self._udp:
                self._beyond.send(packet)
            else:
                self._udp.sendto(packet, self._robot)


@pytest.fixture
def port(links):
    port = LossyPort(links)
    yield port
    port.close()


def dial_through(links, port):
    own, links.port = links.port, port.port
    robot = links.dial(links.robot(3))
    links.port = own
    links.beat_until(lambda: robot.end.heard)
    return robot


@pytest.mark.slow
def test_ticks_and_reports_come_where_a_third_of_the_datagrams_is_lost(links, port):
    links.listen(datagrams=True)
    robot = dial_through(links, port)
    links.beat_until(lambda: robot.end.by_datagram and not links.server.wanted("tick"), what="that nothing crosses twice")
    port.loss = 0.33
    in_time = 0
    for i in range(25):
        links.server.publish("tick", b"tick %d" % i)
        robot.end.publish("report", REPORT + bytes([i]))
        links.beat(0.15)
        in_time += ("", b"tick %d" % i) in robot.messages["tick"]
    assert in_time >= 19  # some 24 of 25 since each is sent three times; 17 if it were sent once
    assert len(set(links.heard["report"])) >= 17
    assert {holder for holder, _ in links.heard["report"]} == {"3"}


@pytest.mark.slow
def test_where_datagrams_do_not_pass_ticks_come_over_the_connection_and_nobody_notices(links, port):
    links.listen(datagrams=True)
    robot = dial_through(links, port)
    links.beat_until(lambda: robot.end.by_datagram)
    port.loss = 1.0
    for i in range(30):
        links.server.publish("tick", b"tick %d" % i)
        robot.end.publish("report", REPORT + bytes([i]))
        links.beat(0.1)
    assert not robot.end.by_datagram
    assert robot.messages["tick"][-1] == ("", b"tick 29")
    assert ("3", REPORT + bytes([29])) in links.heard["report"]
    assert robot.changes == [True], "the coordinator was heard all the time"
    port.loss = 0.0
    links.beat_until(lambda: robot.end.by_datagram, 15.0)


def test_a_robot_of_a_link_without_datagrams_does_without(links):
    links.listen()
    robot = links.dial_and_wait(links.robot(3))
    links.beat(1.0)
    assert not robot.end.by_datagram
    links.server.publish("tick", b"tick")
    links.beat_until(lambda: robot.messages["tick"] == [("", b"tick")])


@pytest.mark.slow
def test_a_lane_is_its_robots_own(links):
    links.listen(datagrams=True)
    three, four = (links.dial_and_wait(links.robot(i)) for i in (3, 4))
    links.beat_until(lambda: three.end.by_datagram and four.end.by_datagram)
    session = three.end._dialer.session
    assert list(session.get(f"{links.BASE}/lane/4", timeout=0.5)) == [], "its certificate does not allow the key"
    links.beat(0.3)
    assert four.end.by_datagram, "and the lane of the other one is still there"
    links.server.publish("poll", b"for four", holder="4")
    three.end.publish("report", REPORT)
    links.beat_until(lambda: four.messages["poll"] and links.heard["report"])
    links.beat(0.3)
    assert links.heard["report"] == [("3", REPORT)]
    assert not three.messages["poll"]


@pytest.mark.slow
def test_who_is_revoked_hears_and_says_nothing_by_datagram(links):
    links.listen(datagrams=True)
    three, four = (links.dial_and_wait(links.robot(i)) for i in (3, 4))
    links.beat_until(lambda: three.end.by_datagram and four.end.by_datagram)
    seal, lane_socket = three.end._lane._seal, three.end._lane._socket
    links.authority.revoke("robot_3")
    assert links.server.refresh()
    lane_socket.send(seal.seal(Content("report", REPORT)))
    links.server.publish("tick", b"tick")
    links.beat_until(lambda: four.end.by_datagram and four.end.heard, 12.0)
    assert links.heard["report"] == []
    assert three.messages["tick"] == []
    links.beat_until(lambda: not three.end.heard, what="the revoked robot hears nobody")


def test_garbage_at_the_port_of_datagrams_costs_nobody_a_tick(links):
    links.listen(datagrams=True)
    robot = links.dial_and_wait(links.robot(3))
    links.beat_until(lambda: robot.end.by_datagram)
    number = robot.end._lane._seal.seal(Content())[:4]
    with socket.socket(type=socket.SOCK_DGRAM) as stranger:
        for i in range(5000):
            stranger.sendto((number if i % 2 else b"") + random.Random(i).randbytes(100), ("127.0.0.1", links.port))
    links.server.publish("tick", b"tick")
    began = time.monotonic()
    links.beat_until(lambda: ("", b"tick") in robot.messages["tick"])  # twice, where both ways carry it
    assert time.monotonic() - began < 4.0
    robot.end.publish("report", REPORT)
    links.beat_until(lambda: ("3", REPORT) in links.heard["report"], 4.0)
