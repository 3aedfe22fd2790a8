"""`altmarl dashboard --record` serves a recorded run, until Ctrl-C."""

import signal
import subprocess
import sys
from urllib.request import urlopen

import pytest
from typer.testing import CliRunner

from altmarl_ros.cli.main import app
from altmarl_ros.errors import AltmarlError


@pytest.mark.slow
def test_a_record_is_served_without_a_token(make_run, tmp_path):
    path = make_run("deliveries")[1].save(tmp_path / "run.npz")
    command = [sys.executable, "-m", "altmarl_ros.cli.main", "dashboard", "--record", str(path), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            line = server.stdout.readline()
            assert line.startswith("look:")
            with urlopen(line.split()[-1], timeout=20) as page:
                assert b"altmarl dashboard" in page.read()
        finally:
            server.send_signal(signal.SIGINT)
            rest, _ = server.communicate(timeout=20)
    assert server.returncode == 0
    assert "control" not in rest


def test_what_cannot_be_shown_is_told(make_run, tmp_path):
    _, run = make_run("warehouse")
    nameless = type(run)(**{**vars(run), "about": {"k": 2}}).save(tmp_path / "run.npz")
    for arguments, why in (
        (["--record", str(nameless)], "does not say its game"),
        (["--record", str(nameless), "--token-file", "token"], "give either --record or --token-file"),
        (["--record", str(tmp_path / "none.npz")], "none.npz"),
    ):
        result = CliRunner().invoke(app, ["dashboard", *arguments])
        assert result.exit_code != 0
        assert isinstance(result.exception, (AltmarlError, SystemExit))
        assert why in " ".join((result.output + str(result.exception)).replace("│", " ").split())
