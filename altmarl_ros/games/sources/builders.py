"""Builders of games by name: those of this package first, and then the entry points of the group `altmarl_ros.games`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, Callable

from pydantic import BaseModel

from altmarl_ros.errors import GameError
from altmarl_ros.games.attention import AttentionParameters, build_attention
from altmarl_ros.games.discretise import ContinuousWarehouseParameters, build_continuous_warehouse
from altmarl_ros.games.federated import FederatedParameters, build_federated
from altmarl_ros.games.floor import FloorParameters, build_floor
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.games.warehouse import WarehouseParameters, build_warehouse
from altmarl_ros.games.work import (
    ChargingParameters,
    CoverageParameters,
    DeliveryParameters,
    build_charging,
    build_coverage,
    build_deliveries,
)

ENTRY_POINT_GROUP = "altmarl_ros.games"


@dataclass(frozen=True)
class Builder:
    """A family of games: a pydantic model of its parameters, and the function that builds a game from them."""

    parameters: type[BaseModel]
    build: Callable[[Any], TabularGame]


BUILDERS: dict[str, Builder] = {
    "charging": Builder(ChargingParameters, build_charging),
    "coverage": Builder(CoverageParameters, build_coverage),
    "deliveries": Builder(DeliveryParameters, build_deliveries),
    "federated": Builder(FederatedParameters, build_federated),
    "floor": Builder(FloorParameters, build_floor),
    "warehouse": Builder(WarehouseParameters, build_warehouse),
    "grid": Builder(AttentionParameters, build_attention),
    "continuous_warehouse": Builder(ContinuousWarehouseParameters, build_continuous_warehouse),
}


def describe_builder(builder: Builder) -> str:
    """Describe a builder by the first line of its build function's docstring."""
    return (builder.build.__doc__ or "").strip().partition("\n")[0]


def builder_names() -> list[str]:
    """List the names of the built-in builders and of those that installed packages offer."""
    return sorted({*BUILDERS, *(entry.name for entry in entry_points(group=ENTRY_POINT_GROUP))})


def find_builder(name: str) -> Builder:
    """Find the builder of that name; a built-in builder comes before an entry point.

    Raises:
        GameError: no builder has that name, or its package cannot be loaded.
    """
    if name in BUILDERS:
        return BUILDERS[name]
    found = {entry.name: entry for entry in entry_points(group=ENTRY_POINT_GROUP)}
    if name not in found:
        raise GameError(f"builder {name!r} is unknown; known are {', '.join(builder_names())}")
    try:
        builder = found[name].load()
    except Exception as error:  # a third party's module may fail in any way
        raise GameError(f"builder {name!r} cannot be loaded: {type(error).__name__}: {error}") from None
    if not isinstance(builder, Builder):
        raise GameError(f"entry point {name!r} gives a {type(builder).__name__}, must be a Builder")
    return builder
