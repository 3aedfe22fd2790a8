"""`altmarl floor`: draw and check the floors of physical robots."""

from pathlib import Path
from typing import Annotated, Any, Optional

import typer
from rich.markup import escape
from rich.table import Table

from altmarl_ros.cli import console
from altmarl_ros.cli.options import Json, Robots
from altmarl_ros.errors import GameError
from altmarl_ros.files import write_output
from altmarl_ros.floors.floor_map import FloorMap
from altmarl_ros.games import game_of_type, load_floor_map, load_game
from altmarl_ros.games.moves import goal_zones

app = typer.Typer(
    name="floor", help="Draw and check the floors of physical robots.", no_args_is_help=True, add_completion=False
)

Floor = Annotated[str, typer.Argument(help="A map file, a floor game's file, or a built-in name of either.")]
Radius = Annotated[float, typer.Option(min=0.01, max=100, help="Radius of a robot [m].")]


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
    table = Table(title=escape(f"{floor}: {len(zones)} zones"), title_justify="left")
    for column in ("zone", "area [m²]", "slots", "neighbours"):
        table.add_column(column, justify="right" if column in ("area [m²]", "slots") else "left")
    for about in zones:
        neighbours = escape(", ".join(about["neighbours"]))
        table.add_row(escape(about["name"]), f"{about['area']:.1f}", str(about["slots"]), neighbours)
    console.out.print(table)
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
