"""Real zenoh sessions over mutual TLS on loopback."""

import socket
import time
from collections import defaultdict

import pytest

from altmarl_ros.links import Authority
from altmarl_ros.links.coordinator_end import CoordinatorEnd
from altmarl_ros.links.field_end import FieldCallbacks, FieldEnd
from altmarl_ros.links.store import Store

BASE = "altmarl/fleet"
LEASE = 0.6


def wait_until(condition, timeout=8.0, what="it"):
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < timeout, f"{what} did not happen within {timeout} s"
        time.sleep(0.01)
    return time.monotonic() - began


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Field:
    """An end in the field, and what it heard."""

    def __init__(self, credentials, port, store=None, lease=LEASE, on_call=None):
        self.messages, self.states, self.changes = defaultdict(list), defaultdict(list), []
        callbacks = FieldCallbacks(
            lambda flow, holder, message, _: self.messages[flow.name].append((holder, message)),
            lambda name, messages: self.states[name].append(messages),
            self.changes.append,
            on_call,
        )
        self.end = FieldEnd(BASE, credentials, f"127.0.0.1:{port}", callbacks, store=store or Store(None), lease=lease)
        self.end.start()


class Links:
    """An authority, a coordinator's end, and ends in the field."""

    BASE, LEASE, free_port = BASE, LEASE, staticmethod(free_port)

    def __init__(self, folder):
        self.authority = Authority.create(folder / "keys")
        self.dispatch = self.authority.issue("coordinator", "dispatch", addresses=["127.0.0.1"])
        self._robots = {i: self.authority.issue("robot", f"robot_{i}", robot_id=i) for i in (3, 4)}
        self.anna = self.authority.issue("operator", "anna")
        self.port, self.heard, self.fields, self.server = free_port(), defaultdict(list), [], None

    def listen(self, **options):
        self.server = CoordinatorEnd(BASE, self.dispatch, [f"127.0.0.1:{self.port}"], self._take, **options)
        self.server.open()
        self.server.set_alive(True)
        return self.server

    def robot(self, robot_id):
        return self._robots[robot_id]

    def dial(self, credentials, **options):
        self.fields.append(Field(credentials, self.port, **options))
        return self.fields[-1]

    def dial_and_wait(self, credentials, **options):
        field = self.dial(credentials, **options)
        self.beat_until(lambda: field.end.heard)
        return field

    def beat_until(self, condition, timeout=8.0, what="it"):
        """Let the coordinator's end beat until the condition holds."""

        def beat_and_look():
            if self.server is not None:
                self.server.send_beacon_if_due(LEASE / 3)
            return condition()

        return wait_until(beat_and_look, timeout, what)

    def beat(self, seconds):
        end = time.monotonic() + seconds
        self.beat_until(lambda: time.monotonic() > end, seconds + 1)

    def _take(self, flow, holder, message, _):
        self.heard[flow.name].append((holder, message))
        return True

    def close(self):
        for field in self.fields:
            field.end.close()
        if self.server is not None:
            self.server.close()


@pytest.fixture
def links(tmp_path):
    links = Links(tmp_path)
    yield links
    links.close()
