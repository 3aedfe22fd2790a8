"""`altmarl floor`: draw, check, import and export the floors of physical robots."""

from pathlib import Path
from typing import Annotated, Any, Mapping, Optional

import typer
from rich.markup import escape
from rich.table import Table

from altmarl_ros.cli import console
from altmarl_ros.cli.options import Json, Robots, completing
from altmarl_ros.errors import GameError
from altmarl_ros.files import write_output
from altmarl_ros.floors.floor_map import FloorMap
from altmarl_ros.floors.importing import ZONE_KINDS, Backdrop, ImportedFloor
from altmarl_ros.games import game_of_type, load_floor_map, load_game
from altmarl_ros.games.moves import goal_zones

app = typer.Typer(
    name="floor",
    help="Draw, check, import and export the floors of physical robots.",
    no_args_is_help=True,
    add_completion=False,
)

Floor = Annotated[str, typer.Argument(help="A map file, a floor game's file, or a built-in name of either.")]
Radius = Annotated[float, typer.Option(min=0.01, max=100, help="Radius of a robot (m).")]


@app.command()
def show(
    floor: Floor,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="Picture to write (.png).")] = Path("floor.png"),
    radius: Radius = 0.2,
    as_json: Json = False,
) -> None:
    """Draw a floor, and list its zones with their area, slots and neighbours.

    Example: altmarl floor show hall --out hall.png
    """
    from altmarl_ros.cli.figures.floor_figure import floor_figure
    from altmarl_ros.plotting import as_png

    loaded = load_floor_map(floor)
    write_output(out, as_png(floor_figure(loaded, radius)))
    zones = _about_zones(loaded)
    if as_json:
        console.document({"zones": zones, "picture": str(out)})
        return
    console.out.print(_zone_table(f"{floor}: {len(zones)} zones", loaded))
    console.err.print(f"picture: {escape(str(out))}")


@app.command()
def check(
    floor: Floor,
    *,
    game: Annotated[
        Optional[str], typer.Option("--game", "-g", help="The game to be played on it: a built-in game's name or a YAML file.")
    ] = None,
    radius: Radius = 0.2,
    robots: Robots = 1,
    as_json: Json = False,
) -> None:
    """Check that a floor is valid, has room for the robots, and has a zone for every action of a game.

    Where the game says how many robots fit into each zone, they must all fit.

    Example: altmarl floor check hall --game hall --robots 20 --radius 0.2
    """
    loaded = load_floor_map(floor)
    try:
        loaded.check_room(radius)
    except GameError as error:
        raise GameError(f"{floor}: {error}") from None
    if game is not None:
        played = load_game(game)
        goal_zones(game_of_type(played, 0), loaded)
        if played.room is not None:
            played.room.check_fits(robots)
    shared = loaded.shared_slots(robots)
    for zone, slots in shared.items():
        console.err.print(
            f"[yellow]warning:[/] zone {escape(repr(zone))} has {slots} slots for {robots} robots: some share one"
        )
    slots, one_way = sum(map(len, loaded.slots)), loaded.plan.one_way
    if as_json:
        about = {"zones": len(loaded.plan.zones), "slots": slots, "radius": radius, "shared_slots": shared, "one_way": one_way}
        console.document(about)
    for one, other in one_way:
        console.err.print(f"one-way: from {escape(repr(one))} to {escape(repr(other))}, not back")
    console.out.print(f"{escape(floor)}: {len(loaded.plan.zones)} zones, {slots} slots, room for robots of radius {radius:g} m")


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="A map_server YAML, an RMF building or navigation graph, or GeoJSON.")],
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="Floor map to write (.yaml).")] = Path("floor.yaml"),
    picture: Annotated[Optional[Path], typer.Option("--picture", help="Also draw the floor over the original (.png).")] = None,
    radius: Radius = 0.2,
    zones: Annotated[
        str,
        typer.Option(
            "--zones", "-z", autocompletion=completing(*ZONE_KINDS), help=f"{', '.join(ZONE_KINDS)}: how zones are cut."
        ),
    ] = "auto",
    cell: Annotated[float, typer.Option(help="Side of a cell (m).")] = 4.0,
    narrow: Annotated[
        float, typer.Option(min=0.05, max=1.0, help="Rooms part where a way is narrower than this share of the narrower one.")
    ] = 0.8,
    smallest: Annotated[Optional[float], typer.Option(min=0.0, help="Rooms of less area join their neighbour (m²).")] = None,
    lane_width: Annotated[
        Optional[float], typer.Option(help="Width of the corridor around lanes where there are no walls (m).")
    ] = None,
    unknown: Annotated[
        str, typer.Option(autocompletion=completing("wall", "free"), help="What unknown space of a grid is: wall or free.")
    ] = "wall",
    slots: Annotated[int, typer.Option(min=1, max=10_000, help="Most slots of a zone.")] = 24,
    scale: Annotated[
        Optional[float], typer.Option(min=1e-6, help="Metres per pixel of a building without measurements.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a floor map of a map_server map, an Open-RMF building or navigation graph, or a route graph of Nav2.

    Tells what was made: counts, the smallest passage, what was left out and why, and the slots of each zone.

    Example: altmarl floor import office.yaml --radius 0.2 --out floor.yaml --picture floor.png
    """
    from altmarl_ros.floors.importing import ImportOptions, floor_text, import_floor

    if unknown not in ("wall", "free"):
        raise GameError(f"unknown is {unknown!r}, must be wall or free")
    options = ImportOptions(
        radius=radius,
        zones=zones,
        cell=cell,
        narrow=narrow,
        smallest=smallest,
        lane_width=lane_width,
        unknown_is_free=unknown == "free",
        most_slots=slots,
        scale=scale,
    )
    imported = import_floor(file, options)
    write_output(out, floor_text(imported.made, file.name, radius).encode())
    floor = load_floor_map(out)
    floor.check_room(radius)
    if picture is not None:
        _draw_import(floor, imported.backdrops, radius, picture)
    narrowest = _about_narrowest(imported.made)
    told = {
        "kind": imported.kind,
        "counts": imported.made.counts,
        "smallest_passage": narrowest,
        "notes": imported.made.notes,
        "offset": floor.offset,
        "zones": _about_zones(floor),
        "floor": str(out),
        "picture": None if picture is None else str(picture),
    }
    if as_json:
        console.document(told)
        return
    console.out.print(f"{escape(str(file))}: {imported.kind}: {imported.made.summary}")
    if narrowest is not None:
        console.out.print(f"smallest passage: {escape(narrowest)}")
    for note in imported.made.notes:
        console.out.print(f"note: {escape(note)}")
    console.out.print(_zone_table(f"{out}: {len(floor.plan.zones)} zones", floor))
    if picture is not None:
        console.err.print(f"picture: {escape(str(picture))}")


@app.command()
def export(
    floor: Floor,
    *,
    geojson: Annotated[Path, typer.Option("--geojson", help="File to write (.geojson).")] = Path("floor.geojson"),
    as_json: Json = False,
) -> None:
    """Write a floor as GeoJSON: zones, slots, walls, area, and the graph of zones as a route graph of Nav2.

    Example: altmarl floor export hall --geojson hall.geojson
    """
    from altmarl_ros.floors.geojson import floor_geojson

    loaded = load_floor_map(floor)
    write_output(geojson, floor_geojson(loaded).encode())
    zones, slots = len(loaded.plan.zones), sum(map(len, loaded.slots))
    if as_json:
        console.document({"zones": zones, "slots": slots, "geojson": str(geojson)})
        return
    console.out.print(f"{escape(str(geojson))}: {zones} zones, {slots} slots")


def _draw_import(floor: FloorMap, backdrops: Mapping[str, Backdrop], radius: float, picture: Path) -> None:
    from altmarl_ros.cli.figures.floor_figure import Underlay, floor_figure
    from altmarl_ros.floors.importing.occupancy_grid import read_image
    from altmarl_ros.plotting import as_png

    underlays = {name: Underlay(read_image(each.image)[0], each.corners) for name, each in backdrops.items()}
    write_output(picture, as_png(floor_figure(floor, radius, underlays)))


def _about_narrowest(made: ImportedFloor) -> Optional[str]:
    if made.narrowest is None:
        return None
    (a, b), width = made.narrowest
    names = made.floor.plan.names
    return f"{width:.2f} m, from {names[a]!r} to {names[b]!r}"


def _zone_table(title: str, floor: FloorMap) -> Table:
    table = Table(title=escape(title), title_justify="left")
    for column in ("zone", "area [m²]", "slots", "neighbours"):
        table.add_column(column, justify="right" if column in ("area [m²]", "slots") else "left")
    for about in _about_zones(floor):
        neighbours = escape(", ".join(about["neighbours"]))
        table.add_row(escape(about["name"]), f"{about['area']:.1f}", str(about["slots"]), neighbours)
    return table


def _about_zones(floor: FloorMap) -> list[dict[str, Any]]:
    plan = floor.plan
    return [
        {
            "name": zone.name,
            "area": zone.polygon.area,
            "slots": len(floor.slots[i]),
            "neighbours": [plan.names[j] for j in plan.neighbours(i)],
        }
        for i, zone in enumerate(plan.zones)
    ]
