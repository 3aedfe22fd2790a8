"""Who may look and who may change something."""

import pytest

from altmarl_ros.dashboard.access import Access
from altmarl_ros.errors import AltmarlError

TOKEN = "0123456789abcdef"


@pytest.mark.parametrize(
    ("host", "header", "allowed"),
    [
        ("127.0.0.1", "127.0.0.1:8420", True),
        ("127.0.0.1", "localhost:9999", True),  # through a tunnel, from another port
        ("127.0.0.1", "[::1]:8420", True),
        ("127.0.0.1", "rebound.example:8420", False),
        ("127.0.0.1", "192.168.0.7:8420", False),
        ("127.0.0.1", "localhost.evil.example", False),
        ("127.0.0.1", "evil.example@localhost", False),
        ("127.0.0.1", "", False),
        ("127.0.0.1", "[::1", False),
        ("0.0.0.0", "192.168.0.7:8420", True),
        ("0.0.0.0", "ROBOTS:8420", True),
        ("0.0.0.0", "rebound.example:8420", False),
        ("robots.lan", "robots.lan:8420", True),
    ],
)
def test_only_addresses_that_nobody_else_can_point_here(host, header, allowed):
    assert Access(host, TOKEN, ("robots",)).addressed(header) == allowed


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),
        ("http://localhost:8420", True),
        ("https://localhost:8420", True),
        ("http://localhost:8421", False),
        ("http://evil.example", False),
        ("null", False),
        ("file://localhost:8420", False),
        ("http://[", False),
    ],
)
def test_other_sites_may_not_connect(origin, allowed):
    assert Access("127.0.0.1", TOKEN).same_origin(origin, "localhost:8420") == allowed


def test_only_the_token_unlocks():
    access = Access("127.0.0.1", TOKEN)
    assert access.unlocks(TOKEN)
    for wrong in ("", TOKEN[:-1], TOKEN + "0", TOKEN.upper(), "\udc80", "ü" * 100):
        assert not access.unlocks(wrong)
    assert not Access("127.0.0.1", "").unlocks("")


@pytest.mark.parametrize("token", ["short", "with\nnewline and more", "ümläute sind keine ASCII"])
def test_weak_tokens_are_refused(token):
    with pytest.raises(AltmarlError, match="the token must have"):
        Access("127.0.0.1", token)


def test_what_only_this_machine_reaches():
    assert [Access(host, "").local for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "robots.lan")] == [
        True,
        True,
        True,
        False,
        False,
    ]
