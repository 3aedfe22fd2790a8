"""Plays a trained pair on, after the start has been forgotten: what it earns and does in the long run."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games import TabularGame
from altmarl_ros.games.room import IntArray, Places
from altmarl_ros.games.sparse import Sparse
from altmarl_ros.learning.comparison import MEASURED, PairComparison
from altmarl_ros.learning.global_learners import Pair
from altmarl_ros.learning.populations.occupancy import Occupancy
from altmarl_ros.learning.populations.population import Fleets
from altmarl_ros.policies import LocalPolicy

SELDOM_MOVED, SELDOM_TURNED = 0.05, 0.02
"""Shares of robot-ticks and of ticks below which a fleet counts as one that stands still; some robots are always displaced."""

_RUNS = 40  # fleets that are played on


@dataclass(frozen=True)
class LongRun:
    """What a pair does after an episode, in another one that goes on from there.

    Attributes:
        reward: team reward per tick.
        reward_error: its standard error.
        moved: share of robot-ticks in which a robot enters another place.
        held: share of robot-ticks in which a robot is held back at a full place.
        turns: share of ticks at which the coordinator changes its action.
    """

    reward: float
    reward_error: float
    moved: float
    held: float
    turns: float

    @property
    def stands_still(self) -> bool:
        """Whether robots hardly move, and the coordinator hardly ever changes its action."""
        return self.moved < SELDOM_MOVED and self.turns < SELDOM_TURNED

    def as_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {**asdict(self), "stands_still": self.stands_still}


def play_on(game: TabularGame, pair: Pair, comparison: PairComparison) -> tuple[LongRun, Occupancy] | None:
    """Play the pair on from where its measured episodes end; None for games on continuous states, which are no counts.

    Returns:
        what the pair does there; where its robots are.
    """
    end = comparison.play(pair, MEASURED).end
    if end is None:
        return None
    d = None if end.d is None else end.d[:_RUNS]
    played = comparison.play_from(pair, Fleets(end.s_g[:_RUNS], end.counts[:_RUNS], d))
    by_run = played.rewards.mean(axis=1)
    held = float(played.held.mean())
    done = LongRun(
        reward=float(by_run.mean()),
        reward_error=float(by_run.std(ddof=1) / np.sqrt(len(by_run))) if len(by_run) > 1 else float("inf"),
        moved=max(0.0, share_that_leaves(game, pair.pi_l, played.visits) - held),
        held=held,
        turns=float(played.turns.mean()),
    )
    return done, played.visits


def share_that_leaves(game: TabularGame, pi_l: LocalPolicy, visits: Occupancy) -> float:
    """The share of robot-ticks in which robots that were where `visits` says want to enter another place."""
    places = game.places or (game.room.places if game.room else Places.of_states(game.local_state_names))
    kernels, _ = game.under(pi_l.probabilities)
    place = np.tile(places.of, game.n_hidden_states)  # of every (d, s_l)
    leaves = np.stack([_leaving(P, place) for P in kernels])  # [s_g, (d, s_l)]
    weight = visits.by_state()
    return float((weight * leaves).sum() / weight.sum())


def _leaving(P: Sparse, place: IntArray) -> FloatArray:
    entries = P.tocoo()
    leaves = place[entries.row] != place[entries.col]
    return np.asarray(np.bincount(entries.row[leaves], entries.data[leaves], minlength=P.shape[0]), dtype=np.float64)
