"""The machine's limits: no home, few open files, pipes for files, damaged policies; each ends with one line, or is mended."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from altmarl_ros.cli.main import limit_text, main
from altmarl_ros.errors import ResourceError
from altmarl_ros.policies import load_bundle, save_bundle
from altmarl_ros.policies.bundle import _checksum
from altmarl_ros.resources import data_home

QUICK = ["--k", "1", "--rounds", "1", "--runs", "4", "--robots", "5", "--search", "0"]


def lines(capfd):
    return [line for line in capfd.readouterr().err.splitlines() if line.strip()]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_without_a_home_the_remedy_is_told(monkeypatch):
    """A user without an entry in the password file, as in some containers."""
    if os.getuid() != 0:
        pytest.skip("only root can become a user without a home")
    monkeypatch.delenv("HOME")
    monkeypatch.delenv("ROS_HOME", raising=False)
    # The real user is nobody known; the effective one may still read the interpreter.
    program = "from altmarl_ros.cli.main import main\nimport os, sys\nos.setresuid(54321, 0, 0)\n"
    done = subprocess.run(
        [sys.executable, "-c", program + "sys.exit(main(['train', '--k', '1']))"],
        capture_output=True,
        text=True,
        timeout=120,
        env={name: value for name, value in os.environ.items() if name != "HOME"},
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.strip() == "error: HOME is not set: set HOME or ROS_HOME, or say where files go and are by options"


def test_ros_home_takes_the_place_of_home(monkeypatch):
    def nowhere():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("pathlib.Path.home", nowhere)
    monkeypatch.setenv("ROS_HOME", "/some/where")
    assert str(data_home()) == "/some/where/altmarl_ros"
    monkeypatch.delenv("ROS_HOME")
    with pytest.raises(ResourceError, match="HOME is not set"):
        data_home()


def test_a_home_that_cannot_be_written_is_told_before_training(monkeypatch, capfd):
    monkeypatch.setenv("HOME", "/dev/null")
    monkeypatch.delenv("ROS_HOME", raising=False)
    assert main(["train", *QUICK]) == 2
    (line,) = lines(capfd)
    assert line.startswith("error: /dev/null/.ros/altmarl_ros/policies/warehouse-")
    assert line.endswith(".npz: cannot be written: Not a directory")


@pytest.mark.slow
def test_too_few_open_files_are_told_in_one_line(here, small_bundle):
    save_bundle(small_bundle, "mine.npz")
    program = """
import os, resource, sys
from altmarl_ros.cli.main import main
few = 24
resource.setrlimit(resource.RLIMIT_NOFILE, (few, few))
sys.exit(main(["fleet", "--robots", "3", "--k", "1", "--ticks", "1", "--policy", "mine.npz"]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert "Too many open files" in done.stderr


def test_limits_are_told_with_a_remedy():
    assert limit_text(OSError(24, "Too many open files")) == "Too many open files; raise the limit by ulimit -n 1024"
    assert limit_text(OSError(28, "No space left on device", "/data/x")).startswith(
        "/data/x: No space left on device; make room"
    )
    assert limit_text(MemoryError("Unable to allocate 9 TiB")).startswith("out of memory: Unable to allocate 9 TiB")


@pytest.mark.parametrize(
    "arguments",
    [
        ["evaluate", "--policy", "pipe"],
        ["evaluate", "--game", "pipe.yaml"],
        ["game", "check", "pipe.yaml"],
        ["floor", "check", "pipe.yaml"],
        ["train", "--game", "pipe.yaml", "--out", "out.npz"],
        ["identify", "pipe.npz", "--game", "warehouse", "--out", "mine.yaml"],
    ],
)
def test_a_pipe_is_refused_and_not_waited_for(here, arguments, capfd):
    for name in ("pipe", "pipe.yaml", "pipe.npz"):
        os.mkfifo(here / name)
    assert main(arguments) == 2
    (line,) = lines(capfd)
    assert "cannot be read: is not a regular file" in line


@pytest.mark.parametrize("damage", [lambda content: content[:-100], lambda content: b"", lambda content: b"text"])
def test_a_damaged_bundle_is_trained_anew_where_one_is_wanted(here, damage, small_bundle, tiny_file, capfd):
    save_bundle(small_bundle, "mine.npz")
    (here / "mine.npz").write_bytes(damage((here / "mine.npz").read_bytes()))
    wanted = ["train", "--game", str(tiny_file), *QUICK, "--out", "mine.npz", "--if-missing"]
    assert main(wanted) == 0
    assert "training it anew" in capfd.readouterr().err
    assert load_bundle(here / "mine.npz").kind == "shares"
    assert main(wanted) == 0
    assert "mine.npz is there already" in capfd.readouterr().err


@pytest.mark.parametrize("gamma", [0, 1, -0.5, 1.5, float("nan"), float("inf"), True, "0.9", None])
def test_bundles_of_an_impossible_discount_are_refused(here, gamma, small_bundle, capfd):
    with np.load(save_bundle(small_bundle, "forged.npz")) as file:
        arrays = {name: file[name] for name in file.files}
    header = {**json.loads(arrays.pop("header").tobytes()), "gamma": gamma}
    header["sha256"] = _checksum({key: header[key] for key in header if key != "sha256"}, arrays)
    np.savez("forged.npz", header=np.frombuffer(json.dumps(header).encode(), np.uint8), **arrays)
    assert main(["evaluate", "--policy", "forged.npz"]) == 2
    (line,) = lines(capfd)
    assert "forged.npz: its header's 'gamma' is" in line
