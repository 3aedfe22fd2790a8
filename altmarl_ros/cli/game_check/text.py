"""Prints what is known of a game, for people."""

from __future__ import annotations

import numpy as np
from rich.markup import escape
from rich.table import Table

from altmarl_ros.arrays import FloatArray
from altmarl_ros.cli import console
from altmarl_ros.cli.game_check.quantities import duration_text, memory_text, number_text
from altmarl_ros.cli.game_check.summary import KernelSizes, hidden_summary, regime_kernel
from altmarl_ros.cli.game_check.training_costs import Cost
from altmarl_ros.games import TabularGame
from altmarl_ros.learning.shares.cost import SharesCost


def print_sizes(game: TabularGame) -> None:
    """Print states, actions, types, hidden states and rewards."""
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


def print_kernels(game: TabularGame, size: KernelSizes) -> None:
    """Print how many entries of the kernels are not zero."""
    kinds = "once for all s_g" if size.kinds == 1 else f"for {size.kinds} kinds of movement"
    P_g, P_l = (np.prod(kernel.shape, dtype=object) for kernel in (game.global_kernel, regime_kernel(game)))
    console.out.print(
        f"not zero: {size.P_g:,} of {number_text(int(P_g))} entries of P_g; {size.P_l:,} of P_l, {kinds}, "
        f"of {number_text(int(P_l))}; the game takes {memory_text(size.memory)}"
    )


def print_mixing(game: TabularGame, mixing: FloatArray | None, joint: float | None) -> None:
    """Print how long the past of a robot and of the pair (s_g, s_l) lasts."""
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


def print_over_shares(cost: SharesCost) -> None:
    """Print what a training for every number of reports at once takes."""
    console.out.print(
        f"training over shares, for every k at once: about {memory_text(cost.memory)} beside the program and the game, "
        f"{'more than' if cost.at_least else 'about'} {duration_text(cost.seconds)} for one L-LEARN and one G-LEARN"
    )


def print_costs(game: TabularGame, costs: list[Cost]) -> None:
    """Print what a ladder takes by reports per tick, and why by that backup; or why there is none for this game."""
    if not costs:
        why = (
            "with types of robots"
            if game.types is not None
            else "with a hidden state"
            if game.hidden is not None
            else "of this size"
        )
        console.out.print(f"training on count vectors: not for a game {why}")
        return
    title = "a ladder (train --backup exact or sampled) by reports per tick: memory, estimated time of one G-LEARN"
    table = Table(title=title, title_justify="left")
    for column in ("k", "count vectors", "memory", "about", "backup"):
        table.add_column(column, justify="left" if column == "backup" else "right", no_wrap=True)
    for cost in costs:
        possible = cost.backup != "-"
        table.add_row(
            str(cost.k),
            number_text(cost.vectors),
            memory_text(cost.memory),
            duration_text(cost.seconds) if possible else "-",
            cost.backup,
        )
    console.out.print(table)
    for cost in costs:
        console.out.print(f"k = {cost.k}: {cost.backup if cost.seconds else 'nothing'}, {escape(cost.reason)}")


def _half_life(modulus: float) -> str:
    if modulus > 1.0 - 1e-9:
        return "endless"
    return f"{np.log(0.5) / np.log(max(modulus, 1e-12)):.1f} ticks"


def _ticks(dwell: list[float]) -> str:
    shortest, longest = f"{min(dwell):.4g}", f"{max(dwell):.4g}"
    return f"{shortest} ticks" if shortest == longest else f"{shortest} to {longest} ticks"


def _named(names: tuple[str, ...], most: int = 8) -> str:
    return escape(", ".join(names[:most])) + (", ..." if len(names) > most else "")
