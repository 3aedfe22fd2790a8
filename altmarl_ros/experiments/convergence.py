"""Team value and NashGap, best response by best response, of ALTERNATING-MARL.

Every seed is one training. Of the pair that is held after each step the value and the gains of deviations are
given (see `learning.certificate`; exact in teams small enough to enumerate). A training that has stopped stays
where it is while others go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from altmarl_ros.experiments.lab import Lab
from altmarl_ros.experiments.statistics import mean_and_error
from altmarl_ros.experiments.table import Row, Value, row
from altmarl_ros.experiments.task import Task
from altmarl_ros.experiments.tasks import ONE_THREAD
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.learning.alternating import Progress, TrainingOptions, train
from altmarl_ros.learning.equilibrium import nash_gap
from altmarl_ros.observation import DEFAULT_MODEL
from altmarl_ros.policies.counts import number_of_counts

GAINS = ("global_gain", "local_gain_all")
"""What NashGap is made of here: the gain of another pi_g of k reports, and of another pi_l of all robots."""

_NORMAL_95 = 1.959964


@dataclass(frozen=True)
class ConvergenceOptions:
    """K reports per tick; `runs` episodes per evaluation, `gap_runs` (twice) per NashGap."""

    k: int = 10
    robots: int = 1000
    runs: int = 400
    gap_runs: int = 400
    rounds: int = 5
    learn_for: str = DEFAULT_MODEL
    seeds: int = 4
    seed: int = 0


QUICK = ConvergenceOptions(k=2, robots=50, runs=50, gap_runs=40, rounds=2, seeds=2)


def convergence(game: TabularGame, options: ConvergenceOptions, lab: Lab) -> list[Row]:
    """Rows by step: value of candidate and of the held pair, whether it was kept, and the gains against the held pair."""
    parameters = {
        "K": options.k,
        "robots": options.robots,
        "runs": options.runs,
        "gap_runs": options.gap_runs,
        "rounds": options.rounds,
        "learn_for": options.learn_for,
    }
    cost = float(number_of_counts(options.k, game.n_local_states))
    seeds = range(options.seed, options.seed + options.seeds)
    trainings = lab.map("train", [Task(converge, game, None, {**parameters, "seed": seed}, cost) for seed in seeds])
    rows: list[Row] = []
    sizes = {"robots": options.robots, "runs": options.runs, "seeds": options.seeds}
    for i in range(max(len(steps) for steps in trainings)):
        steps = [steps[min(i, len(steps) - 1)] for steps in trainings]
        columns: dict[str, Value] = {"step": i + 1, "round": i // 2 + 1, "learner": ("global", "local")[i % 2]}
        for quantity, error in (("candidate_value", "candidate_error"), ("value", "error")):
            rows.append(row(columns, quantity, *_pooled(steps, quantity, error), **sizes))
        # One that has stopped keeps nothing more.
        kept = [bool(step["kept"]) and i < len(training) for step, training in zip(steps, trainings, strict=True)]
        rows.append(row(columns, "kept", float(np.mean(kept)), **sizes))
        for gain in GAINS:
            rows.append(row(columns, gain, *_pooled(steps, gain, f"{gain}_error"), **{**sizes, "runs": options.gap_runs}))
    return rows


def converge(
    game: TabularGame,
    bundle: None,
    *,
    K: int,
    robots: int,
    runs: int,
    gap_runs: int,
    rounds: int,
    learn_for: str,
    seed: int,
) -> list[dict[str, Any]]:
    """One training's steps with the NashGap of the pair held after each."""
    heard: list[Progress] = []
    options = TrainingOptions(
        K=K, n=robots, runs=runs, rounds=rounds, learn_for=learn_for, seed=seed, certificate_runs=0, g_learn=ONE_THREAD
    )
    train(game, options, lambda progress: heard.append(progress) if progress.step else None)
    steps: list[dict[str, Any]] = []
    for progress in heard:
        step, pair = progress.step, progress.pair
        assert step is not None
        assert pair is not None
        told: dict[str, Any] = {"candidate_value": step.value, "candidate_error": step.standard_error, "kept": step.kept}
        if step.kept:
            told.update(value=step.value, error=step.standard_error)
            gap = nash_gap(game, *pair, k=K, n=robots, runs=gap_runs, seed=seed, relearn=ONE_THREAD, model=learn_for)
            for gain in GAINS:
                interval = getattr(gap, gain)
                half = (interval.high - interval.low) / 2.0
                told[gain] = interval.estimate
                told[f"{gain}_error"] = half / _NORMAL_95 if np.isfinite(half) else 0.0
        else:
            told = {**steps[-1], **told}
        steps.append(told)
    return steps


def _pooled(steps: list[dict[str, Any]], quantity: str, error: str) -> tuple[float, float]:
    # The larger of what the episodes of each training say and what the trainings say among themselves.
    mean, between = mean_and_error([step[quantity] for step in steps])
    within = float(np.sqrt(sum(step[error] ** 2 for step in steps)) / len(steps))
    return mean, max(between, within)
