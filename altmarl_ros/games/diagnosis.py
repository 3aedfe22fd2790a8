"""Finds oddities in a game that breaks no rule: reports that are worth nothing, actions with the same effect, dead ends."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from scipy.sparse.csgraph import connected_components

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games.tabular import TabularGame

_SAME = 1e-12


def oddities(game: TabularGame) -> list[str]:
    """Describe each oddity in one line; a game may have good reasons for any of them."""
    return [*_influence(game), *_twins(game), *_dead_ends(game), *_scales(game)]


def _influence(game: TabularGame) -> list[str]:
    lines = []
    steered = not (_same(game.P_g, 1) and _same(game.r_g, 1))
    if not steered and game.n_global_actions > 1:
        lines.append("the coordinator has no say: its actions change neither P_g nor r_g")
    if game.n_global_states > 1 and _same(game.P_l, 1) and _same(game.r_l, 1):
        lines.append(
            "the robots do not feel the global state: P_l and r_l are the same at every s_g, so reports are worth nothing"
        )
    elif _same(game.P_g, 1) and game.n_global_actions > 1 and steered:
        lines.append(
            "global actions cost or earn, but move nothing: P_g is the same for all of them, so reports are worth nothing"
        )
    if game.n_local_states > 1 and _same(game.r_l, 0):
        lines.append("a robot earns the same in every local state: r_l does not depend on s_l")
    if game.n_local_actions > 1 and _same(game.P_l, 2) and _same(game.r_l, 2):
        lines.append("the robots have no say: their actions change neither P_l nor r_l")
    return lines


def _twins(game: TabularGame) -> list[str]:
    tables = (
        ("global actions", game.global_action_names, np.concatenate([game.P_g, game.r_g[..., None]], axis=-1).swapaxes(0, 1)),
        (
            "local actions",
            game.local_action_names,
            np.concatenate([game.P_l, game.r_l[..., None]], axis=-1).transpose(2, 0, 1, 3),
        ),
    )
    lines = []
    for kind, names, table in tables:
        groups: dict[bytes, list[str]] = defaultdict(list)
        for name, effect in zip(names, table, strict=True):
            groups[np.round(effect, 12).tobytes()].append(name)
        alike = [group for group in groups.values() if len(group) > 1]
        if alike and len(groups) > 1:  # _influence reports the case in which all actions are alike
            lines.append(f"{kind} do the same in every state: " + "; ".join(", ".join(group) for group in alike))
    return lines


def _dead_ends(game: TabularGame) -> list[str]:
    lines = []
    local_moves = game.P_l.max(axis=(1, 2)) > 0
    global_moves = game.P_g.max(axis=1) > 0
    for kind, moves, names in (
        ("local", local_moves, game.local_state_names),
        ("global", global_moves, [f"s_g={i}" for i in range(game.n_global_states)]),
    ):
        parts, part_of = connected_components(moves.astype(np.int8), connection="strong")
        if parts == 1:
            continue
        final = next(p for p in range(parts) if not moves[np.ix_(part_of == p, part_of != p)].any())
        inside = [names[i] for i in np.flatnonzero(part_of == final)]
        lines.append(
            f"{kind} states fall into {parts} parts without a way back: what enters {{{_listed(inside)}}} never leaves it, "
            "whatever anyone does"
        )
    return lines


def _scales(game: TabularGame) -> list[str]:
    lines = []
    global_range, local_range = np.ptp(game.r_g), np.ptp(game.r_l)
    if local_range > 0 and global_range > 100 * local_range:
        lines.append(f"r_g ranges over {global_range:g} and r_l over {local_range:g}: the robots hardly count")
    if global_range == 0 and local_range == 0:
        lines.append("all rewards are the same: nothing can be learned")
    return lines


def _same(table: FloatArray, axis: int) -> bool:
    return bool((np.ptp(table, axis=axis) <= _SAME).all())


def _listed(names: list[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
