"""What reports are worth where demand is hidden: python benchmarks/hidden_demand.py [--runs 200] [--figure reliability.png].

The game of four corners (builder `deliveries`) with the constants of our prototype: loads appear at one hidden corner, which
moves on every 100 ticks; robots carry them to wherever the crew stands. The columns are what a robot earns, discounted, in the
same episodes. Rules of thumb: the crew stays in one corner, goes round, or goes where most loads wait, among 3 robots that are
heard or among all; robots answer each rule by L-LEARN, and the better of that and of the learned pair's robots is counted.
Ours: the learned pair with k reports per tick, all robots seen, and the coordinator told the hidden corner. Below are the ticks
after a switch until the belief's best guess is right and stays so for 5 ticks (median), and how often a belief is right by what
it says; `--figure reliability.png` draws it.
"""

from __future__ import annotations

import argparse
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from altmarl_ros.games import TabularGame, load_game
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.learning.evaluation import Evaluation, common_start
from altmarl_ros.learning.populations.population import CountedPopulation, start_fleets
from altmarl_ros.learning.rules_of_thumb import levels
from altmarl_ros.observation.switching import SwitchingEstimate
from altmarl_ros.plotting import BLUE, GREEN, GREY, ORANGE, as_png, new_figure, tidy

TICKS = 200
GAMES = {
    "walk 0.2, dwell 100, crew 0.3": {"dwell": 100.0},
    "walk 0.3, dwell 60, crew 0.5": {"walk_rate": 0.3, "dwell": 60.0, "crew_rate": 0.5, "elsewhere_rate": 0.05},
}
PROTOTYPE = (
    (22.6, None, 30.2, 35.7, 27.3, 39.2, 45.5, 49.1, 53.6, 58.2),
    (31.7, None, 36.0, 37.1, 34.8, 41.3, 46.1, 50.2, 54.7, 61.6),
)  # of the rows of `levels`


def beliefs(game: TabularGame, bundle, k: int, n: int, runs: int) -> tuple[np.ndarray, np.ndarray]:
    """Beliefs [T, R, D] and true hidden states [T, R] of the learned pair with k reports."""
    rng = np.random.default_rng(3)
    population = CountedPopulation(game, bundle.pi_l, start_fleets(game, n, runs, rng))
    estimate = SwitchingEstimate(game, bundle.pi_l)
    estimate.reset(runs)
    said, truth = [], []
    for _ in range(2 * TICKS):
        estimate.observe(population.s_g, population.poll(k, 1.0, rng), n)
        said.append(estimate.belief)
        truth.append(population.d)
        population.step(bundle.pi_g.act_on_shares(population.s_g, estimate.joint), rng)
    return np.array(said), np.array(truth)


def delays(said: np.ndarray, truth: np.ndarray, steady: int = 5, most: int = 100) -> list[int]:
    """Ticks from each switch until the best guess is right for `steady` ticks; `most` if it is not, or d moves on before."""
    right = said.argmax(axis=2) == truth
    found = []
    for run in range(truth.shape[1]):
        for t in np.flatnonzero(np.diff(truth[:, run])) + 1:
            window = right[t : t + most + steady, run]
            if len(window) < most + steady:
                continue
            hits = np.flatnonzero(np.convolve(window, np.ones(steady), "valid") == steady)
            found.append(int(hits[0]) if len(hits) else most)
    return found


def reliability(said: np.ndarray, truth: np.ndarray, edges: np.ndarray) -> list[tuple[float, float]]:
    """What is believed on average and how often it is right, for beliefs between two edges each; NaN where there are none."""
    flat, right = said.reshape(-1, said.shape[2]), np.eye(said.shape[2])[truth.ravel()]
    chosen = [(flat >= low) & (flat <= high) for low, high in pairwise(edges)]
    return [(flat[each].mean(), right[each].mean()) if each.any() else (np.nan, np.nan) for each in chosen]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--robots", type=int, default=60)
    parser.add_argument("--runs", type=int, default=200, help="episodes")
    parser.add_argument("--figure", type=Path, help="picture of how often beliefs are right")
    options = parser.parse_args()
    figure = new_figure(4.2, 9.0)
    panels = figure.subplots(1, len(GAMES), sharey=True)
    console = Console()
    for (title, changes), prototype, axes in zip(GAMES.items(), PROTOTYPE, panels, strict=True):
        axes.plot([0, 1], [0, 1], color=GREY, lw=1, ls=":")
        axes.set(title=title, xlabel="believed probability of a hot corner", ylabel="how often it is hot")
        tidy(axes)
        game = load_game("deliveries", changes)
        began = time.perf_counter()
        bundle = train(game, TrainingOptions(K=3, n=options.robots))
        seconds = time.perf_counter() - began
        table = Table(title=f"{title}: trained in {seconds:.1f} s; n = {options.robots}", title_justify="left")
        for column in ("", "value", "± s.e.", "prototype", "less k = 1, paired"):
            table.add_column(column, justify="right" if column else "left")
        evaluation = Evaluation(game, bundle, common_start(game, options.robots, options.runs, 1), TICKS, 1)
        rows = levels(evaluation, (0, 1, 3, 10), 3)
        for (name, played), reference in zip(rows.items(), prototype, strict=True):
            difference = rows["learned, k = 1"].returns - played.returns
            error = difference.std(ddof=1) / np.sqrt(len(difference))
            paired = "" if name == "learned, k = 1" else f"{difference.mean():+.2f} ± {error:.2f}"
            known = "" if reference is None else str(reference)
            table.add_row(name, f"{played.value:.2f}", f"{played.standard_error:.2f}", known, paired)
        console.print(table)
        table = Table(title="the belief", title_justify="left")
        edges = np.array([0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0])
        for column in (
            "k",
            "ticks to a new hot corner",
            *(f"says {a:g}..{b:g}" for a, b in pairwise(edges)),
        ):
            table.add_column(column, justify="right")
        for k, color in ((1, BLUE), (3, ORANGE), (10, GREEN)):
            said, truth = beliefs(game, bundle, k, options.robots, options.runs)
            found = reliability(said, truth, edges)
            cells = ["" if np.isnan(believed) else f"{believed:.2f} / {right:.2f}" for believed, right in found]
            axes.plot(*np.transpose(reliability(said, truth, np.linspace(0, 1, 21))), "o-", color=color, ms=3, label=f"k = {k}")
            table.add_row(str(k), f"{np.median(delays(said, truth)):.0f}", *cells)
        console.print(table)
        axes.legend(frameon=False)
    if options.figure:
        options.figure.write_bytes(as_png(figure))


if __name__ == "__main__":
    main()
