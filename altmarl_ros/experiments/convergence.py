"""Experiment `convergence`: team value and NashGap of ALTERNATING-MARL after every best response.

Every seed is one training. After each step the table gives the value of the pair that is held, and what the team could
still gain from deviations of it (see `learning.equilibrium`; exact in teams small enough to enumerate). A training
that has stopped keeps its last pair while others go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Sequence

import numpy as np

from altmarl_ros.experiments.figure import curve, panels
from altmarl_ros.experiments.learn_and_play import ONE_THREAD
from altmarl_ros.experiments.statistics import mean_and_error
from altmarl_ros.experiments.table import Row, Value, pick, row, series
from altmarl_ros.experiments.task import Task
from altmarl_ros.experiments.task_runner import TaskRunner
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.learning.alternating import Progress, TrainingOptions, train
from altmarl_ros.learning.gaps.equilibrium import nash_gap
from altmarl_ros.observation import DEFAULT_MODEL
from altmarl_ros.plotting import BLUE, GREY, ORANGE
from altmarl_ros.policies.counts import number_of_counts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GAINS = ("global_gain", "local_gain_all")
"""The parts of the NashGap that are reported: the gain from another pi_g of k reports, and from another pi_l of all robots."""

_NORMAL_95 = 1.959964


@dataclass(frozen=True)
class ConvergenceOptions:
    """What is trained: `k` reports per tick, `runs` episodes per evaluation, twice `gap_runs` episodes per NashGap."""

    k: int = 10
    robots: int = 1000
    runs: int = 400
    gap_runs: int = 400
    rounds: int = 5
    learn_for: str = DEFAULT_MODEL
    seeds: int = 4
    seed: int = 0


QUICK = ConvergenceOptions(k=2, robots=50, runs=50, gap_runs=40, rounds=2, seeds=2)


def convergence(game: TabularGame, options: ConvergenceOptions, runner: TaskRunner) -> list[Row]:
    """Train once per seed; rows by step: values of candidate and held pair, share kept, gains against the held pair."""
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
    trainings = runner.map("train", [Task(converge, game, None, {**parameters, "seed": seed}, cost) for seed in seeds])
    rows: list[Row] = []
    sizes = {"robots": options.robots, "runs": options.runs, "seeds": options.seeds}
    for i in range(max(len(steps) for steps in trainings)):
        steps = [steps[min(i, len(steps) - 1)] for steps in trainings]
        columns: dict[str, Value] = {"step": i + 1, "round": i // 2 + 1, "learner": ("global", "local")[i % 2]}
        for quantity, error in (("candidate_value", "candidate_error"), ("value", "error")):
            rows.append(row(columns, quantity, *_pooled(steps, quantity, error), **sizes))
        # A training that has stopped keeps no further candidate.
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
    """Train one pair of policies; returns its steps with the NashGap of the pair that is held after each."""
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
    """Mean over trainings, and its standard error: the larger of that within trainings and that between them."""
    mean, between = mean_and_error([step[quantity] for step in steps])
    within = float(np.sqrt(sum(step[error] ** 2 for step in steps)) / len(steps))
    return mean, max(between, within)


def draw_convergence(rows: Sequence[Row], caption: str = "") -> Figure:
    """Draw, step by step, the value of the held pair and of the candidates, and the gains against the held pair."""
    figure, (value, gap) = panels(2, caption, height=4.4, width=11)
    curve(value, pick(rows, quantity="candidate_value"), "candidate of the step", GREY, x="step", line="x:")
    curve(value, pick(rows, quantity="value"), "pair held after it", BLUE, x="step")
    value.set_ylabel("discounted team reward")
    value.legend(frameon=False, loc="lower right")
    curve(gap, pick(rows, quantity="global_gain"), "of another coordinator policy of k reports", BLUE, x="step")
    curve(gap, pick(rows, quantity="local_gain_all"), "of another policy of all robots", ORANGE, x="step")
    gap.axhline(0.0, color=GREY, lw=0.8)
    gap.set_ylabel("NashGap: gain of a deviation that was found")
    low, high = gap.get_ylim()
    gap.set_ylim(low, high + 0.2 * (high - low))
    gap.legend(frameon=False, loc="upper right")
    steps = [int(x) for x in series(pick(rows, quantity="value"), "step")[0]]
    names = {int(each["step"]): f"{'G' if each['learner'] == 'global' else 'L'}{each['round']}" for each in rows}
    for axes in (value, gap):
        axes.set_xticks(steps, [names[step] for step in steps])
        axes.set_xlabel("best response: G(lobal) or L(ocal), round")
    return figure
