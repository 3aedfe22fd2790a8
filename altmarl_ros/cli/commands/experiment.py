"""`altmarl experiment`: experiments that go on where they were interrupted, and end in a table and a figure."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, List, Optional

import typer

from altmarl_ros.cli.experiment_run import ExperimentSettings, conduct, with_given
from altmarl_ros.cli.option_groups import with_option_groups
from altmarl_ros.cli.options import Game, complete_model
from altmarl_ros.experiments.table import read_csv

app = typer.Typer(
    name="experiment",
    help="Sweeps with tables and figures; interrupted ones go on where they were.",
    no_args_is_help=True,
    add_completion=False,
)

# What is computed; an option that is not given keeps the experiment's own default.
K = Annotated[Optional[int], typer.Option("--k", "-k", min=0, help="Reports per tick.")]
Ks = Annotated[Optional[List[int]], typer.Option("--k", "-k", min=0, help="Reports per tick; may be given several times.")]
Models = Annotated[
    Optional[List[str]],
    typer.Option("--model", "-m", autocompletion=complete_model, help="Observation model; may be given several times."),
]
Horizon = Annotated[Optional[int], typer.Option(min=1, help="Ticks per episode.")]
LearnFor = Annotated[
    Optional[str],
    typer.Option(help="Observation model that the policies are learned for: filtered, or fresh (the paper's)."),
]


@dataclass(frozen=True)
class Fleets:
    """Which fleets play."""

    robots: Annotated[Optional[int], typer.Option("--robots", "-n", min=1, help="Number of robots in the fleet.")] = None
    runs: Annotated[Optional[int], typer.Option(min=2, help="Episodes per setting and seed.")] = None
    seeds: Annotated[Optional[int], typer.Option(min=1, help="Number of seeds per setting.")] = None
    seed: Annotated[Optional[int], typer.Option(min=0, help="The first seed.")] = None


@app.command("k-sweep")
@with_option_groups
def k_sweep(
    context: typer.Context,
    *,
    game: Game = "warehouse",
    k: Ks = None,
    model: Models = None,
    horizon: Horizon = None,
    fleets: Fleets,
    learn_for: LearnFor = None,
    compare: Annotated[
        Optional[Path], typer.Option(help="Table of another k-sweep, whose curves are drawn dashed beside these.")
    ] = None,
    settings: ExperimentSettings,
) -> None:
    """Reward, mode accuracy and training time against the reports per tick.

    Example: altmarl experiment k-sweep --game warehouse --out experiments
    """
    from altmarl_ros.experiments import k_sweep as experiment

    others = read_csv(compare) if compare else []
    options = with_given(
        experiment.QUICK if settings.quick else experiment.KSweepOptions(),
        k=k,
        model=model,
        horizon=horizon,
        **asdict(fleets),
        learn_for=learn_for,
    )
    conduct(
        context,
        game,
        settings,
        lambda tabular, runner: experiment.k_sweep(tabular, options, runner),
        lambda rows, command: experiment.draw_k_sweep(rows, command, others),
    )


@app.command()
@with_option_groups
def convergence(
    context: typer.Context,
    *,
    game: Game = "warehouse",
    k: K = None,
    gap_runs: Annotated[Optional[int], typer.Option(min=2, help="Half the number of episodes per NashGap.")] = None,
    rounds: Annotated[Optional[int], typer.Option(min=1, help="Most rounds of best responses.")] = None,
    fleets: Fleets,
    learn_for: LearnFor = None,
    settings: ExperimentSettings,
) -> None:
    """Team value and NashGap of ALTERNATING-MARL after every best response.

    Example: altmarl experiment convergence --k 10 --out experiments
    """
    from altmarl_ros.experiments import convergence as experiment

    options = with_given(
        experiment.QUICK if settings.quick else experiment.ConvergenceOptions(),
        k=k,
        gap_runs=gap_runs,
        rounds=rounds,
        **asdict(fleets),
        learn_for=learn_for,
    )
    conduct(
        context,
        game,
        settings,
        lambda tabular, runner: experiment.convergence(tabular, options, runner),
        experiment.draw_convergence,
    )


@app.command("gap-rate")
@with_option_groups
def gap_rate(
    context: typer.Context,
    *,
    game: Annotated[Optional[str], typer.Option("--game", "-g", help="A small game; default: several random ones.")] = None,
    k: Ks = None,
    games: Annotated[Optional[int], typer.Option(min=1, help="Number of random games.")] = None,
    local: Annotated[
        Optional[str], typer.Option(help="Whether all k share one policy of the robots (shared) or each has its own (own).")
    ] = None,
    horizon: Horizon = None,
    fleets: Fleets,
    settings: ExperimentSettings,
) -> None:
    """The exact gap against the reports per tick, and the exponent at which it falls.

    In games with a hidden state or with limited room it is measured, in --seeds times --runs episodes of --horizon ticks.

    Example: altmarl experiment gap-rate --robots 24 --out experiments
    """
    from altmarl_ros.experiments import gap_rate as experiment

    options = with_given(
        experiment.QUICK if settings.quick else experiment.GapRateOptions(),
        k=k,
        games=games,
        horizon=horizon,
        local=local,
        **asdict(fleets),
    )
    conduct(
        context,
        game,
        settings,
        lambda tabular, runner: experiment.gap_rate(tabular, options, runner),
        experiment.draw_gap_rate,
    )


@app.command()
@with_option_groups
def heterogeneity(
    context: typer.Context,
    *,
    game: Game = "warehouse",
    spread: Annotated[
        Optional[List[float]],
        typer.Option(min=0, max=1, help="How far the robots' kernels lie from the mean one, 0..1; may be given several times."),
    ] = None,
    k: Ks = None,
    model: Models = None,
    horizon: Horizon = None,
    fleets: Fleets,
    learn_for: LearnFor = None,
    settings: ExperimentSettings,
) -> None:
    """Robots that each have their own kernel play the policies learned for the mean kernel.

    Example: altmarl experiment heterogeneity --spread 0 --spread 0.5 --out experiments
    """
    from altmarl_ros.experiments import heterogeneity as experiment

    options = with_given(
        experiment.QUICK if settings.quick else experiment.HeterogeneityOptions(),
        spread=spread,
        k=k,
        model=model,
        horizon=horizon,
        **asdict(fleets),
        learn_for=learn_for,
    )
    conduct(
        context,
        game,
        settings,
        lambda tabular, runner: experiment.heterogeneity(tabular, options, runner),
        experiment.draw_heterogeneity,
    )


@app.command("value-of-reports")
@with_option_groups
def value_of_reports(
    context: typer.Context,
    *,
    game: Game = "deliveries",
    vary: Annotated[str, typer.Option(help="Builder parameter that is varied.")] = "dwell",
    value: Annotated[
        Optional[List[float]], typer.Option(help="A value of that parameter, which makes a curve; may be given several times.")
    ] = None,
    announced: Annotated[
        Optional[List[float]],
        typer.Option(
            min=0,
            max=1,
            help="Share of ticks in which somebody else tells the coordinator the hidden state; may be given several times.",
        ),
    ] = None,
    k: Ks = None,
    horizon: Horizon = None,
    fleets: Fleets,
    settings: ExperimentSettings,
) -> None:
    """What reports are worth, by how much the robots see that the coordinator does not.

    Example: altmarl experiment value-of-reports --value 20 --value 60 --value 200 --out experiments
    """
    from altmarl_ros.experiments import value_of_reports as experiment
    from altmarl_ros.games import load_game

    options = with_given(
        experiment.QUICK if settings.quick else experiment.ValueOfReportsOptions(),
        announced=announced,
        k=k,
        horizon=horizon,
        **asdict(fleets),
    )
    variants = [] if settings.plot_only else [(f"{vary} = {each:g}", load_game(game, {vary: each})) for each in value or ()]
    conduct(
        context,
        game,
        settings,
        lambda tabular, runner: experiment.value_of_reports(tabular, variants, options, runner),
        experiment.draw_value_of_reports,
    )


@app.command()
@with_option_groups
def heatmap(
    context: typer.Context,
    *,
    game: Game = "warehouse",
    x: Annotated[Optional[str], typer.Option(help="The x axis: k, robots, loss, turnover, spread, horizon or model.")] = None,
    y: Annotated[Optional[str], typer.Option(help="The y axis, as --x.")] = None,
    x_value: Annotated[Optional[List[str]], typer.Option(help="A value on the x axis; may be given several times.")] = None,
    y_value: Annotated[Optional[List[str]], typer.Option(help="A value on the y axis; may be given several times.")] = None,
    model: Annotated[Optional[str], typer.Option("--model", "-m", help="Observation model; used where it is no axis.")] = None,
    k: K = None,
    loss: Annotated[
        Optional[float], typer.Option(min=0, max=1, help="Share of reports that are lost; used where it is no axis.")
    ] = None,
    turnover: Annotated[
        Optional[float],
        typer.Option(min=0, max=1, help="Share of a sticky subset that is drawn anew every tick; used where it is no axis."),
    ] = None,
    spread: Annotated[
        Optional[float],
        typer.Option(min=0, max=1, help="How far the robots' kernels lie from the mean one; used where it is no axis."),
    ] = None,
    horizon: Horizon = None,
    fleets: Fleets,
    learn_for: LearnFor = None,
    settings: ExperimentSettings,
) -> None:
    """Team value, and its gap to a coordinator that sees all robots, over two parameters.

    Example: altmarl experiment heatmap --x k --y loss --model fresh --out experiments
    """
    from altmarl_ros.experiments import heatmap as experiment

    options = with_given(
        experiment.QUICK if settings.quick else experiment.HeatmapOptions(),
        x=x,
        y=y,
        x_value=x_value,
        y_value=y_value,
        model=model,
        k=k,
        loss=loss,
        turnover=turnover,
        spread=spread,
        horizon=horizon,
        **asdict(fleets),
        learn_for=learn_for,
    )
    conduct(
        context,
        game,
        settings,
        lambda tabular, runner: experiment.heatmap(tabular, options, runner),
        experiment.draw_heatmap,
    )
