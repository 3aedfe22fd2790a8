"""Finds the places on a map that a game's numbers stand for: where the coordinator's crew serves, and where the demand is.

A game's global states need not be places. Where the crew serves is where its state changes what happens to robots: of all
places the one where P_l(. | s_l, s_g, a_l, d), or else r_l, differs most from its mean over s_g. Likewise a hidden state d
is at the place where it makes the largest difference.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.monitoring.drawn_places import drawn_places

_MOST_ENTRIES = 20_000_000  # of a dense kernel; in larger games places of interest are not looked for
_LEAST = 1e-9

Places = tuple[int | None, ...]


@lru_cache(maxsize=4)
def served_places(game: TabularGame) -> Places:
    """Return the place where the coordinator serves in each s_g [S_g]; None everywhere: its states stand for no places."""
    drawn = len(drawn_places(game)[0])
    if game.n_global_states == drawn:
        return tuple(range(drawn))
    return _most_changed(game, axis=1)


@lru_cache(maxsize=4)
def sent_places(game: TabularGame) -> Places:
    """Return the place that each a_g sends the coordinator to [A_g]; None everywhere: its actions stand for no places."""
    drawn = len(drawn_places(game)[0])
    if game.n_global_actions == drawn:
        return tuple(range(drawn))
    served, none = served_places(game), (None,) * game.n_global_actions
    if game.n_global_actions != game.n_global_states or None in served:
        return none
    likeliest = [int(np.argmax(game.global_kernel.of_action(a).dense().sum(axis=0))) for a in range(game.n_global_actions)]
    return tuple(served[s_g] for s_g in likeliest) if len(set(likeliest)) == len(likeliest) else none


@lru_cache(maxsize=4)
def demanded_places(game: TabularGame) -> Places:
    """Return the place where each hidden state makes the largest difference [D]; None everywhere: they are at no places."""
    return _most_changed(game, axis=0) if game.hidden is not None else ()


def _most_changed(game: TabularGame, axis: int) -> Places:
    """Return the place that each value on an axis of the regimes (0: d, 1: s_g) changes most; each another, or none at all."""
    D, S_g = max(game.n_hidden_states, 1), game.n_global_states
    kernel = game.local_kernel if game.hidden is None else game.hidden.local_kernel
    S_l, A_l = game.n_local_states, game.n_local_actions
    none = (None,) * (D, S_g)[axis]
    if kernel.n_kinds * S_l * S_l * A_l > _MOST_ENTRIES:
        return none
    moves = np.stack([kernel.of_kind(kind).dense() for kind in range(kernel.n_kinds)])
    by_axis = np.stack([moves[kinds].mean(axis=0) for kinds in np.moveaxis(kernel.moves_at.reshape(D, S_g), axis, 0)])
    changed = np.abs(by_axis - by_axis.mean(axis=0)).sum(axis=-1).reshape(-1, A_l, S_l).sum(axis=1)
    if changed.max() < _LEAST:
        rewards = game.r_l if game.hidden is None else game.hidden.r_l
        earned = rewards.reshape(S_l, D, S_g, A_l).mean(axis=2 - axis).transpose(1, 0, 2)
        changed = np.abs(earned - earned.mean(axis=0)).sum(axis=-1)
    return _distinct(changed, drawn_places(game)[1]) or none


def _distinct(changed: FloatArray, place_of: np.ndarray) -> Places:
    """Return the most changed place of each row [row, s_l]; empty if a row changes nothing or two share a place."""
    by_place = np.stack([np.bincount(place_of, weights=row) for row in changed])
    if (by_place.max(axis=1) < _LEAST).any():
        return ()
    places = tuple(int(place) for place in by_place.argmax(axis=1))
    return places if len(set(places)) == len(places) else ()
