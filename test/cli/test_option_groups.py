"""Options that several commands share are one parameter of each, and Typer sees them one by one."""

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from altmarl_ros.cli.option_groups import with_option_groups


@dataclass(frozen=True)
class Wait:
    seconds: Annotated[float, typer.Option("--wait", min=0.0, help="How long.")] = 2.0
    loud: Annotated[bool, typer.Option("--loud")] = False


def test_fields_are_options_and_the_command_gets_the_object():
    app, calls = typer.Typer(), []

    @app.command()
    @with_option_groups
    def call(name: str, *, wait: Wait, times: int = 1) -> None:
        calls.append((name, wait, times))

    run = CliRunner().invoke
    assert run(app, ["anna"]).exit_code == 0
    assert run(app, ["anna", "--wait", "3", "--loud", "--times", "4"]).exit_code == 0
    assert calls == [("anna", Wait(), 1), ("anna", Wait(3.0, True), 4)]
    assert run(app, ["anna", "--wait", "-1"]).exit_code == 2
    assert [parameter.name for parameter in typer.main.get_command(app).params][:4] == ["name", "seconds", "loud", "times"]


def test_two_options_of_one_name_are_an_error_of_the_program():
    with pytest.raises(TypeError, match="call has two options of one name: seconds, loud, loud"):

        @with_option_groups
        def call(*, wait: Wait, loud: bool = False) -> None:
            pass
