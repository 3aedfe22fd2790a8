"""`altmarl` knows its commands without importing them."""

import subprocess
import sys

import pytest
from typer.core import TyperGroup

from altmarl_ros.cli import command_table, training
from altmarl_ros.cli.main import main
from altmarl_ros.observation import DEFAULT_MODEL


@pytest.mark.parametrize("name", command_table.COMMANDS)
def test_the_table_says_what_the_command_says(name):
    command = command_table.load_command(name)
    assert command.name == name
    assert command.help.split("\n\n")[0].split() == command_table.COMMANDS[name].split()


def test_every_command_is_in_one_group():
    grouped = [name for names in command_table.GROUPS.values() for name in names]
    assert sorted(grouped) == sorted(command_table.COMMANDS)


def test_help_lists_the_commands_by_group(capfd):
    assert main(["--help"]) == 0
    said = capfd.readouterr().out
    places = [
        said.index(text)
        for group, names in command_table.GROUPS.items()
        for text in (f" {group} ", *(f" {name} " for name in names[:1]))
    ]
    assert places == sorted(places)


def test_commands_of_groups_are_named_by_two_words():
    named = [words for words, _ in command_table.all_commands()]
    assert ("game", "check") in named
    assert ("train",) in named
    assert not any(isinstance(command, TyperGroup) for _, command in command_table.all_commands())


def test_no_help_has_brackets_which_the_terminal_would_take_for_a_style():
    said = [(words, each.help) for words, command in command_table.all_commands() for each in (command, *command.params)]
    assert [(words, text) for words, text in said if "[" in (text or "")] == []


def test_an_unknown_command_is_refused(capfd):
    assert main(["trian"]) == 2
    assert "trian" in capfd.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["trian"]])
def test_help_imports_neither_games_nor_ros(arguments):
    program = "import sys; from altmarl_ros.cli.main import main; main(sys.argv[1:]); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=60, check=True
    ).stdout.split()
    assert "altmarl_ros.cli.command_table" in done
    assert not {"numpy", "rclpy", "altmarl_ros.games", "altmarl_ros.cli.commands.fleet"} & set(done)


def test_commands_learn_for_the_default_model():
    assert training.TrainingSettings().learn_for == DEFAULT_MODEL
