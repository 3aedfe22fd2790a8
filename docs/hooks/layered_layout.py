"""Places the nodes of an acyclic graph in layers, and routes its edges between them (Sugiyama, Tagawa and Toda 1981).

A node stands one layer above the highest node that it points to, or higher if that shortens the edges. An edge over several
layers passes a waypoint in each layer between. Sweeps up and down order each layer by the mean position of its neighbours, and
move its nodes as near to these positions as the distances allow. Edges between waypoints weigh most, which makes long edges
straight. This is repeated from random orders, and the drawing with the fewest crossings and the shortest edges is taken.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Mapping, Sequence

_TRIES, _SWEEPS = 200, 60
_CROSSING = 400.0  # a crossing counts like so much length of edges
_WAYPOINT = 14.0  # width that an edge takes in a layer that it passes
_NODES, _MIXED, _WAYPOINTS = 1.0, 2.0, 8.0  # weights of edges, by the number of their ends that are waypoints


@dataclass(frozen=True)
class Layout:
    """Layers of nodes and the ways of edges.

    Attributes:
        layers: the nodes of each layer, from the lowest up and from left to right.
        x: horizontal position of each node's centre.
        ways: for each edge (above, below) its horizontal position in each layer, from above down.
    """

    layers: tuple[tuple[str, ...], ...]
    x: Mapping[str, float]
    ways: Mapping[tuple[str, str], tuple[float, ...]]


def lay_out(edges: Mapping[str, set[str]], widths: Mapping[str, float], gap: float) -> Layout:
    """Place nodes with these widths at least `gap` apart; `edges` maps each node to those that it points to."""
    height = _heights(edges)
    layers: list[list[str]] = [sorted(n for n in edges if height[n] == level) for level in range(max(height.values()) + 1)]
    size = dict(widths)
    links: dict[str, dict[str, float]] = {node: {} for node in edges}
    waypoints: dict[tuple[str, str], list[str]] = {}
    for above, targets in sorted(edges.items()):
        for below in sorted(targets):
            between = [f"{above} > {below} @ {level}" for level in range(height[above] - 1, height[below], -1)]
            for level, waypoint in zip(range(height[above] - 1, height[below], -1), between, strict=True):
                layers[level].append(waypoint)
                size[waypoint], links[waypoint] = _WAYPOINT, {}
            waypoints[above, below] = between
            chain = [above, *between, below]
            for upper, lower in pairwise(chain):
                weight = (_NODES, _MIXED, _WAYPOINTS)[(upper != above) + (lower != below)]
                links[upper][lower] = links[lower][upper] = weight
    x = _best_positions(layers, links, size, gap)
    ways = {edge: tuple(x[node] for node in (edge[0], *between, edge[1])) for edge, between in waypoints.items()}
    return Layout(
        tuple(tuple(node for node in layer if node in edges) for layer in layers), {node: x[node] for node in edges}, ways
    )


def _heights(edges: Mapping[str, set[str]]) -> dict[str, int]:
    height: dict[str, int] = {}

    def of(node: str) -> int:
        if node not in height:
            height[node] = 1 + max((of(below) for below in edges[node]), default=-1)
        return height[node]

    for node in edges:
        of(node)
    for node in sorted(edges, key=lambda node: -height[node]):
        above = [height[other] for other, targets in edges.items() if node in targets]
        if len(above) > len(edges[node]):
            height[node] = min(above) - 1
    return height


def _best_positions(
    layers: list[list[str]], links: Mapping[str, Mapping[str, float]], size: Mapping[str, float], gap: float
) -> dict[str, float]:
    rng = random.Random(0)
    tries = (_positions([rng.sample(layer, len(layer)) for layer in layers], links, size, gap) for _ in range(_TRIES))
    return min(tries, key=lambda x: _cost(layers, links, x))


def _cost(layers: list[list[str]], links: Mapping[str, Mapping[str, float]], x: Mapping[str, float]) -> float:
    cost = 0.0
    for upper, lower in pairwise(reversed(layers)):
        edges = [(x[a], x[b], links[a][b]) for a in upper for b in lower if b in links[a]]
        cost += sum(weight * abs(start - end) for start, end, weight in edges)
        cost += _CROSSING * sum((one[0] - other[0]) * (one[1] - other[1]) < 0 for one, other in combinations(edges, 2))
    return cost


def _positions(
    layers: list[list[str]], links: Mapping[str, Mapping[str, float]], size: Mapping[str, float], gap: float
) -> dict[str, float]:
    x: dict[str, float] = {}
    for layer in layers:
        x.update(_spread(layer, {node: float(i) for i, node in enumerate(layer)}, size, gap))
    for sweep in range(_SWEEPS):
        for layer in layers if sweep % 2 else reversed(layers):
            x.update(_moved(layer, links, x, size, gap))
    return x


def _moved(
    layer: list[str],
    links: Mapping[str, Mapping[str, float]],
    x: Mapping[str, float],
    size: Mapping[str, float],
    gap: float,
) -> dict[str, float]:
    """Order a layer, in place, by the weighted mean position of each node's neighbours, and place it."""
    wanted = {
        node: sum(weight * x[other] for other, weight in links[node].items()) / sum(links[node].values())
        if links[node]
        else x[node]
        for node in layer
    }
    layer.sort(key=lambda node: (wanted[node], node))
    return _spread(layer, wanted, size, gap)


def _spread(layer: Sequence[str], wanted: Mapping[str, float], size: Mapping[str, float], gap: float) -> dict[str, float]:
    """Place a layer in its order, as near to the wanted positions as the distances allow (pool adjacent violators)."""
    blocks: list[tuple[list[str], list[float], float]] = []  # nodes, offsets from the block's position, position
    for node in layer:
        nodes, offsets, at = [node], [0.0], wanted[node]
        while blocks:
            before, before_offsets, before_at = blocks[-1]
            need = before_offsets[-1] + (size[before[-1]] + size[nodes[0]]) / 2 + gap
            if before_at + need <= at + 1e-9:
                break
            blocks.pop()
            offsets = before_offsets + [need + offset for offset in offsets]
            nodes = before + nodes
            at = sum(wanted[each] - offset for each, offset in zip(nodes, offsets, strict=True)) / len(nodes)
        blocks.append((nodes, offsets, at))
    return {node: at + offset for nodes, offsets, at in blocks for node, offset in zip(nodes, offsets, strict=True)}
