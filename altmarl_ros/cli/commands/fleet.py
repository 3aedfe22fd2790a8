"""`altmarl fleet`: run a simulated fleet in separate processes and watch it."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Optional

import typer

from altmarl_ros.cli import console
from altmarl_ros.cli.fleet_run import run_and_record
from altmarl_ros.cli.options import Game, Json, LogLevel, Model, Policy, Seed, completing
from altmarl_ros.cli.training import find_bundle
from altmarl_ros.deployment import FleetPlan, find_period, types_in_fleet
from altmarl_ros.deployment.fleet_plan import BACKENDS, DEFAULT_PREFIX, LINK_KINDS, MOST_ROBOTS
from altmarl_ros.deployment.middleware import RANGES
from altmarl_ros.games import load_game
from altmarl_ros.observation import DEFAULT_MODEL
from altmarl_ros.policies.bundle import default_path
from altmarl_ros.policies.report_numbers import all_polled, check_reports
from altmarl_ros.protocol.link_model import parse_network
from altmarl_ros.simulation.vectorised_fleet import MOST_LISTED


def fleet(
    *,
    game: Game = "warehouse",
    policy: Policy = None,
    robots: Annotated[int, typer.Option("--robots", "-n", min=1, max=MOST_ROBOTS, help="Number of robots in the fleet.")] = 30,
    k: Annotated[int, typer.Option("--k", "-k", min=0, help="Reports that the coordinator asks for per tick.")] = 5,
    model: Model = DEFAULT_MODEL,
    period: Annotated[
        Optional[float],
        typer.Option(min=0.01, help="Time between ticks (s); default: 0.5, or for robots with wheels the game's own."),
    ] = None,
    ticks: Annotated[int, typer.Option(min=0, help="Stop after this many ticks; 0: run until Ctrl-C.")] = 0,
    processes: Annotated[
        int, typer.Option(min=0, max=64, help="Number of processes that share the robots; 0: chosen by the number of robots.")
    ] = 0,
    crowd: Annotated[
        bool, typer.Option("--crowd", help="Simulate all robots in one process, in arrays, up to 100000 of them.")
    ] = False,
    backend: Annotated[
        str,
        typer.Option(
            autocompletion=completing(*BACKENDS),
            help="What the robots move in: markov (a simulated Markov world), physical (a simulated floor) or real (their "
            "own bases).",
        ),
    ] = "markov",
    rtf: Annotated[
        float,
        typer.Option(min=0.0, max=1000.0, help="Speed of a simulated floor over real time; 0: as fast as the robots steer."),
    ] = 1.0,
    floor_game: Annotated[
        str,
        typer.Option(help="Game whose rates a simulated floor has, where --game has rates identified on it; default: --game."),
    ] = "",
    network: Annotated[
        str,
        typer.Option(help="Faults to simulate between coordinator and robots, such as loss=0.3,duplicate=0.2,jitter=0.2."),
    ] = "",
    link: Annotated[
        str,
        typer.Option(
            autocompletion=completing(*LINK_KINDS),
            help="What connects robots and coordinator: dds (one ROS domain) or zenoh (a domain of its own for each robot, and "
            "thin links between them).",
        ),
    ] = "dds",
    standby: Annotated[
        bool, typer.Option("--standby", help="Start a second coordinator that takes over when the first falls silent.")
    ] = False,
    visualization: Annotated[
        bool, typer.Option("--visualization", help="Publish /fleet/visualization, markers for RViz and Foxglove.")
    ] = False,
    trainer: Annotated[
        bool, typer.Option("--trainer", help="Start a trainer, which learns new policies for the fleet: `altmarl retrain`.")
    ] = False,
    params_file: Annotated[
        Optional[Path],
        typer.Option(help="ROS parameter file for all nodes, such as the floor's model of a robot; options override it."),
    ] = None,
    record: Annotated[
        Optional[Path],
        typer.Option("--record", "-r", help="Record the run in this .npz file, or as a bag in a folder of any other name."),
    ] = None,
    fleet_prefix: Annotated[
        str, typer.Option(help="Prefix of the fleet's topics; fleets that share a ROS domain need one each.")
    ] = DEFAULT_PREFIX,
    discovery_range: Annotated[
        str,
        typer.Option(
            autocompletion=completing(*RANGES[1:]),
            help="How far the fleet is found: localhost (this machine) or subnet; default: this machine, or with --backend "
            "real as ROS_AUTOMATIC_DISCOVERY_RANGE says.",
        ),
    ] = "",
    isolated: Annotated[
        bool, typer.Option("--isolated", help="Use a ROS domain that no other fleet uses, so that several can run.")
    ] = False,
    dashboard: Annotated[
        bool, typer.Option("--dashboard", help="Serve a read-only dashboard beside it, and open it where there is a display.")
    ] = False,
    log_level: LogLevel = "info",
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Run a simulated fleet: coordinator, world and robots as real ROS 2 processes, with a live table.

    The fleet uses your ROS domain and stays on this machine, unless --discovery-range or ROS_AUTOMATIC_DISCOVERY_RANGE says
    otherwise. It does not start where another fleet has the same prefix.

    Example: altmarl fleet --robots 100 --k 5 --ticks 200 --record run.npz
    """
    faults, tabular = parse_network(network), load_game(game)
    if record is not None and crowd and robots > MOST_LISTED:
        raise typer.BadParameter(f"--record lists every robot: at most {MOST_LISTED} of a crowd, not {robots}")
    if backend not in BACKENDS:
        raise typer.BadParameter(f"--backend is {backend!r}, must be one of {', '.join(BACKENDS)}")
    if floor_game and backend != "physical":
        raise typer.BadParameter(f"--floor-game is {floor_game!r}, and only --backend physical has a floor")
    if floor_game and load_game(floor_game).local_state_names != tabular.local_state_names:
        raise typer.BadParameter(f"--floor-game is {floor_game!r}, whose local states are not those of --game {game!r}")
    if link not in LINK_KINDS:
        raise typer.BadParameter(f"--link is {link!r}, must be one of {', '.join(LINK_KINDS)}")
    plan = FleetPlan(
        game=game,
        policy=policy or default_path(tabular),
        robots=robots,
        k=k,
        model=model,
        period=find_period(period, game, backend),
        processes=processes,
        crowd=crowd,
        seed=seed,
        ticks=ticks,
        network=faults,
        standby=standby,
        trainer=trainer,
        backend=backend,
        real_time_factor=rtf,
        floor_game=floor_game,
        visualization=visualization,
        fleet_prefix=fleet_prefix,
        types=types_in_fleet(tabular, robots),
        link=link,
        params_file=params_file,
    )
    stored = find_bundle(tabular, game, policy)
    check_reports(stored.bundle, k, stored.path)
    if beyond := all_polled([k], robots):
        console.err.print(f"note: {beyond}")
    plan = replace(plan, policy=stored.path)
    run = run_and_record(
        plan,
        tabular,
        record,
        isolated=isolated,
        log_level=log_level,
        discovery_range=discovery_range,
        dashboard=dashboard,
    )
    if as_json:
        console.document({**run.about(), "record": record})
    run.exit_if_failed()
