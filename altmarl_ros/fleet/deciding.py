"""The start of a session and one decision, as a running coordinator makes it and a replay makes it again."""

from __future__ import annotations

from typing import Collection

import numpy as np

from altmarl_ros.fleet.standby import Handover
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.observation import ObservationModel


def resume(model: ObservationModel, known: Handover, game: TabularGame) -> None:
    """Start from another coordinator's last estimate; afresh where none was heard, or one that is none."""
    model.reset(1)
    shares, error, s_g = np.array(known.estimate, dtype=np.float64), known.sampling_error, known.estimated_in
    if s_g is None or s_g >= game.n_global_states or shares.shape != (game.n_local_states,):
        return
    if (shares >= 0).all() and abs(shares.sum() - 1.0) < 1e-3 and 0 <= error < np.inf:
        model.resume(shares[None] / shares.sum(), np.array([error]), np.array([s_g]))


def decide(model: ObservationModel, global_state: int, local_states: Collection[int], live: int, n_local_states: int) -> int:
    """a_g for s_g, the reported local states, and a fleet of which `live` robots are in the draw."""
    counts = np.bincount(np.array(list(local_states), dtype=np.int64), minlength=n_local_states).astype(np.int64)
    return int(model.decide(np.array([global_state]), counts[None], max(live, len(local_states)))[0])
