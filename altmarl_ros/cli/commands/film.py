"""`altmarl film`: a recorded run as a video."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Iterator, Optional

import typer
from rich.markup import escape

from altmarl_ros.cli import console
from altmarl_ros.cli.options import Json

if TYPE_CHECKING:
    from altmarl_ros.cli.films.video_file import Frame


def film(
    run: Annotated[Path, typer.Argument(help="Run (.npz or bag) recorded by `altmarl fleet --record` or `altmarl record`.")],
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write: .mp4 or .gif.")] = Path("fleet.mp4"),
    view: Annotated[
        str,
        typer.Option(
            help="above (rendered from above), a robot's id (rendered from that robot), plan (drawn, without OpenGL), or board "
            "(a plan beside what the coordinator believes and the team earns). A run that does not hold the robots' places is "
            "drawn as a board, unless a plan is asked for."
        ),
    ] = "above",
    speed: Annotated[float, typer.Option(min=0.01, help="Seconds of the run per second of the film.")] = 10.0,
    begin: Annotated[
        Optional[float], typer.Option(min=0, help="Seconds of the run that are left out at its begin; default: none.")
    ] = None,
    rate: Annotated[float, typer.Option(min=1, max=60, help="Pictures per second of the film.")] = 20.0,
    seconds: Annotated[
        Optional[float], typer.Option(min=0.01, help="Most seconds of the film; default: the whole run.")
    ] = None,
    width: Annotated[int, typer.Option(min=160, max=3840, help="Pixels across a picture.")] = 960,
    radius: Annotated[
        Optional[float], typer.Option(min=0.01, max=10, help="Radius of a rendered robot (m); default: that of simulated ones.")
    ] = None,
    robot_file: Annotated[str, typer.Option(help="MJCF or URDF file of the rendered robots; default: a built-in base.")] = "",
    as_json: Json = False,
) -> None:
    """Make a film of a recorded run: robots, zones, the coordinator's place, and what it believes, tick by tick.

    Example: altmarl film run_bag --out fleet.mp4
    """
    from altmarl_ros.cli.films.board_pictures import BoardPictures
    from altmarl_ros.cli.films.moments import load_filmed_run
    from altmarl_ros.cli.films.plan_pictures import plan_pictures
    from altmarl_ros.cli.films.video_file import SUFFIXES, write_video
    from altmarl_ros.simulation.physical.config import BaseConfig

    if out.suffix not in SUFFIXES:
        raise typer.BadParameter(f"--out is {str(out)!r}, must end in {' or '.join(SUFFIXES)}")
    if view not in ("above", "plan", "board") and not view.isdecimal():
        raise typer.BadParameter(f"--view is {view!r}, must be above, plan, board or a robot's id")
    radius = BaseConfig().radius if radius is None else radius
    filmed = load_filmed_run(run)
    most = None if seconds is None else max(1, round(seconds * rate))
    scenes = filmed.scenes(speed / rate, most, None if begin is None else filmed.begin + begin)
    pictures: Optional[Iterator[Frame]] = None
    if view not in ("plan", "board") and not (filmed.placed and filmed.floor is not None):
        console.err.print("the run does not hold the robots' places: a plan of their zones is drawn instead")
        view = "board"
    if view not in ("plan", "board"):
        from altmarl_ros.cli.films.physics_pictures import NoGraphics, PhysicsPictures

        assert filmed.floor is not None
        robots, base = len(filmed.scene(filmed.begin).ids), BaseConfig(radius=radius, model=robot_file)
        try:
            renderer = PhysicsPictures(filmed.floor, filmed.layout, robots, base, width=width)
            pictures = renderer.pictures((scene for _, scene in scenes), None if view == "above" else int(view))
        except NoGraphics as error:
            console.err.print(escape(f"{error}; a plan is drawn instead"))
            view = "plan"
    if view == "board" and filmed.board is not None:
        pictures = BoardPictures(filmed.layout, filmed.board, filmed.game, width=width).pictures(scenes)
    elif pictures is None:
        view, shown = "plan", radius if filmed.placed else None
        pictures = plan_pictures(filmed.layout, (scene for _, scene in scenes), width, shown)
    count = write_video(out, pictures, rate, json.dumps(dict(filmed.about)))
    if as_json:
        console.document({"film": out, "pictures": count, "seconds": count / rate, "view": view})
    else:
        console.out.print(f"{count} pictures, {count / rate:.1f} s, in {escape(str(out))}")
