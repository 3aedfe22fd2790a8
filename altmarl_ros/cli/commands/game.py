"""`altmarl game`: look at games before training."""

from typing import Annotated, List, Optional

import typer
from rich.markup import escape

from altmarl_ros.cli import console
from altmarl_ros.cli.options import Json, complete_game
from altmarl_ros.errors import GameError
from altmarl_ros.games import game_of_type, load_game
from altmarl_ros.games.game_files import builder_names, builtin_games, describe_builder, describe_game, find_builder
from altmarl_ros.policies import LocalPolicy

app = typer.Typer(name="game", help="Look at games before training.", no_args_is_help=True, add_completion=False)

_MOST_DENSE = 1 << 28  # bytes of dense kernels for which count vectors are looked at


@app.command("list")
def list_games(as_json: Json = False) -> None:
    """List the built-in games and the builders (also those of installed packages), with one line each.

    Example: altmarl game list
    """
    games = {name: describe_game(name) for name in builtin_games()}
    builders = {}
    for name in builder_names():
        try:
            builders[name] = describe_builder(find_builder(name))
        except GameError as error:  # one broken package must not hide the others
            builders[name] = f"broken: {error}"
    if as_json:
        console.document({"games": games, "builders": builders})
        return
    width = max(map(len, [*games, *builders]))
    for title, about in (("games, for --game", games), ("builders, for a game's YAML", builders)):
        console.out.print(f"[bold]{title}[/]")
        for name, line in about.items():
            console.out.print(f"  {escape(name):<{width}}  {escape(line)}")


@app.command()
def check(
    game: Annotated[str, typer.Argument(autocompletion=complete_game, help="A built-in game's name or a YAML file.")],
    *,
    k: Annotated[
        Optional[List[int]], typer.Option("--k", "-k", min=0, help="Reports per tick; may be given several times.")
    ] = None,
    robots: Annotated[
        Optional[int],
        typer.Option("--robots", "-n", min=1, help="Number of robots that must fit, where places have limited room."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a game and describe it: sizes, room, how fast it mixes, what is odd about it, and what training costs by k.

    Example: altmarl game check warehouse -k 10 -k 25
    """
    from altmarl_ros.cli.game_check.summary import hidden_summary, joint_mode, kernel_sizes, slowest_modes, slowest_of
    from altmarl_ros.cli.game_check.text import print_costs, print_kernels, print_mixing, print_over_shares, print_sizes
    from altmarl_ros.cli.game_check.training_costs import training_costs
    from altmarl_ros.games.diagnosis import oddities
    from altmarl_ros.learning.counts.aggregation import aggregate
    from altmarl_ros.learning.shares.cost import shares_cost

    tabular = load_game(game)
    if tabular.room is not None and robots is not None:
        tabular.room.check_fits(robots)
    size = kernel_sizes(tabular)
    parts = [game_of_type(tabular, t) for t in range(1 if tabular.types is None else len(tabular.types))]
    mixing, joint = slowest_of([slowest_modes(part) for part in parts]), slowest_of([joint_mode(part) for part in parts])
    whose = ("",) if tabular.types is None else tuple(f"{name}: " for name in tabular.types.names)
    odd = [f"{who}{line}" for who, part in zip(whose, parts, strict=True) for line in oddities(part)]
    over_shares = shares_cost(tabular)
    costs = []
    if size.dense <= _MOST_DENSE and tabular.hidden is None and tabular.types is None:
        counted, _ = aggregate(tabular, LocalPolicy.uniform(tabular), None)
        costs = training_costs(counted, sorted(set(k or (5, 10, 25, 50, 100))))
    if as_json:
        about = {
            "name": tabular.name,
            "hash": tabular.content_hash,
            "gamma": tabular.gamma,
            "global_states": tabular.n_global_states,
            "global_actions": tabular.n_global_actions,
            "local_states": tabular.n_local_states,
            "local_actions": tabular.n_local_actions,
            "hidden": hidden_summary(tabular),
            "types": None
            if tabular.types is None
            else dict(zip(tabular.types.names, tabular.types.shares.tolist(), strict=True)),
            "slowest_mode": None if mixing is None else mixing.tolist(),
            "joint_mode": joint,
            "oddities": odd,
            "kernels": size,
            "over_shares": over_shares,
            "room": None if tabular.room is None else tabular.room.by_place(),
        }
        console.document({**about, "costs": costs})
        return
    print_sizes(tabular)
    if tabular.room is not None:
        console.out.print(f"room: {escape(tabular.room.words())}")
    print_kernels(tabular, size)
    print_mixing(tabular, mixing, joint)
    for line in odd or ["nothing"]:
        console.out.print(f"odd: {escape(line)}")
    print_over_shares(over_shares)
    print_costs(tabular, costs)
