"""A cable between two namespaces is cut, so that no end of a link is told: both notice, and come back by themselves."""

import subprocess
import sys
import threading
import time

import namespaces
import pytest

from altmarl_ros.links import Authority

pytestmark = [pytest.mark.ros, pytest.mark.slow]

CUT = 5.0  # s, longer than a connection lives without a sign of life
LEASE = 0.4
COORDINATOR = f"""
import sys, time
from pathlib import Path
from altmarl_ros.links import load_credentials
from altmarl_ros.links.coordinator_end import CoordinatorEnd
end = CoordinatorEnd("altmarl/fleet", load_credentials(Path(sys.argv[1]), "dispatch"), ["0.0.0.0"], lambda *_: True)
end.open()
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
FieldEnd("altmarl/fleet", credentials, sys.argv[2], callbacks, store=Store(None), lease={LEASE}).start()
time.sleep(1000)
"""


def test_a_cut_cable_is_felt_within_the_lease_and_mended_within_three_seconds(tmp_path):
    cable = namespaces.cable_or_skip()
    processes, changes = [], []
    try:
        authority = Authority.create(tmp_path / "keys")
        authority.issue("coordinator", "dispatch", addresses=[cable.address["a"]])
        authority.issue("robot", "robot_3", robot_id=3)
        folder = str(authority.folder)
        with cable.at("a"):
            processes.append(subprocess.Popen([sys.executable, "-c", COORDINATOR, folder]))
        with cable.at("b"):
            robot = subprocess.Popen(
                [sys.executable, "-c", ROBOT, folder, cable.address["a"]], stdout=subprocess.PIPE, text=True
            )
            processes.append(robot)
        threading.Thread(target=lambda: changes.extend(line.split() for line in robot.stdout), daemon=True).start()

        def wait(count, seconds):
            end = time.monotonic() + seconds
            while len(changes) < count:
                assert time.monotonic() < end, changes
                time.sleep(0.01)
            return changes[count - 1][0], float(changes[count - 1][1])

        assert wait(1, 60)[0] == "1"
        cut = time.monotonic()
        cable.cut()
        heard, when = wait(2, CUT)
        assert heard == "0"
        assert when - cut < LEASE + 0.4
        time.sleep(max(0.0, cut + CUT - time.monotonic()))
        cable.mend()
        mended = time.monotonic()
        heard, when = wait(3, 10)
        assert heard == "1"
        assert when - mended < 3.0
    finally:
        for process in processes:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        cable.remove()
