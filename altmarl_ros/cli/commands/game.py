"""`altmarl game`: look at games before training."""

import functools
import time
from dataclasses import dataclass
from typing import Annotated, Any, List, Optional

import numpy as np
import typer
from rich.markup import escape
from rich.table import Table

from altmarl_ros.cli import console
from altmarl_ros.cli.options import Json, complete_game
from altmarl_ros.errors import GameError
from altmarl_ros.games import TabularGame, game_of_type, load_game
from altmarl_ros.games.kernels import LocalKernel
from altmarl_ros.games.sources import builder_names, builtin_games, describe_builder, find_builder
from altmarl_ros.games.spec import describe_game
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.counts import number_of_counts

app = typer.Typer(name="game", help="Look at games before training.", no_args_is_help=True, add_completion=False)

_PROBE_VECTORS = 3000  # count vectors of the k whose solution is timed
_MOST_DENSE = 1 << 28  # bytes of dense kernels for which count vectors are looked at
_MAX_JOINT_STATES = 1000  # pairs (s_g, s_l) whose eigenvalues are computed
_MAX_EIGENVALUE_WORK = 1e9  # S_l^3 by kind of movement: some seconds


@dataclass(frozen=True)
class Cost:
    """What training takes for k reports.

    Attributes:
        k: reports per tick.
        vectors: count vectors.
        memory: what `altmarl train` allocates beside the program itself [bytes].
        seconds: estimate for one G-LEARN at k; 0 where it does not fit the memory limit.
        backup: name of the backup, "-" where it does not fit.
        reason: why this backup, or why none.
    """

    k: int
    vectors: int
    memory: int
    seconds: float
    backup: str
    reason: str


@dataclass(frozen=True)
class KernelSizes:
    """How much of a game's kernels is not zero.

    Attributes:
        P_g: entries of P_g that are not zero.
        P_l: entries of P_l that are not zero, once for global states (with a hidden state: regimes) at which robots move alike.
        kinds: kinds of movement.
        memory: what kernels and rewards take, averages over a hidden state included [bytes].
        dense: what the kernels would take as dense arrays [bytes].
    """

    P_g: int
    P_l: int
    kinds: int
    memory: int
    dense: int


@dataclass(frozen=True)
class HiddenSummary:
    """What is told about a hidden state.

    Attributes:
        states: D.
        names: one per hidden state.
        dwell: how long each hidden state lasts on average [D; ticks]; infinite where it is never left.
    """

    states: int
    names: List[str]
    dwell: List[float]


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
    from altmarl_ros.games.diagnosis import oddities
    from altmarl_ros.learning.counts.aggregation import aggregate
    from altmarl_ros.learning.shares.cost import shares_cost

    tabular = load_game(game)
    if tabular.room is not None and robots is not None:
        tabular.room.check_fits(robots)
    size = kernel_sizes(tabular)
    parts = [game_of_type(tabular, t) for t in range(1 if tabular.types is None else len(tabular.types))]
    mixing, joint = _slowest([slowest_modes(part) for part in parts]), _slowest([joint_mode(part) for part in parts])
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
    _print_sizes(tabular)
    if tabular.room is not None:
        console.out.print(f"room: {escape(tabular.room.words())}")
    _print_kernels(tabular, size)
    _print_mixing(tabular, mixing, joint)
    for line in odd or ["nothing"]:
        console.out.print(f"odd: {escape(line)}")
    console.out.print(
        f"training over shares, for every k at once: about {_memory(over_shares.memory)} beside the program and the game, "
        f"{'more than' if over_shares.at_least else 'about'} {_duration(over_shares.seconds)} for one L-LEARN and one G-LEARN"
    )
    if costs:
        _print_costs(costs)
    elif tabular.types is not None:
        console.out.print("training on count vectors: not for a game with types of robots")
    elif tabular.hidden is not None:
        console.out.print("training on count vectors: not for a game with a hidden state")
    else:
        console.out.print("training on count vectors: not for a game of this size")


def _print_sizes(game: TabularGame) -> None:
    console.out.print(f"{escape(game.name)} {game.content_hash}, gamma = {game.gamma:g}")
    console.out.print(
        f"coordinator: {game.n_global_states} states, {game.n_global_actions} actions ({_named(game.global_action_names)})"
    )
    console.out.print(
        f"robots: {game.n_places} states ({_named(game.place_names)}), "
        f"{game.n_local_actions} actions ({_named(game.local_action_names)})"
    )
    if game.types is not None:
        shares = (f"{name} {100 * share:.3g} %" for name, share in zip(game.types.names, game.types.shares, strict=True))
        console.out.print(f"types of robots: {escape(', '.join(shares))}")
    hidden = hidden_summary(game)
    if hidden is not None:
        console.out.print(
            f"hidden from the coordinator: {hidden.states} states ({_named(tuple(hidden.names))}), "
            f"each lasts {_ticks(hidden.dwell)} on average"
        )
    r_g, r_l = game.r_g, game.r_l if game.hidden is None else game.hidden.r_l
    console.out.print(f"rewards: r_g {r_g.min():.4g} .. {r_g.max():.4g}, r_l {r_l.min():.4g} .. {r_l.max():.4g}")


def _print_kernels(game: TabularGame, size: KernelSizes) -> None:
    kinds = "once for all s_g" if size.kinds == 1 else f"for {size.kinds} kinds of movement"
    P_g, P_l = (np.prod(kernel.shape, dtype=object) for kernel in (game.global_kernel, _regime_kernel(game)))
    console.out.print(
        f"not zero: {size.P_g:,} of {_number(int(P_g))} entries of P_g; {size.P_l:,} of P_l, {kinds}, of {_number(int(P_l))}; "
        f"the game takes {_memory(size.memory)}"
    )


def _print_mixing(game: TabularGame, mixing: Optional[np.ndarray], joint: Optional[float]) -> None:
    if mixing is None:
        console.out.print("mixing: not computed, the game is too large")
        return
    slowest = int(mixing.argmax())
    console.out.print(
        f"mixing under random actions while s_g = {slowest} lasts (the slowest): half-life of a robot's past "
        f"{_half_life(mixing.max())}"
    )
    if joint is not None:
        console.out.print(
            f"mixing as s_g moves: half-life {_half_life(joint)}; gamma looks {1 / (1 - game.gamma):.0f} ticks ahead"
        )


def _print_costs(costs: List[Cost]) -> None:
    title = "a ladder (train --backup exact or sampled) by reports per tick: memory, estimated time of one G-LEARN"
    table = Table(title=title, title_justify="left")
    for column in ("k", "count vectors", "memory", "about", "backup"):
        table.add_column(column, justify="left" if column == "backup" else "right", no_wrap=True)
    for cost in costs:
        possible = cost.backup != "-"
        table.add_row(
            str(cost.k), _number(cost.vectors), _memory(cost.memory), _duration(cost.seconds) if possible else "-", cost.backup
        )
    console.out.print(table)
    for cost in costs:
        console.out.print(f"k = {cost.k}: {cost.backup if cost.seconds else 'nothing'}, {escape(cost.reason)}")


def kernel_sizes(game: TabularGame) -> KernelSizes:
    """How much of a game's kernels is not zero, and what it takes."""
    moves = _regime_kernel(game)
    kept = [game.global_kernel.rows, game.local_kernel.rows]
    arrays = [game.r_g, game.r_l]
    if game.hidden is not None:
        kept.append(moves.rows)
        arrays += [game.hidden.r_l, game.hidden.P_d]
    stored = sum(each.nbytes for part in kept for each in (part.indptr, part.indices, part.data))
    dense = 8 * sum(int(np.prod(kernel.shape, dtype=object)) for kernel in (game.global_kernel, moves))
    memory = stored + sum(each.nbytes for each in arrays)
    return KernelSizes(len(game.global_kernel.rows.data), len(moves.rows.data), moves.n_kinds, memory, dense)


def _slowest(modes: List[Any]) -> Any:
    """The larger entries of what each type of robots has; None where one is not known."""
    return None if any(mode is None for mode in modes) else functools.reduce(np.maximum, modes)


def hidden_summary(game: TabularGame) -> Optional[HiddenSummary]:
    """What is told about the hidden state of a game; None without one."""
    if game.hidden is None:
        return None
    stays = np.diag(game.hidden.P_d)
    dwell = np.divide(1.0, 1.0 - stays, out=np.full(len(stays), np.inf), where=stays < 1.0)
    return HiddenSummary(len(stays), list(game.hidden.names), dwell.tolist())


def _regime_kernel(game: TabularGame) -> LocalKernel:
    # P_l by s_g, or by (d, s_g) in a game with a hidden state.
    return game.local_kernel if game.hidden is None else game.hidden.local_kernel


def slowest_modes(game: TabularGame) -> Optional[np.ndarray]:
    """Return, by s_g, the second largest modulus of the eigenvalues of P_pi under random local actions [s_g].

    None: the game is too large to compute them.
    """
    moves = game.local_kernel
    if moves.n_kinds * game.n_local_states**3 > _MAX_EIGENVALUE_WORK:
        return None
    if game.n_local_states == 1:
        return np.zeros(game.n_global_states)
    by_kind = [moves.of_kind(kind).dense().reshape(-1, *moves.shape[::3]).mean(axis=0) for kind in range(moves.n_kinds)]
    moduli = np.sort(np.abs(np.linalg.eigvals(np.stack(by_kind))), axis=1)
    return np.asarray(moduli[moves.moves_at, -2])


def joint_mode(game: TabularGame) -> Optional[float]:
    """Return the second largest modulus of the eigenvalues of (s_g, s_l) under random actions; None: too large to compute."""
    size = game.n_global_states * game.n_local_states
    if not 1 < size <= _MAX_JOINT_STATES:
        return None
    local = LocalPolicy.uniform(game).transition(game)  # [s_g, s_l, s_l']
    joint = np.einsum("gh,glm->glhm", game.P_g.mean(axis=1), local).reshape(size, size)
    return float(np.sort(np.abs(np.linalg.eigvals(joint)))[-2])


def training_costs(game: TabularGame, ks: List[int]) -> List[Cost]:
    """The cost for each k; seconds are scaled from one solution per backup that is timed here."""
    from altmarl_ros.learning.counts.backups import GLearnOptions, preferred_backup, training_memory

    pi_l, L, options = LocalPolicy.uniform(game), game.n_local_states, GLearnOptions()
    choices = {k: preferred_backup(game, pi_l.transition(game), k, options) for k in ks}
    memory = {k: training_memory(game, k, options, choice.name) for k, choice in choices.items()}
    fitting = {k: choice for k, choice in choices.items() if memory[k] <= options.memory_limit}
    per_term = {
        name: _seconds_per_term(game, name, max(k for k, choice in fitting.items() if choice.name == name))
        for name in {choice.name for choice in fitting.values()}
    }
    costs = []
    for k, choice in choices.items():
        backup, seconds, reason = choice.name, 0.0, choice.reason
        if k in fitting:
            seconds = per_term[backup] * _terms(backup, k, L)
        else:
            backup = "-"
            reason = f"over the limit of {_memory(options.memory_limit)}, which altmarl train --memory raises"
        costs.append(Cost(k, number_of_counts(k, L), memory[k], seconds, backup, reason))
    return costs


def _seconds_per_term(game: TabularGame, backup: str, most: int) -> float:
    """Seconds of G-LEARN for each term of a backup, timed for some number of reports up to `most`, at which it works."""
    from altmarl_ros.learning.counts.backups import GLearnOptions
    from altmarl_ros.learning.counts.global_agent import g_learn

    pi_l, options = LocalPolicy.uniform(game), GLearnOptions(backup=backup)
    probe = most
    while probe > 1 and number_of_counts(probe, game.n_local_states) > _PROBE_VECTORS:
        probe = probe // 2
    g_learn(game, pi_l, probe, options)  # compiles
    began = time.perf_counter()
    g_learn(game, pi_l, probe, options)
    return (time.perf_counter() - began) / _terms(backup, probe, game.n_local_states)


def _half_life(modulus: float) -> str:
    if modulus > 1.0 - 1e-9:
        return "endless"
    return f"{np.log(0.5) / np.log(max(modulus, 1e-12)):.1f} ticks"


def _ticks(dwell: List[float]) -> str:
    shortest, longest = f"{min(dwell):.4g}", f"{max(dwell):.4g}"
    return f"{shortest} ticks" if shortest == longest else f"{shortest} to {longest} ticks"


def _named(names: tuple[str, ...], most: int = 8) -> str:
    return escape(", ".join(names[:most])) + (", ..." if len(names) > most else "")


def _number(value: int) -> str:
    return f"{value:,}" if value < 10**10 else f"{value:.1e}"


def _memory(size: int) -> str:
    return (
        f"{size / 2**20:,.1f} MiB"
        if size < 2**30
        else f"{_number(size >> 30)} GiB"
        if size >= 100 << 30
        else f"{size / 2**30:.1f} GiB"
    )


def _duration(seconds: float) -> str:
    if seconds < 120.0:
        return f"{seconds:.0f} s" if seconds >= 1.0 else f"{seconds:.1g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200.0 else f"{seconds / 3600:,.0f} h"


def _terms(backup: str, k: int, L: int) -> float:
    return number_of_counts(k, L) * (k / L + 1.0 if backup == "exact" else 1.0)
