"""The sub-commands of `altmarl`, each imported when it is called.

A command imports what it works with, which takes up to a second; the names and what they do are enough for `altmarl --help`.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from itertools import chain
from typing import Any, Iterator

import typer
from typer.core import TyperCommand, TyperGroup

COMMANDS = {
    "train": "Learn a policy bundle for a game: the coordinator's policy and the robots' policy.",
    "evaluate": "Simulate a fleet under a policy bundle and under references, all from the same starts.",
    "certify": "Measure what the team could gain if the coordinator, one robot or all robots changed policy alone.",
    "fleet": "Run a simulated fleet: coordinator, world and robots as real ROS 2 processes, with a live table.",
    "tune": "List, describe, get, set, dump and load the parameters of a running node; several are set all or none.",
    "top": "Watch a running fleet: decision, estimate and truth by zone, reports, bytes, ages and rewards.",
    "robot": "Send, hold or remove single robots of a running fleet by hand, and give them back.",
    "dashboard": "Show a running fleet of your ROS domain in a web browser, until Ctrl-C: floor, charts, robots, parameters, "
    "training.",
    "retrain": "Retrain a running fleet: a trainer in your ROS domain learns a candidate, scores it on live ticks, and deploys "
    "it.",
    "deploy": "Start robots and coordinator of a fleet file, and keep them running until Ctrl-C or until all have ended.",
    "check": "Check pose, scan, command, ticks, clock and limits of a robot; exits with 1 if the robot must not move.",
    "record": "Record a running fleet in your ROS domain as a rosbag2 folder (MCAP): all messages, and what decisions rest on.",
    "replay": "Decide every tick of a bag again from its reports and compare; exits with 1 if a decision differs.",
    "recover": "Copy the readable part of a bag that was cut off into a complete bag, which every tool opens.",
    "report": "Write a page with the figures of a run, beside simulated references from the same start.",
    "film": "Make a film of a recorded run: robots, zones, the coordinator's place, and what it believes, tick by tick.",
    "identify": "Estimate P_l from the transitions in recorded runs, starting from the game's own kernel, and compare.",
    "compare": "Predict occupancy and reward of recorded runs from a game under the recorded decisions, and compare.",
    "demo": "Train a game, run a fleet on it over DDS beside a dashboard, and write report.html and film.gif.",
    "doctor": "List which parts of ROS 2 are installed and which are missing; exits with 1 if a needed one is missing.",
    "netcheck": "Check multicast, discovery and a tick rate between two machines; exits with 1 if a fleet would not work.",
    "keys": "Make and revoke the certificates by which robots, coordinators and operators know each other over thin links.",
    "link": "Run one end of a thin link between this machine's ROS domain and a coordinator's, until Ctrl-C.",
    "game": "Look at games before training.",
    "floor": "Draw, check, import and export the floors of physical robots.",
    "experiment": "Sweeps with tables and figures; interrupted ones go on where they were.",
}
"""Every command by its name, with the first paragraph of its help."""

GROUPS = {
    "Learn": ("game", "train", "evaluate", "certify", "experiment"),
    "Run a simulated fleet": ("demo", "fleet", "report", "film"),
    "Run robots": ("floor", "deploy", "keys", "link", "check", "netcheck", "doctor"),
    "Watch and change a running fleet": ("dashboard", "top", "tune", "retrain", "robot"),
    "Record and compare": ("record", "replay", "recover", "identify", "compare"),
}
"""The commands by what a person wants to do; `altmarl --help` lists them in this order."""

_MODULES = {"recover": "record"}  # where it is not called like the command


@cache
def load_command(name: str) -> Any:
    """Import a command of `COMMANDS`: a function, or a group of commands."""
    module = import_module(f"altmarl_ros.cli.commands.{_MODULES.get(name, name)}")
    group = getattr(module, "app", None)
    if group is None:
        group = typer.Typer(add_completion=False)
        group.command(name)(getattr(module, name))
    return typer.main.get_command(group)


def all_commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that is no group, with the words that name it, such as `("game", "check")`, in the order of `GROUPS`."""
    for name in chain.from_iterable(GROUPS.values()):
        command = load_command(name)
        if isinstance(command, TyperGroup):
            yield from (((name, below), each) for below, each in command.commands.items())
        else:
            yield (name,), command


class CommandTable(TyperGroup):
    """The group of all commands: lists them by `GROUPS`, and imports the one that is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {
            name: TyperCommand(name=name, help=COMMANDS[name], rich_help_panel=group)
            for group, names in GROUPS.items()
            for name in names
        }

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find the command that the arguments begin with; its name, itself, and the other arguments."""
        name, command, others = super().resolve_command(ctx, args)
        return name, command if name is None else load_command(name), others
