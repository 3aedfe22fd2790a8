"""Says at which places on a map robots are drawn: those of all types, loaded or empty, at the same ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from altmarl_ros.games.tabular import TabularGame

_MOST_KINDS = 4  # that colours tell apart


def drawn_places(game: TabularGame) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return the names of the places that are drawn, and the place of every local state [S_l].

    Robots of all types, loaded or empty, are drawn at the same places.
    """
    if game.places is not None:
        return game.places.names, game.places.of
    return game.place_names, np.arange(game.n_local_states) % game.n_places


def by_place(game: TabularGame, values: ArrayLike) -> tuple[float, ...]:
    """Sum what is told by local state [S_l] over those that are drawn at the same place."""
    names, of = drawn_places(game)
    known = np.asarray(values, dtype=np.float64)
    if len(known) == game.n_local_states:
        known = np.asarray(np.bincount(of, weights=known, minlength=len(names)), dtype=np.float64)
    return tuple(known.tolist())


def robot_kinds(game: TabularGame) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return in which ways robots differ at one place, such as empty or loaded, and the way of every local state [S_l].

    A way is what the name of a state adds to that of its place ("": nothing). Where names do not tell, there is one way.
    """
    places, place_of = drawn_places(game)
    added = [name.removeprefix(places[place]).strip(" ,") for name, place in zip(game.local_state_names, place_of, strict=True)]
    kinds = tuple(dict.fromkeys(added))
    if len(kinds) > _MOST_KINDS:
        return ("",), np.zeros(game.n_local_states, dtype=np.int64)
    return kinds, np.array([kinds.index(each) for each in added], dtype=np.int64)
