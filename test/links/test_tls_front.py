"""The front before zenoh's listener: strangers come to nothing there, and robots join meanwhile."""

import contextlib
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from altmarl_ros.errors import AltmarlError
from altmarl_ros.links.client_hello import RECORD_HEADER, begins_with_client_hello, is_client_hello
from altmarl_ros.links.newcomers import Newcomers
from altmarl_ros.links.tls_front import TlsFront

STRANGERS = 1000


def client_hello():
    """The first record of a real TLS client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="dispatch.local")
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def test_a_real_clients_first_record_is_known_once_it_is_whole():
    record = client_hello()
    assert [begins_with_client_hello(record[:n]) for n in range(len(record))] == [None] * len(record)
    assert begins_with_client_hello(record) is True
    assert begins_with_client_hello(record + b"what follows") is True
    content = record[RECORD_HEADER:]
    assert is_client_hello(content)
    assert not any(is_client_hello(content[:n]) for n in range(len(content)))
    assert not is_client_hello(content + b"\0")


def test_garbage_is_no_first_record():
    rng = np.random.default_rng(0)
    for n in rng.integers(6, 600, 2000):
        garbage = rng.bytes(int(n))
        assert begins_with_client_hello(b"\x15" + garbage) is False
        behind = b"\x01" + (len(garbage) - 4).to_bytes(3, "big") + garbage[4:]  # all that follows the headers
        assert not is_client_hello(behind)
        assert begins_with_client_hello(b"\x16\x03\x01" + len(behind).to_bytes(2, "big") + behind) is False
    for header in (
        b"GET / HTTP",
        b"\x17\x03\x01\x02\x00",
        b"\x16\x04\x01",
        b"\x16\x03\x01\xff\xff",
        b"\x16\x03\x01\x02\x00\x02",
    ):
        assert begins_with_client_hello(header) is False


def test_who_fails_waits_and_who_is_known_does_not():
    newcomers, now = Newcomers(), 100.0
    passed = sum(newcomers.pay("10.0.0.66", now + 0.01 * i) for i in range(1000))
    assert passed <= 20 + 10, "20 at once, then one per second"
    assert newcomers.pay("10.0.0.66", now + 40.0)
    # Strangers of many addresses: 20 at once and two per second.
    passed = sum(newcomers.pay(f"10.1.{i // 250}.{i % 250}", now + 40.0 + 0.01 * i) for i in range(1000))
    assert 20 <= passed <= 20 + 21
    # Robots that were known before are not held up by them, and each proof gives their tokens back.
    fresh = Newcomers()
    for i in range(100):
        assert fresh.pay("10.0.0.1", now), i
        fresh.prove("10.0.0.1", now)
    while fresh.pay(f"10.2.0.{time.monotonic_ns()}", now):
        pass
    assert fresh.pay("10.0.0.1", now)


def test_silent_connections_are_bounded_for_each_address_and_for_all():
    newcomers = Newcomers()
    assert sum(newcomers.arrive("10.0.0.66") for _ in range(1000)) == 100
    assert newcomers.arrive("10.0.0.1")
    newcomers.spoke("10.0.0.66")
    assert newcomers.arrive("10.0.0.66")
    assert sum(newcomers.arrive(f"10.1.{i // 250}.{i % 250}") for i in range(10_000)) == 500 - 101


def test_an_address_that_is_taken_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AltmarlError, match=rf"127\.0\.0\.1:{port}"):
            TlsFront([("127.0.0.1", port)])


@pytest.mark.slow
def test_a_guarded_link_carries_ticks_names_its_robots_and_comes_back(links):
    links.listen(guarded=True)
    robot = links.dial_and_wait(links.robot(3))
    links.server.publish("tick", b"tick")
    links.beat_until(lambda: robot.messages["tick"])
    (connection,) = links.server.connections()
    assert connection.who.id == "3"
    assert connection.address.startswith("127.0.0.1:")
    assert connection.address != f"127.0.0.1:{links.server._front.target[1]}"
    links.authority.revoke("robot_4")
    assert links.server.refresh()
    robot.messages.clear()

    def heard():
        links.server.publish("tick", b"another")
        return robot.messages["tick"]

    links.beat_until(heard, 3.0, "ticks after the register has changed")


@pytest.fixture
def attack():
    """Start strangers in a process of their own, which is ended after the test."""
    started = []

    def start(port):
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("strangers.py")), str(port), str(STRANGERS)], stdin=subprocess.PIPE
        )
        started.append(process)
        process.stdin.write(client_hello())
        process.stdin.close()
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_a_robot_joins_within_three_seconds_while_strangers_come(links, attack):
    links.listen(guarded=True)
    old = links.dial_and_wait(links.robot(3), lease=2.0)
    links.server.refresh()
    strangers = attack(links.port)
    links.beat_until(lambda: sum(links.server.turned_away.values()) > STRANGERS // 10, 60.0, "the attack")
    new = links.dial(links.robot(4), lease=2.0)
    took = links.beat_until(lambda: links.server.refresh() or new.end.heard, 10.0, "the new robot")
    links.beat_until(lambda: strangers.poll() is not None, 60.0, "the end of the attack")
    assert took < 3.0
    assert old.changes == [True], "it was never silent"
    assert {each.who.id for each in links.server.connections()} == {"3", "4"}
    turned_away = links.server.turned_away
    assert turned_away["no TLS"] > STRANGERS // 4
    assert turned_away["too many connections that came to nothing"] > 0
    assert not links.heard
