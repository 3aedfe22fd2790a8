"""Simulated references for a recorded run: the rewards of fleets that start as the recorded one did."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import TabularGame
from altmarl_ros.games.trajectory import UNKNOWN, IntArray
from altmarl_ros.learning.evaluation import ALL_SEEN, RANDOM, Evaluation, common_start
from altmarl_ros.learning.horizon import discounted_horizon
from altmarl_ros.learning.populations.population import Fleets
from altmarl_ros.learning.rules_of_thumb import levels
from altmarl_ros.policies import PolicyBundle, load_bundle
from altmarl_ros.records.robot_states import told_states
from altmarl_ros.records.run_record import RunRecord
from altmarl_ros.records.segments import Segment, segments

_LEVEL_RUNS = 200  # episodes in which levels are compared


@dataclass(frozen=True, eq=False)
class ReferenceRewards:
    """Team reward per tick [runs, T]: under the run's own rule, with every robot seen, and under random actions.

    Each segment of the run has references that start as it did; NaN in segments whose policy is not on this machine.

    Attributes:
        segments: of the run, which were decided in different ways.
        levels: discounted reward [runs] of rules of thumb and of the pair that knows more and more, by name, in games with a
            hidden state; else empty.
    """

    segments: tuple[Segment, ...]
    same_k: FloatArray
    all_seen: FloatArray
    random: FloatArray
    levels: dict[str, FloatArray]


def reference_rewards(record: RunRecord, game: TabularGame, runs: int, seed: int) -> ReferenceRewards:
    """Simulate `runs` fleets from the first tick of each segment of the record, for as many ticks as it has.

    Raises:
        KeyError: the record does not say its k, model or policy.
        AltmarlError: the policy of no segment is on this machine.
    """
    parts, levels_of = [], {}
    divided = segments(record.about, len(record.tick))
    for segment in divided:
        try:
            bundle = _bundle(segment, game)
        except AltmarlError:
            if len(divided) == 1:
                raise
            parts.append(np.full((3, runs, segment.end - segment.begin), np.nan))
            continue
        stage = _stage(record, game, bundle, segment, runs=runs, seed=seed)
        rules = ((segment.model, segment.k), (ALL_SEEN, stage.start.n), (RANDOM, 0))
        parts.append(np.stack([stage.rollouts(rule, k).rewards for rule, k in rules]))
        if len(divided) == 1:
            levels_of = _levels(stage, game, segment.k)
    whole = np.concatenate(parts, axis=2)
    if np.isnan(whole).all():
        raise AltmarlError("none of the policies of the run is on this machine: there is nothing to compare it with")
    return ReferenceRewards(tuple(divided), whole[0], whole[1], whole[2], levels_of)


def _bundle(segment: Segment, game: TabularGame) -> PolicyBundle:
    """Load the policy of a segment.

    Raises:
        AltmarlError: it is not on this machine.
    """
    if not segment.policy:
        raise AltmarlError(f"the file of policy {segment.policy_id:08x} is not known")
    bundle = load_bundle(segment.policy, game, same_rewards=False)
    if segment.policy_id and bundle.policy_id != segment.policy_id:
        raise AltmarlError(f"{segment.policy} is not policy {segment.policy_id:08x} any more")
    return bundle


def _stage(record: RunRecord, game: TabularGame, bundle: PolicyBundle, segment: Segment, *, runs: int, seed: int) -> Evaluation:
    counts = _first_counts(record, game, segment)
    first = _first_hidden_states(record, game, segment.begin, runs=runs, seed=seed)
    start = Fleets(np.full(runs, record.global_state[segment.begin]), np.tile(counts, (runs, 1)), first)
    return Evaluation(game, bundle, start, segment.end - segment.begin, seed)


def _first_counts(record: RunRecord, game: TabularGame, segment: Segment) -> IntArray:
    """Count the robots in each local state at a segment's first tick [S_l].

    Where robots told their states, one that has not acted yet is counted where it is known first.
    """
    states = record.local_state[segment.begin : segment.end]
    first = states[0]
    if told_states(record.about) is not None:
        first = np.take_along_axis(states, (states != UNKNOWN).argmax(axis=0)[None], axis=0)[0]
    return np.bincount(first[first != UNKNOWN], minlength=game.n_local_states)


def _first_hidden_states(record: RunRecord, game: TabularGame, begin: int, *, runs: int, seed: int) -> IntArray | None:
    """Return the hidden state with which each simulated fleet begins [runs], drawn from the belief where it is not known."""
    if game.hidden is None:
        return None
    known = UNKNOWN if record.hidden_state is None else int(record.hidden_state[begin])
    if known != UNKNOWN:
        return np.full(runs, known)
    if record.belief is None:
        record.trajectory.known_hidden_state(game)  # says what the record lacks
    assert record.belief is not None
    believed = record.belief[begin] / record.belief[begin].sum()
    return np.random.default_rng(seed).choice(len(believed), size=runs, p=believed)


def _levels(stage: Evaluation, game: TabularGame, k: int) -> dict[str, FloatArray]:
    if game.hidden is None or game.n_global_actions != game.n_global_states:
        return {}
    few = replace(
        stage, start=common_start(game, stage.start.n, _LEVEL_RUNS, stage.seed), horizon=discounted_horizon(game.gamma)
    )
    return {name: played.returns for name, played in levels(few, sorted({0, 1, k}), max(1, k)).items()}
