"""Simulated references for a recorded run: the rewards of fleets that start as the recorded one did."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games import TabularGame
from altmarl_ros.learning.evaluation import ALL_SEEN, RANDOM, Evaluation, common_start
from altmarl_ros.learning.horizon import discounted_horizon
from altmarl_ros.learning.populations.population import Fleets
from altmarl_ros.learning.rules_of_thumb import levels
from altmarl_ros.policies import PolicyBundle
from altmarl_ros.records.run_record import RunRecord

_LEVEL_RUNS = 200  # episodes in which levels are compared


@dataclass(frozen=True, eq=False)
class ReferenceRewards:
    """Team reward per tick [runs, T]: under the run's own rule, with every robot seen, and under random actions.

    Attributes:
        levels: discounted reward [runs] of rules of thumb and of the pair that knows more and more, by name, in games with a
            hidden state; else empty.
    """

    same_k: FloatArray
    all_seen: FloatArray
    random: FloatArray
    levels: dict[str, FloatArray]


def reference_rewards(
    record: RunRecord,
    game: TabularGame,
    bundle: PolicyBundle,
    runs: int,
    seed: int,
) -> ReferenceRewards:
    """Simulate `runs` fleets from the first tick of the record, for as many ticks as it has."""
    counts = record.occupancy(game.n_local_states)[0]
    d = record.trajectory.known_hidden_state(game)
    first = None if d is None else np.full(runs, d[0])
    start = Fleets(np.full(runs, record.global_state[0]), np.tile(counts, (runs, 1)), first)

    stage = Evaluation(game, bundle, start, len(record.tick), seed)
    return ReferenceRewards(
        stage.rollouts(str(record.about["model"]), int(record.about["k"])).rewards,
        stage.rollouts(ALL_SEEN, int(counts.sum())).rewards,
        stage.rollouts(RANDOM, 0).rewards,
        _levels(stage, game, int(record.about["k"])),
    )


def _levels(stage: Evaluation, game: TabularGame, k: int) -> dict[str, FloatArray]:
    if game.hidden is None or game.n_global_actions != game.n_global_states:
        return {}
    few = replace(
        stage, start=common_start(game, stage.start.n, _LEVEL_RUNS, stage.seed), horizon=discounted_horizon(game.gamma)
    )
    return {name: played.returns for name, played in levels(few, sorted({0, 1, k}), max(1, k)).items()}
