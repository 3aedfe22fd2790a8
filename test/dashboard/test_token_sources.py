"""Where the token comes from: a private file, the environment; and how a browser is led to the page."""

import os
import stat
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from altmarl_ros.dashboard.token_sources import VARIABLE, given_token, private_link
from altmarl_ros.errors import AltmarlError

TOKEN = "a-token-of-this-test"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "token"
    path.touch(mode=0o600)
    path.write_text(f"{TOKEN}\n")
    return path


def test_a_file_comes_before_the_environment_which_no_child_gets(file):
    environment = {VARIABLE: "another-token-here", "HOME": "/"}
    assert given_token(file, environment) == TOKEN
    assert environment == {"HOME": "/"}
    assert given_token(None, {VARIABLE: TOKEN}) == TOKEN
    assert given_token(None, {}) == ""


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_file_that_others_may_read_or_write_is_refused(file, mode):
    file.chmod(mode)
    with pytest.raises(AltmarlError, match="chmod 600"):
        given_token(file, {})


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe", b"x" * 5000])
def test_a_file_without_a_token_is_named(file, content):
    file.write_bytes(content)
    with pytest.raises(AltmarlError, match=f"{file}: (holds no token|is no text)"):
        given_token(file, {})


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path in (tmp_path / "pipe", tmp_path / "none", tmp_path):
        with pytest.raises(AltmarlError, match=str(path)):
            given_token(path, {})


def test_a_browser_is_led_by_a_file_that_only_this_user_reads():
    url = f"http://127.0.0.1:8420/#token={TOKEN}&<b>"
    with private_link(url) as address:
        assert TOKEN not in address
        page = Path(unquote(urlsplit(address).path))
        assert stat.S_IMODE(page.stat().st_mode) == 0o600
        assert stat.S_IMODE(page.parent.stat().st_mode) == 0o700
        assert f"url=http://127.0.0.1:8420/#token={TOKEN}&amp;&lt;b&gt;" in page.read_text()
    assert not page.exists()
