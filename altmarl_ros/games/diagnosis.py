"""Finds oddities in a game that breaks no rule: reports that are worth nothing, actions with the same effect, dead ends."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from scipy.sparse.csgraph import connected_components

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games.kernels import SAME
from altmarl_ros.games.rows import Rows
from altmarl_ros.games.tabular import TabularGame


def oddities(game: TabularGame) -> list[str]:
    """Describe each oddity in one line; a game may have good reasons for any of them."""
    with np.errstate(over="ignore"):  # of rewards near the largest number
        return [*_influence(game), *_hidden(game), *_twins(game), *_dead_ends(game), *_scales(game)]


def _influence(game: TabularGame) -> list[str]:
    lines = []
    plant, moves = game.global_kernel, game.local_kernel
    moved = not _alike([plant.of_action(a_g) for a_g in range(game.n_global_actions)])
    steered = moved or not _same(game.r_g, 1)
    if not steered and game.n_global_actions > 1:
        lines.append("the coordinator has no say: its actions change neither P_g nor r_g")
    felt = moves.feels_global_state or not _same(game.r_l, 1)
    if game.n_global_states > 1 and not felt:
        lines.append(
            "the robots do not feel the global state: P_l and r_l are the same at every s_g, so reports are worth nothing"
        )
    elif not moved and game.n_global_actions > 1 and steered:
        lines.append(
            "global actions cost or earn, but move nothing: P_g is the same for all of them, so reports are worth nothing"
        )
    if game.n_local_states > 1 and _same(game.r_l, 0):
        lines.append("a robot earns the same in every local state: r_l does not depend on s_l")
    told_apart = not (_alike([moves.of_action(a_l) for a_l in range(game.n_local_actions)]) and _same(game.r_l, 2))
    if game.n_local_actions > 1 and not told_apart:
        lines.append("the robots have no say: their actions change neither P_l nor r_l")
    return lines


def _hidden(game: TabularGame) -> list[str]:
    if game.hidden is None:
        return []
    D, S_g, moves = len(game.hidden), game.n_global_states, game.hidden.local_kernel
    by_hidden = moves.moves_at.reshape(D, S_g)
    moved = any(not _alike([moves.of_kind(kind) for kind in kinds]) for kinds in by_hidden.T)
    if moved or not _same(game.hidden.r_l.reshape(game.n_local_states, D, S_g, -1), 1):
        return []
    return ["the hidden state changes nothing: P_l and r_l are the same in every hidden state, so reports do not tell it"]


def _twins(game: TabularGame) -> list[str]:
    lines = []
    for kind, names, kernel, rewards in (
        ("global actions", game.global_action_names, game.global_kernel, game.r_g.T),
        ("local actions", game.local_action_names, game.local_kernel, game.r_l.transpose(2, 0, 1)),
    ):
        groups: dict[bytes, list[str]] = defaultdict(list)
        for a, (name, reward) in enumerate(zip(names, rewards, strict=True)):
            groups[kernel.of_action(a).rounded(12).key + (np.round(reward, 12) + 0.0).tobytes()].append(name)
        alike = [group for group in groups.values() if len(group) > 1]
        if alike and len(groups) > 1:  # _influence reports the case in which all actions are alike
            lines.append(f"{kind} do the same in every state: " + "; ".join(", ".join(group) for group in alike))
    return lines


def _dead_ends(game: TabularGame) -> list[str]:
    lines = []
    rows, S_l = game.local_kernel.rows, game.n_local_states
    one = np.ones(len(rows.data))
    local_moves = Rows.from_entries(rows.row_of % S_l, rows.indices, one, (S_l, S_l))
    for kind, moves, names in (
        ("local", local_moves, game.local_state_names),
        ("global", game.global_kernel.successors, [f"s_g={i}" for i in range(game.n_global_states)]),
    ):
        parts, part_of = connected_components(moves.matrix, connection="strong")
        if parts == 1:
            continue
        left = part_of[moves.row_of] != part_of[moves.indices]
        final = np.setdiff1d(np.arange(parts), part_of[moves.row_of[left]])[0]
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


def _alike(parts: list[Rows]) -> bool:
    return all(parts[0].distance(part) <= SAME for part in parts[1:])


def _same(table: FloatArray, axis: int) -> bool:
    return bool((np.ptp(table, axis=axis) <= SAME).all())


def _listed(names: list[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
