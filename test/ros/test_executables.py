"""Every executable starts and stops cleanly, and refuses bad parameters in one line."""

import signal
import time

import pytest

pytestmark = [pytest.mark.ros, pytest.mark.untimed]

PARAMETERS = {
    "world": {},
    "robot": {"robot_id": 3},
    "robots": {"count": 3},
    "crowd": {"count": 100},
    "visualization": {"game": "hall"},
    "coordinator": {"tick.period": 0.1},
    "trainer": {},
}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("name", PARAMETERS)
def test_stops_with_exit_code_0_and_no_traceback(start_executable, policy, name, number):
    extra = {"policy.file": str(policy)} if name == "coordinator" else {}
    process = start_executable(name, **PARAMETERS[name], **extra)
    time.sleep(2.0)
    assert process.poll() is None
    process.send_signal(number)
    output, _ = process.communicate(timeout=10)
    assert process.returncode == 0, output
    assert "Traceback" not in output


@pytest.mark.parametrize("delay", [0.15, 0.4, 0.7])
def test_a_stop_while_starting_is_a_clean_stop(start_executable, delay):
    process = start_executable("world")
    time.sleep(delay)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=10)
    assert "Traceback" not in output
    assert process.returncode == 0, output


@pytest.mark.parametrize(
    ("name", "parameters", "culprit"),
    [
        ("coordinator", {}, "policy"),
        ("coordinator", {"policy.file": "/nowhere.npz"}, "/nowhere.npz"),
        ("coordinator", {"game": "chess"}, "chess"),
        ("coordinator", {"sampling.k": 7}, "k is 7"),
        ("coordinator", {"tick.period": -1.0}, "tick.period"),
        ("coordinator", {"tick.period": "soon"}, "tick.period"),
        ("coordinator", {"sampling.model": "psychic"}, "psychic"),
        ("world", {"game": "chess"}, "chess"),
        ("robot", {"robot_id": -1}, "robot_id"),
        ("robots", {"count": 0}, "count"),
        ("crowd", {"game": "chess"}, "chess"),
        ("crowd", {"count": 0}, "count"),
        ("trainer", {"reward.parameters": "{near: 4}"}, "near"),
        ("trainer", {"folder": "/proc/nowhere"}, "folder"),
        ("visualization", {"game": "chess"}, "chess"),
        ("visualization", {"map": "/nowhere.yaml"}, "/nowhere.yaml"),
    ],
)
def test_a_bad_parameter_ends_with_one_line_and_exit_code_2(start_executable, policy, name, parameters, culprit):
    if name == "coordinator" and culprit not in ("policy", "/nowhere.npz"):
        parameters = {"policy.file": str(policy), **parameters}
    process = start_executable(name, **parameters)
    output, _ = process.communicate(timeout=15)
    lines = [line for line in output.splitlines() if line.strip()]
    assert process.returncode == 2, output
    assert len(lines) == 1, output
    assert culprit in lines[0]
