"""A fleet's domain of its own, and the profiles of its middleware."""

import socket
from xml.etree import ElementTree

import pytest

from altmarl_ros.deployment import middleware
from altmarl_ros.errors import AltmarlError
from altmarl_ros.resources import share_directory


def test_a_domain_with_a_participant_is_not_free(monkeypatch):
    # The ports below domain 0 are used by no fleet of a test that runs beside this one.
    monkeypatch.setattr(middleware, "_DOMAINS", range(-2, 0))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as participant:
        participant.bind(("", 7400 - 250 * 2 + 10 + 2 * 3))
        assert {middleware.free_domain() for _ in range(20)} == {-1}


def test_where_all_are_taken_one_is_chosen_all_the_same(monkeypatch):
    monkeypatch.setattr(middleware, "_in_use", lambda port: True)
    assert middleware.free_domain() in range(1, 102)


@pytest.mark.parametrize(
    ("given", "simulated", "own", "expected"),
    [
        ("", True, None, "LOCALHOST"),
        ("", True, "SUBNET", None),
        ("", False, None, None),
        ("subnet", True, None, "SUBNET"),
        ("subnet", True, "LOCALHOST", "SUBNET"),
        ("localhost", False, None, "LOCALHOST"),
    ],
)
def test_simulations_stay_on_this_machine_unless_told_otherwise(monkeypatch, given, simulated, own, expected):
    name = middleware.LOOPBACK[0]
    monkeypatch.delenv(name, raising=False)
    if own is not None:
        monkeypatch.setenv(name, own)
    assert middleware.range_variables(given, simulated).get(name) == expected


def test_a_range_that_is_none_is_refused():
    with pytest.raises(AltmarlError, match="discovery range is 'everywhere', must be localhost or subnet"):
        middleware.range_variables("everywhere", simulated=True)


def test_the_profiles_differ_in_their_transports_alone():
    def discovery(name):
        (element,) = ElementTree.parse(share_directory() / "config" / "dds" / name).findall(".//{*}builtin")
        return [(each.tag, (each.text or "").strip()) for each in element.iter()]

    assert discovery("fastdds_loopback.xml") == discovery("fastdds.xml")
    assert len(discovery("fastdds.xml")) > 5
