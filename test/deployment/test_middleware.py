"""A fleet's domain of its own."""

import socket

from altmarl_ros.deployment import middleware


def test_a_domain_with_a_participant_is_not_free(monkeypatch):
    monkeypatch.setattr(middleware, "_DOMAINS", range(60, 62))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as participant:
        participant.bind(("", 7400 + 250 * 60 + 10 + 2 * 3))
        assert {middleware.free_domain() for _ in range(20)} == {61}


def test_where_all_are_taken_one_is_chosen_all_the_same(monkeypatch):
    monkeypatch.setattr(middleware, "_in_use", lambda port: True)
    assert middleware.free_domain() in range(1, 102)
