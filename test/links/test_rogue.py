"""Strangers at the coordinator's port, a thousand at a time: who is connected goes on, and nothing of theirs arrives."""

import contextlib
import resource
import socket
import ssl

import numpy as np
import pytest

STRANGERS = 1000
REPORT = b"\x00\x01\x00\x00" + 20 * b"r"


@pytest.fixture
def many_files():
    """Let this process, which is attacker and attacked, have a file for each end of a connection."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2 * STRANGERS + 500:
        pytest.skip(f"TEST NOT RUN: this machine allows {hard} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def speak(context, connection):
    """Raise what TLS raises; in TLS 1.3 the refusal comes after the handshake."""
    with context.wrap_socket(connection, server_hostname="127.0.0.1") as tls:
        tls.sendall(b"let me in")
        if not tls.recv(1):
            raise ConnectionError("hung up")


def test_a_stranger_without_a_certificate_is_hung_up_on(links):
    links.listen()
    context = ssl.create_default_context(cafile=str(links.authority.folder / "authority.crt"))
    connection = socket.create_connection(("127.0.0.1", links.port), timeout=5)
    with connection, pytest.raises((ssl.SSLError, ConnectionError)):
        speak(context, connection)
    assert links.server.connections() == []


@pytest.mark.slow
def test_a_thousand_strangers_do_not_silence_a_robot_that_is_connected(links, many_files):
    links.listen()
    robot, rng, sent = links.dial_and_wait(links.robot(3), lease=2.0), np.random.default_rng(0), 0
    with contextlib.ExitStack() as strangers:
        for i in range(STRANGERS):
            with contextlib.suppress(OSError):  # it was hung up on, or the port does not take more
                stranger = strangers.enter_context(socket.create_connection(("127.0.0.1", links.port), timeout=1))
                stranger.sendall(rng.bytes(200) if i % 2 else b"\x16\x03\x01")
            if i % 50 == 0:
                sent += 1
                links.server.publish("tick", sent.to_bytes(2, "big"))
                robot.end.publish("report", REPORT)
        links.beat_until(lambda: len(robot.messages["tick"]) == sent, 2.0, "the last tick")
        links.beat_until(lambda: len(links.heard["report"]) == sent, 2.0, "the last report")
    assert robot.messages["tick"] == [("", number.to_bytes(2, "big")) for number in range(1, sent + 1)]
    assert set(links.heard["report"]) == {("3", REPORT)}
    assert set(links.heard) == {"report"}
    assert robot.changes == [True], "it was never silent"
    assert {connection.who.id for connection in links.server.connections()} == {"3"}
