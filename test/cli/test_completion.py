"""The shell completes verbs, options and values; the version is told."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from altmarl_ros import __version__
from altmarl_ros.cli.main import main

ALTMARL = Path(sysconfig.get_path("scripts")) / "altmarl"


@pytest.fixture
def ask(monkeypatch, capfd):
    """What `altmarl` prints for a shell that asks by these variables."""
    monkeypatch.setattr(sys, "argv", [str(ALTMARL)])

    def run(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        main()
        return capfd.readouterr().out

    return run


SIGNS = [("bash", "complete -o default"), ("zsh", "#compdef altmarl"), ("fish", "complete")]


@pytest.mark.parametrize(("shell", "sign"), SIGNS)
def test_every_shell_gets_its_script(ask, shell, sign):
    script = ask(_ALTMARL_COMPLETE=f"source_{shell}")
    assert sign in script
    assert "_ALTMARL_COMPLETE" in script


@pytest.mark.parametrize(
    ("line", "offered", "not_offered"),
    [
        ("altmarl t", {"train", "tune", "top"}, {"fleet"}),
        ("altmarl fleet --game wa", {"warehouse", "warehouse_distance"}, {"hall"}),
        ("altmarl fleet --model f", {"filtered", "fresh"}, {"sticky"}),
        ("altmarl fleet --backend ", {"markov", "physical", "real"}, set()),
        ("altmarl game ", {"list", "check"}, set()),
        ("altmarl game check h", {"hall"}, {"warehouse"}),
        ("altmarl evaluate --js", {"--json"}, {"--seed"}),
        ("altmarl train --backup ", {"auto", "shares", "exact", "sampled"}, set()),
    ],
)
def test_verbs_options_and_values_are_completed(ask, line, offered, not_offered):
    words = line.split(" ")
    said = ask(_ALTMARL_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1)).split()
    assert offered <= set(said)
    assert not not_offered & set(said)


@pytest.mark.slow
def test_a_bash_completes_by_the_script(ask, monkeypatch):
    script = ask(_ALTMARL_COMPLETE="source_bash")
    monkeypatch.delenv("_ALTMARL_COMPLETE")
    question = 'COMP_WORDS=(altmarl game check ha); COMP_CWORD=3; _altmarl_completion altmarl; echo "${COMPREPLY[@]}"'
    done = subprocess.run(
        ["bash", "-c", f"{script}\n{question}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PATH": f"{ALTMARL.parent}:{os.environ['PATH']}"},
    )
    assert done.stdout.split() == ["hall"], done.stderr


def test_the_version_is_told(capfd):
    assert main(["--version"]) == 0
    assert capfd.readouterr().out.strip() == __version__
