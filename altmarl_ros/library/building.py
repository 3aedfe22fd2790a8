"""Builds games from Python."""

from __future__ import annotations

from typing import Any

from altmarl_ros.games import TabularGame, build_game


def build(builder: str, *, name: str = "", room: Any = None, places: Any = None, **parameters: Any) -> TabularGame:
    """Build a game: `build("deliveries", corners=3, dwell=100.0)`.

    Args:
        builder: name of the builder, such as deliveries, charging, coverage, floor or warehouse.
        name: name of the game; the builder's where it is left out.
        room: how many robots fit into each place, as in a game file.
        places: which local states are one place, as in a game file.
        parameters: those of the builder; what is left out has its default.

    Raises:
        GameError: no builder has that name, or a parameter breaks a rule; the message names it.
    """
    return build_game(builder, parameters, name=name, room=room, places=places)
