"""Small maps of each kind, five of each, written by the tests: odd ones among them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import yaml

FREE, UNKNOWN, WALL = 254, 205, 0


def two_rooms(step=0.1):
    """Draw a room of 6 m x 5 m and one of 4 m x 5 m with a door of 1 m between [row from the top, column]."""
    cells = np.full((round(5.4 / step), round(10.6 / step)), WALL, dtype=np.uint8)
    at = lambda *metres: [round(each / step) for each in metres]  # noqa: E731
    a, b, c, d = at(0.2, 6.2, 6.4, 10.4)
    low, high, door, end = at(0.2, 5.2, 2.2, 3.2)
    cells[low:high, a:b] = FREE
    cells[low:high, c:d] = FREE
    cells[door:end, b:c] = FREE
    return cells


def corridor_with_rooms(step=0.1):
    """Draw a corridor of 12 m x 2 m with three rooms of 3.8 m x 4 m above it, by doors of 0.9 m [row from the top, column]."""
    cells = np.full((round(6.6 / step), round(12.4 / step)), WALL, dtype=np.uint8)
    corridor = round(4.4 / step)
    cells[corridor : corridor + round(2.0 / step), round(0.2 / step) : round(12.2 / step)] = FREE
    for i in range(3):
        x = 0.2 + 4.1 * i
        cells[round(0.2 / step) : round(4.2 / step), round(x / step) : round((x + 3.8) / step)] = FREE
        cells[round(4.2 / step) : corridor, round((x + 1.4) / step) : round((x + 2.3) / step)] = FREE
    return cells


def write_grid(folder: Path, name: str, cells, form="pgm", **about) -> Path:
    """Write a map_server map with its image: PGM in bytes, PGM in digits, or PNG."""
    from PIL import Image

    height, width = cells.shape
    file = folder / f"{name}.{'png' if form == 'png' else 'pgm'}"
    if form == "png":
        Image.fromarray(cells).save(file)
    elif form == "digits":
        file.write_text(f"P2\n# drawn\n{width} {height}\n255\n" + "\n".join(" ".join(map(str, row)) for row in cells) + "\n")
    else:
        file.write_bytes(f"P5\n# drawn\n{width} {height}\n255\n".encode() + cells.tobytes())
    document = {"image": file.name, "resolution": 0.1, "origin": [0.0, 0.0, 0.0], "negate": 0}
    document |= {"occupied_thresh": 0.65, "free_thresh": 0.196} | about
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def vertex(x, y, name="", **about):
    return [x, y, 0, name, {key: [4, value] if isinstance(value, bool) else [1, value] for key, value in about.items()}]


def lane(a, b, both=True, **about):
    properties = {"bidirectional": [4, both], "graph_idx": [2, 0]}
    return [a, b, properties | {key: [3, value] for key, value in about.items()}]


def square(step, offset=(0, 0)):
    """Make a level of 20 m x 10 m with a wall across and a door in its middle; `step` is px per metre."""
    x, y = offset
    scale = step / 20.0
    corners = [(0, 0), (400, 0), (400, 200), (0, 200), (200, 0), (200, 80), (200, 120), (200, 200)]
    places = [(100, 100, "left"), (300, 100, "right"), (200, 100, "")]
    vertices = [vertex(x + scale * a, y + scale * b) for a, b in corners]
    vertices += [vertex(x + scale * a, y + scale * b, name) for a, b, name in places]
    walls = [[a, b, {}] for a, b in ((0, 4), (4, 1), (1, 2), (2, 7), (7, 3), (3, 0), (4, 5), (6, 7))]
    return {
        "vertices": vertices,
        "walls": walls,
        "doors": [[5, 6, {"name": [1, "door"], "type": [1, "hinged"]}]],
        "floors": [{"parameters": {}, "vertices": [0, 1, 2, 3]}],
        "measurements": [[0, 1, {"distance": [3, 20.0]}]],
        "lanes": [lane(8, 10), lane(10, 9)],
    }


def building_files() -> dict[str, dict]:
    plain = {"name": "plain", "levels": {"L1": square(20)}, "lifts": {}}
    plain["levels"]["L1"]["vertices"][8] = vertex(100, 100, "left", is_charger=True, is_parking_spot=True)

    one_way = {"name": "ring", "levels": {"L1": square(20)}}
    level = one_way["levels"]["L1"]
    level["walls"], level["doors"] = [wall for wall in level["walls"] if 5 not in wall[:2] and 6 not in wall[:2]], []
    level["vertices"] += [vertex(60, 160, "park"), vertex(340, 160, "dock", dock_name="dock"), vertex(340, 40), vertex(60, 40)]
    level["lanes"] = [lane(11, 12, False), lane(12, 13, False, speed_limit=0.4), lane(13, 14, False), lane(14, 11, False)]

    first = square(20)
    second = square(10, offset=(37, 11))
    for content, cabin in ((first, (380, 100)), (second, (37 + 190, 11 + 50))):
        content["vertices"].append(vertex(*cabin, "", lift_cabin="lift A"))
        content["lanes"].append(lane(9, 11))
    first["fiducials"] = [[0, 0, "a"], [400, 0, "b"], [0, 200, "c"]]
    second["fiducials"] = [[37, 11, "a"], [237, 11, "b"], [37, 111, "c"]]
    del second["measurements"]
    lift = {"x": 380, "y": 100, "yaw": 0.0, "width": 1.6, "depth": 1.6, "reference_floor_name": "L1", "doors": {}}
    two_levels = {"name": "two", "levels": {"L1": first, "L2": second}, "lifts": {"lift A": lift}}

    metres = {"name": "metres", "coordinate_system": "cartesian_meters", "levels": {"L1": square(1)}}
    utm = {"name": "utm", "coordinate_system": "cartesian_meters", "levels": {"L1": square(1, offset=(388000.0, 3948900.0))}}
    utm["levels"]["L1"]["lanes"] = [lane(8, 10), lane(10, 9), lane(9, 8)]
    return {"plain": plain, "one_way": one_way, "two_levels": two_levels, "metres": metres, "utm": utm}


def graph_files() -> dict[str, dict]:
    """Make navigation graphs of Open-RMF."""
    line = [[0.0, 0.0, {"name": "a", "is_charger": True}], [5.0, 0.0, {"name": ""}], [10.0, 0.0, {"name": "b"}]]
    both = {
        "building_name": "line",
        "levels": {"L1": {"vertices": line, "lanes": [[0, 1, {}], [1, 0, {}], [1, 2, {}], [2, 1, {}]]}},
    }
    bidirectional = {
        "levels": {
            "L1": {
                "vertices": line,
                "lanes": [[0, 1, {"is_bidirectional": True}], [1, 2, {"is_bidirectional": True, "speed_limit": 0.5}]],
            }
        }
    }
    corners = [[0.0, 0.0, {}], [8.0, 0.0, {}], [8.0, 8.0, {}], [0.0, 8.0, {}]]
    ring = {"levels": {"L1": {"vertices": corners, "lanes": [[0, 1, {}], [1, 2, {}], [2, 3, {}], [3, 0, {}]]}}}
    stop = [[0.0, 0.0, {"name": "hall"}], [6.0, 0.0, {"name": "stop", "lift": "A"}]]
    storeys = {"levels": {name: {"vertices": stop, "lanes": [[0, 1, {"is_bidirectional": True}]]} for name in ("L1", "L2")}}
    island = [*line, [0.0, 9.0, {"name": "c"}], [5.0, 9.0, {"name": "d"}]]
    islands = {
        "levels": {
            "L1": {
                "vertices": island,
                "lanes": [
                    [0, 1, {"is_bidirectional": True}],
                    [1, 2, {"is_bidirectional": True}],
                    [3, 4, {"is_bidirectional": True}],
                ],
            }
        }
    }
    return {"both": both, "bidirectional": bidirectional, "ring": ring, "storeys": storeys, "islands": islands}


def point(number, x, y, **properties):
    return {"type": "Feature", "properties": {"id": number, **properties}, "geometry": {"type": "Point", "coordinates": [x, y]}}


def edge(number, start, end, **properties):
    about = {"id": number, "startid": start, "endid": end, **properties}
    return {"type": "Feature", "properties": about, "geometry": {"type": "MultiLineString", "coordinates": [[[0, 0], [1, 1]]]}}


def route_files() -> dict[str, dict]:
    """Make route graphs of Nav2's route server."""
    corners = [(0.0, 0.0), (6.0, 0.0), (6.0, 6.0), (0.0, 6.0)]

    def collect(*features):
        return {"type": "FeatureCollection", "name": "graph", "features": list(features)}

    def points(scale=1.0, x=0.0, y=0.0):
        return [point(i, x + scale * a, y + scale * b) for i, (a, b) in enumerate(corners)]

    there = [(0, 1), (1, 2), (2, 3), (3, 0)]
    both = [*there, *((b, a) for a, b in there)]
    square = collect(*points(), *(edge(10 + i, a, b) for i, (a, b) in enumerate(both)))
    one_way = collect(
        *points(),
        *(edge(10 + i, a, b, cost=2.5 * i, metadata={"speed_limit": 0.5}) for i, (a, b) in enumerate(there)),
    )
    utm = collect(*points(x=388000.0, y=3948900.0), *(edge(10 + i, a, b) for i, (a, b) in enumerate(both)))
    named = collect(
        *points()[1:],
        point(0, 0.0, 0.0, metadata={"name": "dock", "roles": ["charger"]}),
        point(7, 0.1, 0.1),
        *(edge(10 + i, a, b) for i, (a, b) in enumerate([*both, (7, 0)])),
        {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": []}},
    )
    dead_end = collect(*points(), point(4, 12.0, 0.0), *(edge(10 + i, a, b) for i, (a, b) in enumerate([*both, (1, 4)])))
    return {"square": square, "one_way": one_way, "utm": utm, "named": named, "dead_end": dead_end}


def grid_files(folder: Path) -> dict[str, Path]:
    cells = two_rooms()
    negated = np.where(cells == FREE, 1, 255).astype(np.uint8)
    islands = np.full((80, 130), UNKNOWN, dtype=np.uint8)
    islands[5:59, 5:111] = cells
    islands[65:75, 10:30] = FREE  # 2 m² that nothing leads to
    islands[37:57, 7:27] = UNKNOWN  # a corner of 4 m² that the laser did not see
    pillars = np.full((100, 100), WALL, dtype=np.uint8)
    pillars[2:98, 2:98] = FREE
    pillars[40:60, 40:60] = WALL
    return {
        "plain": write_grid(folder, "plain", corridor_with_rooms()),
        "rotated": write_grid(folder, "rotated", cells, origin=[-3.0, 7.0, 0.5], form="digits"),
        "negated": write_grid(folder, "negated", negated, negate=1, form="png", mode="scale"),
        "islands": write_grid(folder, "islands", islands),
        "pillar": write_grid(folder, "pillar", np.where(pillars == FREE, 0, 100).astype(np.uint8), mode="raw"),
    }


def write_all(folder: Path) -> dict[str, Path]:
    """Write all the files; their paths by kind and name."""
    found = {f"grid {name}": path for name, path in grid_files(folder).items()}
    for kind, documents in (("building", building_files()), ("graph", graph_files())):
        for name, document in documents.items():
            path = folder / f"{name}.{kind}.yaml"
            path.write_text(yaml.safe_dump(json.loads(json.dumps(document))))
            found[f"{kind} {name}"] = path
    for name, document in route_files().items():
        path = folder / f"{name}.geojson"
        path.write_text(json.dumps(document))
        found[f"route {name}"] = path
    return found
