"""Graphs of lanes, as route servers and fleet managers have them, and what they are drawn on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Mapping

import numpy as np
from shapely import affinity
from shapely.geometry.base import BaseGeometry

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError

MOST_NODES = 20_000
_FAR = 10_000.0  # m from the origin beyond which coordinates are moved
_BLOCK = 100.0  # m, that an offset is a multiple of


@dataclass(frozen=True)
class Node:
    """A place of a graph.

    Attributes:
        name: of the file; may be empty.
        x, y: [m].
        level: its storey.
        roles: what it is for, such as "charger".
        where: the element of the file, for errors.
        lift: the lift that it is in; empty: none.
    """

    name: str
    x: float
    y: float
    level: str = ""
    roles: tuple[str, ...] = ()
    where: str = ""
    lift: str = ""


@dataclass(frozen=True)
class Lane:
    """A directed lane between two nodes, by their indices; speed limit and cost as the file says them."""

    start: int
    end: int
    speed: float | None = None
    cost: float | None = None


@dataclass(frozen=True, eq=False)
class Ground:
    """What a level's nodes are drawn on.

    Attributes:
        floor: where robots may be, walls included; None: the file does not say.
        walls: corners of each line of walls [vertex, xy; m].
        thickness: of walls [m].
        doors: both ends of each door [end, xy; m].
    """

    floor: BaseGeometry | None = None
    walls: tuple[FloatArray, ...] = ()
    thickness: float = 0.1
    doors: tuple[FloatArray, ...] = ()

    def moved(self, x: float, y: float) -> Ground:
        """The same, moved by so much [m]."""
        floor = None if self.floor is None else affinity.translate(self.floor, x, y)
        walls, doors = (tuple(line + np.array([x, y]) for line in lines) for lines in (self.walls, self.doors))
        return Ground(floor, walls, self.thickness, doors)


@dataclass(frozen=True, eq=False)
class LaneGraph:
    """A graph of lanes on one or more levels.

    Attributes:
        nodes, lanes: of all levels; nodes of one lift on several levels are joined by rides.
        grounds: by level.
        offset: what was taken from coordinates of the file [xy; m].
        counts, notes: for people.
    """

    nodes: tuple[Node, ...]
    lanes: tuple[Lane, ...]
    grounds: Mapping[str, Ground] = field(default_factory=dict)
    offset: tuple[float, float] = (0.0, 0.0)
    counts: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def points(self) -> FloatArray:
        """Where the nodes are [node, xy; m]."""
        return np.array([(node.x, node.y) for node in self.nodes]).reshape(-1, 2)


def near_origin(graph: LaneGraph) -> LaneGraph:
    """The graph moved to the origin if it is far from there, as with UTM coordinates; its offset says by how much.

    Raises:
        GameError: it has no node, or too many.
    """
    if not graph.nodes:
        raise GameError("has no nodes: there is nothing to drive on")
    if len(graph.nodes) > MOST_NODES:
        raise GameError(f"has {len(graph.nodes)} nodes, more than {MOST_NODES}")
    points = graph.points()
    if block_of(points) == (0.0, 0.0):
        return graph
    x, y = block_of(points)
    grounds = {name: ground.moved(-x, -y) for name, ground in graph.grounds.items()}
    nodes = tuple(replace(node, x=node.x - x, y=node.y - y) for node in graph.nodes)
    return replace(graph, nodes=nodes, grounds=grounds, offset=(x, y), notes=(*graph.notes, about_offset(points)))


def block_of(points: FloatArray) -> tuple[float, float]:
    """A round place to the lower left of points [point, xy; m], to be their origin; (0, 0) where they are near to that."""
    if np.abs(points).max(initial=0.0) <= _FAR:
        return 0.0, 0.0
    x, y = np.floor(points.min(axis=0) / _BLOCK) * _BLOCK
    return float(x), float(y)


def about_offset(points: FloatArray) -> str:
    """What a person should know where `block_of` is taken from points [point, xy; m]."""
    x, y = block_of(points)
    return (
        f"coordinates of the file are up to {np.abs(points).max():.0f} m from its origin: ({x:.12g}, {y:.12g}) was taken from "
        "them, and is the floor's 'offset'; the localisation must have the same origin"
    )
