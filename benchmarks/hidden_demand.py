"""What reports are worth where demand is hidden: python benchmarks/hidden_demand.py [--runs 200] [--robots 60].

The game of four corners (builder `deliveries`) with the constants of our prototype: loads appear at one hidden corner, which
moves on every 100 ticks; robots carry them to wherever the crew stands. The columns are what a robot earns, discounted, in the
same episodes. Rules of thumb: the crew stays in one corner, goes round, or goes where most loads wait, among 3 robots that are
heard or among all; robots answer each rule by L-LEARN, and the better of that and of the learned pair's robots is counted.
Ours: the learned pair with k reports per tick, all robots seen, and the coordinator told the hidden corner. Below are the ticks
after a switch until the belief's best guess is right and stays so for 5 ticks (median), and how often a belief is right by what
it says.
"""

from __future__ import annotations

import argparse
import time
from itertools import pairwise

import numpy as np
from rich.console import Console
from rich.table import Table

from altmarl_ros.games import TabularGame, load_game
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.learning.evaluation import ALL_SEEN, TOLD, Evaluation, common_start
from altmarl_ros.learning.local_agent import l_learn
from altmarl_ros.learning.populations.population import CountedPopulation, Rollouts, simulate, start_fleets
from altmarl_ros.observation.switching import SwitchingEstimate
from altmarl_ros.policies import LocalPolicy

TICKS = 200
GAMES = {
    "walk 0.2, dwell 100, crew 0.3": {},
    "walk 0.3, dwell 60, crew 0.5": {"walk_rate": 0.3, "dwell": 60.0, "crew_rate": 0.5, "elsewhere_rate": 0.05},
}
PROTOTYPE = (
    {"fixed": 22.6, "longest queue, 3 heard": 30.2, "longest queue, all seen": 35.7}
    | {"k = 0": 27.3, "k = 1": 39.2, "k = 3": 45.5, "k = 10": 49.1, "all seen": 53.6, "told": 58.2},
    {"fixed": 31.7, "longest queue, 3 heard": 36.0, "longest queue, all seen": 37.1}
    | {"k = 0": 34.8, "k = 1": 41.3, "k = 3": 46.1, "k = 10": 50.2, "all seen": 54.7, "told": 61.6},
)


class Rule:
    """A coordinator's rule of thumb, with the interface of an observation model."""

    turnover = 1.0

    def reset(self, runs: int) -> None:
        self.tick = 0

    def decide(self, s_g: np.ndarray, reports: np.ndarray, n: int) -> np.ndarray:
        self.tick += 1
        return self.chosen(s_g, reports)


class Fixed(Rule):
    """Stays at the first stop."""

    def chosen(self, s_g: np.ndarray, reports: np.ndarray) -> np.ndarray:
        return np.zeros(len(s_g), dtype=np.int64)


class Cyclic(Rule):
    """Goes on to the next stop after so many ticks."""

    def __init__(self, stops: int, ticks: int) -> None:
        self.stops, self.ticks = stops, ticks

    def chosen(self, s_g: np.ndarray, reports: np.ndarray) -> np.ndarray:
        return np.full(len(s_g), self.tick // self.ticks % self.stops)


class LongestQueue(Rule):
    """Goes where most of the robots that were heard could be served, and stays where it is if that is as good."""

    def __init__(self, game: TabularGame) -> None:
        assert game.hidden is not None
        S_l, S_g, _ = game.r_l.shape
        self.served = (game.hidden.r_l.reshape(S_l, len(game.hidden), S_g, -1).max(axis=(1, 3)) > 0).astype(np.int64)

    def chosen(self, s_g: np.ndarray, reports: np.ndarray) -> np.ndarray:
        waiting = 2 * reports @ self.served
        waiting[np.arange(len(s_g)), s_g] += 1
        return waiting.argmax(axis=1)


def answered(game: TabularGame, rule: Rule, k: int, robots: list[LocalPolicy], options: argparse.Namespace) -> Rollouts:
    """The rule's episodes with the robots that serve it best: those given, and L-LEARN's answers to it."""
    start = common_start(game, options.robots, options.runs, 1)
    found: list[Rollouts] = []
    for pi_l in robots:
        for _ in range(3):
            rng = np.random.default_rng([1, 1])
            played = simulate(game, pi_l, rule, k=k, start=start, horizon=TICKS, rng=rng)
            found.append(played)
            pi_l = l_learn(game, played.visits, given=pi_l).pi_l
    return max(found, key=lambda played: played.value)


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--robots", type=int, default=60)
    parser.add_argument("--runs", type=int, default=200, help="episodes")
    options = parser.parse_args()
    console = Console()
    for (title, changes), prototype in zip(GAMES.items(), PROTOTYPE, strict=True):
        game = load_game("deliveries", changes)
        began = time.perf_counter()
        bundle = train(game, TrainingOptions(K=3, n=options.robots))
        seconds = time.perf_counter() - began
        table = Table(title=f"{title}: trained in {seconds:.1f} s; n = {options.robots}", title_justify="left")
        for column in ("", "value", "± s.e.", "prototype", "less k = 1, paired"):
            table.add_column(column, justify="right" if column else "left")
        evaluation = Evaluation(game, bundle, common_start(game, options.robots, options.runs, 1), TICKS, 1)
        robots = [bundle.pi_l, LocalPolicy.uniform(game)]
        stops = game.n_global_states
        rows = {
            "fixed": answered(game, Fixed(), 0, robots, options),
            "cyclic": max((answered(game, Cyclic(stops, t), 0, robots, options) for t in (10, 25)), key=lambda r: r.value),
            "longest queue, 3 heard": answered(game, LongestQueue(game), 3, robots, options),
            "longest queue, all seen": answered(game, LongestQueue(game), options.robots, robots, options),
            **{f"k = {k}": evaluation.rollouts("filtered", k) for k in (0, 1, 3, 10)},
            "all seen": evaluation.rollouts(ALL_SEEN, 0),
            "told": evaluation.rollouts(TOLD, 0),
        }
        for name, played in rows.items():
            difference = rows["k = 1"].returns - played.returns
            error = difference.std(ddof=1) / np.sqrt(len(difference))
            paired = "" if name == "k = 1" else f"{difference.mean():+.2f} ± {error:.2f}"
            known = str(prototype.get(name, ""))
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
        for k in (1, 3, 10):
            said, truth = beliefs(game, bundle, k, options.robots, options.runs)
            flat, right = said.reshape(-1, said.shape[2]), np.eye(said.shape[2])[truth.ravel()]
            cells = []
            for low, high in pairwise(edges):
                chosen = (flat >= low) & (flat <= high)
                cells.append(f"{flat[chosen].mean():.2f} / {right[chosen].mean():.2f}" if chosen.any() else "")
            table.add_row(str(k), f"{np.median(delays(said, truth)):.0f}", *cells)
        console.print(table)


if __name__ == "__main__":
    main()
