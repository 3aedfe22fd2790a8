"""Segments that a killed process left half made are removed, and nothing else is."""

import os
import threading
import time

import pytest

from altmarl_ros.deployment.shared_memory import remove_half_made_ports


@pytest.fixture
def segment(tmp_path):
    """Makes a file of the shared memory that is so old [s]."""

    def make(name, *, content=b"", age=60.0):
        path = tmp_path / name
        path.write_bytes(content)
        os.utime(path, (time.time() - age,) * 2)
        return path

    return make


@pytest.mark.parametrize("name", ["fastrtps_port7411", "fastdds_port22911"])
def test_an_old_empty_port_is_removed(tmp_path, segment, name):
    segment(name)
    assert remove_half_made_ports(tmp_path) == [name]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["fastrtps_port7411_el", "sem.fastrtps_port7411_mutex", "fastrtps_0072fc5b", "other"])
def test_locks_and_what_is_no_port_stay(tmp_path, segment, name):
    path = segment(name)
    assert remove_half_made_ports(tmp_path) == []
    assert path.exists()


def test_a_port_that_is_made_stays(tmp_path, segment):
    path = segment("fastrtps_port7411", content=b"x")
    assert remove_half_made_ports(tmp_path) == []
    assert path.exists()


def test_a_port_that_is_just_being_made_is_waited_for(tmp_path, segment):
    path = segment("fastrtps_port7411", age=0.0)
    threading.Timer(0.2, path.write_bytes, [b"made"]).start()
    assert remove_half_made_ports(tmp_path, after=5.0) == []
    assert path.read_bytes() == b"made"


def test_a_young_port_that_nobody_completes_is_removed_within_bounds(tmp_path, segment):
    segment("fastrtps_port7411", age=0.0)
    assert remove_half_made_ports(tmp_path, after=0.3) == ["fastrtps_port7411"]


def test_a_folder_that_is_not_there_has_nothing(tmp_path):
    assert remove_half_made_ports(tmp_path / "none") == []
