"""A process group leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time

import pytest

from altmarl_ros.cli.processes import ProcessGroup

STUBBORN = "import signal, time; [signal.signal(s, signal.SIG_IGN) for s in (2, 15)]; print('up', flush=True); time.sleep(60)"


def start(group, name, code):
    return group.start(name, [sys.executable, "-c", code])


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_all_are_stopped_when_the_body_raises(tmp_path):
    children = []

    def fail_with_children_running():
        with ProcessGroup(tmp_path, os.environ) as group:
            children.extend(start(group, f"sleeper_{i}", "import time; time.sleep(60)") for i in range(3))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_with_children_running()
    assert not any(alive(child.process.pid) for child in children)


def test_one_that_ignores_signals_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr("altmarl_ros.cli.processes._STOP_STEPS", ((2, 0.2), (15, 0.2), (9, 5.0)))
    with ProcessGroup(tmp_path, os.environ) as group:
        child = start(group, "stubborn", STUBBORN)
        end = time.monotonic() + 10
        while "up" not in child.log.read_text() and time.monotonic() < end:
            time.sleep(0.05)
    assert child.exit_code == -9


def test_one_that_dies_is_noticed_with_its_last_words(tmp_path):
    with ProcessGroup(tmp_path, os.environ) as group:
        child = start(group, "broken", "import sys; print('first', flush=True); sys.exit('no luck')")
        child.process.wait(10)
        assert group.ended() == [child]
        assert child.exit_code == 1
        assert child.last_words() == "no luck"


ENDING = """
import time
from altmarl_ros.cli.processes import Stopping
with Stopping() as stopping:
    print("up", flush=True)
    while not stopping.asked:
        time.sleep(0.01)
print("asked", flush=True)
time.sleep(1.0)
print("written", flush=True)
"""


@pytest.mark.slow
def test_a_second_ctrl_c_at_once_does_not_keep_a_program_from_its_end():
    program = subprocess.Popen([sys.executable, "-c", ENDING], stdout=subprocess.PIPE, text=True)
    assert program.stdout.readline() == "up\n"
    program.send_signal(signal.SIGINT)
    assert program.stdout.readline() == "asked\n"
    program.send_signal(signal.SIGINT)
    assert program.communicate(timeout=20)[0] == "written\n"
    assert program.returncode == 0
