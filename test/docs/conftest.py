"""Makes a shell for each page with its own folder, home and ROS domain, and lists the lines that could not be run here."""

import sys

import pytest
from own_domain import own_domain

from page_shell import Shell

_CHECKED = "checked, not run"


@pytest.fixture
def shell(tmp_path, monkeypatch, capfd, record_property):
    monkeypatch.setenv("ROS_HOME", str(tmp_path / "ros_home"))
    monkeypatch.setenv("COLUMNS", "128")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    with own_domain(monkeypatch):
        shell = Shell(tmp_path, monkeypatch, capfd)
        yield shell
        shell.close()
    for line in shell.only_checked:
        record_property(_CHECKED, line)
    sys.modules.pop("my_games", None)


def pytest_terminal_summary(terminalreporter):
    lines = {
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, "user_properties", [])
        if name == _CHECKED
    }
    if lines:
        terminalreporter.section("ros2 is not installed: checked against launch files and parameter tables, not run")
        for line in sorted(lines):
            terminalreporter.write_line(line)
