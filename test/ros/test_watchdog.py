"""A process whose loop stands still is ended, whatever holds it up."""

import os
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.ros, pytest.mark.untimed]

NODE = """
import ctypes, time
from rclpy.node import Node
from altmarl_ros.nodes.common.running import run

begun = time.monotonic()

def stand():
    ctypes.PyDLL(None).sleep(4)  # which keeps Python's lock, so that no other thread of Python runs
    raise SystemExit(7)

def go_on():
    if time.monotonic() > begun + 4.0:
        raise SystemExit(7)

def make():
    node = Node("watched")
    node.create_timer(0.1, {callback})
    return [node]

raise SystemExit(run(make))
"""


def run_node(callback, watchdog):
    environment = {**os.environ, "ALTMARL_WATCHDOG": watchdog}
    line = [sys.executable, "-c", NODE.format(callback=callback)]
    return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=60)


def test_a_loop_that_stands_still_ends_with_a_traceback_of_what_stands():
    ended = run_node("stand", "2")
    assert ended.returncode == 1
    assert "Timeout (0:00:02)!" in ended.stderr
    assert "in stand" in ended.stderr


@pytest.mark.parametrize(("callback", "watchdog"), [("go_on", "2"), ("stand", "0")])
def test_a_loop_that_goes_on_or_is_not_watched_is_left_alone(callback, watchdog):
    assert run_node(callback, watchdog).returncode == 7


@pytest.mark.parametrize("limit", ["soon", "nan", "-1", "0.2"])
def test_a_limit_that_means_nothing_is_refused_in_one_line(limit):
    ended = run_node("go_on", limit)
    assert ended.returncode == 2
    assert ended.stderr == f"error: environment variable ALTMARL_WATCHDOG is '{limit}': give 1 s or more, 0 for no watchdog\n"
