"""`altmarl keys`: makes, lists and revokes certificates."""

import json
from pathlib import Path

import pytest

from altmarl_ros.cli.main import main


@pytest.fixture
def keys(tmp_path):
    folder = str(tmp_path / "keys")
    assert main(["keys", "init", "--keys", folder]) == 0
    return folder


def listed(folder, capfd):
    capfd.readouterr()
    assert main(["keys", "list", "--json", "--keys", folder]) == 0
    return {row["name"]: (row["role"], row["id"], row["state"]) for row in json.loads(capfd.readouterr().out)}


def test_certificates_are_made_listed_and_revoked(keys, capfd):
    assert main(["keys", "coordinator", "dispatch", "--address", "127.0.0.1", "--keys", keys]) == 0
    assert "register.yaml" in capfd.readouterr().out
    assert main(["keys", "robot", "robot_7", "--keys", keys]) == 0
    assert main(["keys", "robot", "blue", "--id", "8", "--keys", keys]) == 0
    assert main(["keys", "operator", "anna", "--keys", keys]) == 0
    assert main(["keys", "revoke", "blue", "--keys", keys]) == 0
    assert listed(keys, capfd) == {
        "dispatch": ("coordinator", "dispatch", "valid"),
        "robot_7": ("robot", "7", "valid"),
        "blue": ("robot", "8", "revoked"),
        "anna": ("operator", "anna", "valid"),
    }


def test_json_tells_the_files_of_a_holder_and_what_was_revoked(keys, capfd):
    capfd.readouterr()
    assert main(["keys", "robot", "robot_7", "--json", "--keys", keys]) == 0
    made = json.loads(capfd.readouterr().out)
    assert (made["role"], made["id"]) == ("robot", "7")
    assert all(Path(file).is_file() for file in made["files"])
    assert main(["keys", "revoke", "robot_7", "--json", "--keys", keys]) == 0
    revoked = json.loads(capfd.readouterr().out)
    assert (revoked["common_name"], revoked["state"]) == (made["common_name"], "revoked")


def test_the_table_warns_of_certificates_that_end_soon(keys, capfd):
    assert main(["keys", "robot", "robot_7", "--days", "5", "--keys", keys]) == 0
    assert main(["keys", "list", "--keys", keys]) == 0
    assert "days left" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["init"], "has an authority already"),
        (["robot", "blue"], "give the robot's --id"),
        (["revoke", "blue"], "'blue' has no valid certificate"),
        (["coordinator", "dispatch", "--address", "a:b:c:7447"], "without a port"),
    ],
)
def test_refusals_are_one_line(keys, capfd, arguments, told):
    assert main(["keys", *arguments, "--keys", keys]) == 2
    (line,) = capfd.readouterr().err.strip().splitlines()
    assert told in line


def test_without_an_authority_it_says_which_file_is_missing(tmp_path, capfd):
    assert main(["keys", "robot", "robot_7", "--keys", str(tmp_path)]) == 2
    assert "authority.crt: cannot be read" in capfd.readouterr().err
