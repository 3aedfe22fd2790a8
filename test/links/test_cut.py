"""Links that break without a word, because of a cut cable, another address or a kill: both ends notice, and come back."""

import subprocess
import sys
import threading
import time

import namespaces
import pytest

from altmarl_ros.links import Authority

pytestmark = [pytest.mark.ros, pytest.mark.slow]

START = 60  # s that a process may take on a busy machine
CUT = 5.0  # s, longer than a connection lives without a sign of life
LEASE = 0.4
COORDINATOR = f"""
import sys, time
from pathlib import Path
from altmarl_ros.links import load_credentials
from altmarl_ros.links.coordinator_end import CoordinatorEnd
credentials, datagrams = load_credentials(Path(sys.argv[1]), "dispatch"), sys.argv[3] == "True"
end = CoordinatorEnd("altmarl/fleet", credentials, ["0.0.0.0"], lambda *_: True, datagrams=datagrams)
end.open()
print("listens", time.monotonic(), flush=True)
end.set_alive(True)
while True:
    end.send_beacon_if_due({LEASE} / 3)
    time.sleep(0.02)
"""
ROBOT = f"""
import sys, time
from pathlib import Path
from altmarl_ros.links import load_credentials
from altmarl_ros.links.field_end import FieldCallbacks, FieldEnd
from altmarl_ros.links.store import Store
credentials = load_credentials(Path(sys.argv[1]), "robot_3")
callbacks = FieldCallbacks(lambda *_: None, lambda *_: None, lambda heard: print(int(heard), time.monotonic(), flush=True))
end = FieldEnd("altmarl/fleet", credentials, sys.argv[2], callbacks, store=Store(None), lease={LEASE})
print("dials", time.monotonic(), flush=True)
end.start()
time.sleep(1000)
"""


class Pair:
    """A coordinator's end and a robot's, each in a process and a network namespace of its own, joined by a cable."""

    def __init__(self, folder, cable, datagrams):
        self.cable, self._processes, self._datagrams = cable, {}, datagrams
        authority = Authority.create(folder / "keys")
        authority.issue("coordinator", "dispatch", addresses=[cable.address["a"]])
        authority.issue("robot", "robot_3", robot_id=3)
        self._folder = str(authority.folder)
        self.changes = []
        self.start("coordinator")
        self.start("robot")

    def start(self, name):
        """Start one end; what the robot's hears is in `changes` (whether it hears, and when)."""
        script, side = (COORDINATOR, "a") if name == "coordinator" else (ROBOT, "b")
        with self.cable.at(side):
            process = self._processes[name] = subprocess.Popen(
                [sys.executable, "-c", script, self._folder, self.cable.address["a"], str(self._datagrams)],
                stdout=subprocess.PIPE,
                text=True,
            )
        threading.Thread(target=self._listen, args=(process,), daemon=True).start()

    def kill(self, name):
        """Kill one end, which says no goodbye."""
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def _listen(self, process):
        with process.stdout:
            self.changes.extend(line.split() for line in process.stdout)

    def wait(self, count, seconds):
        """Wait until so much has been said; returns the last: what, and when."""
        end = time.monotonic() + seconds
        while len(self.changes) < count:
            assert time.monotonic() < end, self.changes
            time.sleep(0.01)
        return self.changes[count - 1][0], float(self.changes[count - 1][1])

    def close(self):
        for name in list(self._processes):
            self.kill(name)


@pytest.fixture
def pair(tmp_path, request):
    cable = namespaces.cable_or_skip()
    made = Pair(tmp_path, cable, getattr(request, "param", False))
    try:
        made.wait(3, START)
        assert "1" in [said for said, _ in made.changes]
        made.changes[:] = [["listens", 0.0], ["1", 0.0]]
        yield made
    finally:
        made.close()
        cable.remove()


either_way = pytest.mark.parametrize("pair", [False, True], indirect=True, ids=["connection", "datagrams"])


@either_way
def test_a_cut_cable_is_felt_within_the_lease_and_mended_within_three_seconds(pair):
    time.sleep(3.0)  # in which datagrams have come into use
    cut = time.monotonic()
    pair.cable.cut()
    heard, when = pair.wait(3, CUT)
    assert heard == "0"
    assert when - cut < LEASE + 0.4
    time.sleep(max(0.0, cut + CUT - time.monotonic()))
    pair.cable.mend()
    mended = time.monotonic()
    heard, when = pair.wait(4, 10)
    assert heard == "1"
    assert when - mended < 3.0


@either_way
def test_a_robot_that_gets_another_address_is_back_within_three_seconds(pair):
    """Nobody tells the robot's end, which dials anew after a few leases of silence."""
    time.sleep(5.0)  # in which an end that has just connected does not
    cable = pair.cable
    cable.ip("b", "addr", "del", f"{cable.address['b']}/24", "dev", cable.device["b"])
    changed = time.monotonic()  # the commands take long on a busy machine
    cable.ip("b", "addr", "add", "10.77.0.99/24", "dev", cable.device["b"])
    heard, when = pair.wait(3, 5)
    assert heard == "0"
    assert when - changed < LEASE + 0.4
    heard, when = pair.wait(4, 10)
    assert heard == "1"
    assert when - changed < 3.0


def test_a_robots_end_that_is_killed_is_back_within_three_seconds_of_its_start(pair):
    """The coordinator's end does not know yet that the old connection is cut."""
    pair.cable.cut()
    pair.kill("robot")
    pair.cable.mend()
    said = len(pair.changes)
    pair.start("robot")
    started = pair.wait(said + 1, START)
    assert started[0] == "dials"
    heard, when = pair.wait(said + 2, 10)
    assert heard == "1"
    assert when - started[1] < 3.0


def test_a_coordinators_end_that_is_killed_is_missed_within_the_lease_and_back_within_three_seconds_of_its_start(pair):
    killed = time.monotonic()
    pair.kill("coordinator")
    heard, when = pair.wait(3, 5)
    assert heard == "0"
    assert when - killed < LEASE + 0.4
    pair.start("coordinator")
    pair.wait(5, START)
    said = {what: float(when) for what, when in pair.changes[3:]}
    assert said["1"] - said["listens"] < 3.0
