"""Beside the field's algorithms: python benchmarks/peers.py [--seeds 3] [--updates 64] [--figure peers.png].

PPO of a well-kept library (skrl on JAX, small networks, CPU) learns a coordinator of two of our games, in the Gymnasium
environment that this package offers. Its robots act by the policy that our learner found: PPO is given that half of the
solution and learns the coordinator alone, once from what the coordinator hears in the tick, and once from our filter's estimate
as well. Our learner learns both policies, from nothing but the game's tables, which PPO does not get.

All are judged in the same episodes of the same environment, each with its most likely action: the discounted reward of the team
from the game's start. Seconds are those of the processor in all threads, since machines are shared; those in which policies are
judged do not count, nor does what numba and JAX compile. Curves are kept in a file as they come (--curves), and a second run
goes on from there.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, Callable

import numpy as np
from rich.console import Console
from rich.table import Table

from altmarl_ros.environments import coordinator_environments
from altmarl_ros.games import TabularGame, load_game
from altmarl_ros.learning.alternating import Progress, TrainingOptions, train
from altmarl_ros.learning.horizon import discounted_horizon
from altmarl_ros.plotting import BLUE, GREEN, GREY, ORANGE, as_png, new_figure, tidy
from altmarl_ros.policies import LocalPolicy, PolicyBundle

FLEETS, EPISODE = 64, 200  # of PPO's training: fleets side by side, ticks of an episode
JUDGED, JUDGES_SEED = 200, 12345  # episodes by which everybody is judged
OURS, PPO_HEARS, PPO_ESTIMATE = "ours, both policies", "PPO, what it hears", "PPO, and our estimate"
COLOURS = {OURS: GREEN, PPO_HEARS: BLUE, PPO_ESTIMATE: ORANGE}


@dataclass(frozen=True)
class Case:
    """A game, and the fleet that plays it."""

    name: str
    robots: int
    k: int


CASES = (Case("warehouse", 200, 5), Case("deliveries", 60, 3))


@dataclass(frozen=True)
class Curve:
    """Discounted reward by processor seconds of one training, and ticks of the simulator that it took."""

    game: str
    learner: str
    seed: int
    seconds: list[float]
    values: list[float]
    ticks: int


def judged(
    game: TabularGame, case: Case, bundle: PolicyBundle, choose: Callable[[Any, Any], np.ndarray], **options: Any
) -> float:
    """The mean discounted reward of a coordinator in the common episodes."""
    from gymnasium.wrappers.vector import FlattenObservation

    horizon = discounted_horizon(game.gamma)
    fleets = coordinator_environments(game, bundle, fleets=JUDGED, robots=case.robots, k=case.k, horizon=horizon + 1, **options)
    flat = FlattenObservation(fleets)
    observation, info = flat.reset(seed=JUDGES_SEED)
    total = np.zeros(JUDGED)
    for tick in range(horizon):
        observation, reward, _, _, info = flat.step(choose(observation, info))
        total += game.gamma**tick * reward
    return float(total.mean())


def ours(game: TabularGame, case: Case, seed: int) -> tuple[PolicyBundle, Curve]:
    """Train our pair; the curve has the pair held after every step."""
    began, held = time.process_time(), []

    def note(progress: Progress) -> None:
        if progress.pair is not None:
            held.append((time.process_time() - began, progress.pair))

    bundle = train(game, TrainingOptions(K=case.k, n=case.robots, seed=seed, certificate_runs=0), note)
    seconds = [0.0, *(at for at, _ in held), time.process_time() - began]
    pairs = [*(pair for _, pair in held), (bundle.pi_g, bundle.pi_l)]
    values = [at_random(game, case)]
    for pi_g, pi_l in pairs:
        pair = replace(bundle, pi_g=pi_g, pi_l=pi_l)
        values.append(judged(game, case, pair, lambda _, info: info["learned_action"], estimate=True))
    return bundle, Curve(case.name, OURS, seed, seconds, values, 0)


def compile_loops(game: TabularGame, case: Case) -> None:
    """Compile what our learner calls."""
    short = TrainingOptions(K=case.k, n=4, runs=4, horizon=4, rounds=1, certificate_runs=0, search_seconds=0.01)
    train(game, short)


def at_random(game: TabularGame, case: Case, pi_l: LocalPolicy | None = None) -> float:
    """What a coordinator earns that acts at random, with robots that do so as well or act by pi_l."""
    rng = np.random.default_rng(7)
    return judged(game, case, pi_l, lambda *_: rng.integers(game.n_global_actions, size=JUDGED))


def ppo(game: TabularGame, case: Case, bundle: PolicyBundle, *, estimate: bool, seed: int, updates: int) -> Curve:
    """Train PPO on the coordinator, whose robots act by the bundle's policy."""
    import peer_ppo
    from gymnasium.wrappers.vector import FlattenObservation

    fleets = coordinator_environments(
        game, bundle, fleets=FLEETS, robots=case.robots, k=case.k, horizon=EPISODE, estimate=estimate
    )
    peer_ppo.compile_once(FlattenObservation(fleets), game.gamma)
    checkpoints = peer_ppo.train(FlattenObservation(fleets), game.gamma, updates=updates, seed=seed)
    values = [judged(game, case, bundle, lambda seen, _, c=c: c.decide(seen), estimate=estimate) for c in checkpoints]
    return Curve(
        case.name,
        PPO_ESTIMATE if estimate else PPO_HEARS,
        seed,
        [c.seconds for c in checkpoints],
        values,
        checkpoints[-1].ticks,
    )


def picture(results: dict[Case, list[Curve]]) -> bytes:
    """Draw reward against processor seconds, one panel for each game; thin lines are single seeds."""
    figure = new_figure(4.4, 11.0)
    for axes, (case, curves) in zip(figure.subplots(1, len(results), squeeze=False)[0], results.items(), strict=True):
        tidy(axes)
        for name, colour in COLOURS.items():
            own = [curve for curve in curves if curve.learner == name]
            if not own:
                continue
            for curve in own:
                axes.plot(curve.seconds, curve.values, color=colour, lw=0.8, alpha=0.5)
            points = min(len(curve.values) for curve in own)
            seconds, values = (np.mean([getattr(c, what)[:points] for c in own], axis=0) for what in ("seconds", "values"))
            axes.plot(seconds, values, color=colour, lw=2.2, label=name)
        final = np.mean([curve.values[-1] for curve in curves if curve.learner == OURS])
        axes.axhline(final, color=GREY, lw=0.8, ls=":")
        axes.set_xscale("symlog", linthresh=0.1)
        axes.set_xlim(left=0.0)
        axes.set_xlabel("processor seconds of training")
        axes.set_ylabel("discounted team reward")
        axes.set_title(f"{case.name}: {case.robots} robots, {case.k} reports a tick", loc="left", fontsize=11)
        axes.legend(loc="lower right", frameon=False)
    return as_png(figure)


def table(case: Case, curves: list[Curve]) -> Table:
    """What each learner reached, and when it first had 95 and 99 % of our mean."""
    final = float(np.mean([curve.values[-1] for curve in curves if curve.learner == OURS]))
    shown = Table(title=f"{case.name}, n = {case.robots}, k = {case.k}, {JUDGED} episodes", title_justify="left")
    for column in ("", "seed", "value", "of ours", "CPU s", "s to 95 %", "s to 99 %", "ticks simulated"):
        shown.add_column(column, justify="right" if column else "left")
    for curve in curves:
        reached = []
        for share in (0.95, 0.99):
            at = next((s for s, v in zip(curve.seconds, curve.values, strict=True) if v >= share * final), None)
            reached.append("never" if at is None else f"{at:.1f}")
        shown.add_row(
            curve.learner,
            str(curve.seed),
            f"{curve.values[-1]:.2f}",
            f"{100 * curve.values[-1] / final:.1f} %",
            f"{curve.seconds[-1]:.1f}",
            *reached,
            f"{curve.ticks:,}" if curve.ticks else "none: tables",
        )
    return shown


class Kept:
    """Curves in a file of JSON lines, by game, learner and seed."""

    def __init__(self, path: Path | None) -> None:
        self._path, self.curves = path, []
        if path is not None and path.exists():
            self.curves = [Curve(**json.loads(line)) for line in path.read_text().splitlines()]

    def has(self, case: Case, learner: str, seed: int) -> bool:
        return any((c.game, c.learner, c.seed) == (case.name, learner, seed) for c in self.curves)

    def add(self, curve: Curve) -> None:
        self.curves.append(curve)
        if self._path is not None:
            with self._path.open("a") as file:
                file.write(json.dumps(asdict(curve)) + "\n")

    def of(self, case: Case) -> list[Curve]:
        order = list(COLOURS)
        own = [curve for curve in self.curves if curve.game == case.name]
        return sorted(own, key=lambda curve: (order.index(curve.learner), curve.seed))


def learn(case: Case, kept: Kept, seed: int, updates: int) -> None:
    """Train everybody on a game with one seed, as far as it is not kept already."""
    if all(kept.has(case, learner, seed) for learner in COLOURS):
        return
    game = load_game(case.name)
    compile_loops(game, case)
    bundle, curve = ours(game, case, seed)
    if not kept.has(case, OURS, seed):
        kept.add(curve)
    for learner in (PPO_HEARS, PPO_ESTIMATE):
        if not kept.has(case, learner, seed):
            kept.add(ppo(game, case, bundle, estimate=learner == PPO_ESTIMATE, seed=seed, updates=updates))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--updates", type=int, default=64, help="updates of PPO, each after 64 ticks of 64 fleets")
    parser.add_argument("--game", choices=[case.name for case in CASES], help="only this game")
    parser.add_argument("--curves", type=Path, help="keep the curves in this file, and go on from those in it")
    parser.add_argument("--drawn-only", action="store_true", help="train nothing: show the curves that are kept")
    parser.add_argument("--figure", type=Path, help="also write the picture into this file (.png)")
    options = parser.parse_args()
    console, kept = Console(width=128), Kept(options.curves)
    console.print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores")
    cases = [case for case in CASES if options.game in (None, case.name)]
    if not options.drawn_only:
        for seed, case in product(range(options.seeds), cases):
            learn(case, kept, seed, options.updates)
    shown = {case: kept.of(case) for case in CASES if kept.of(case)}
    for case, curves in shown.items():
        console.print(table(case, curves))
        game = load_game(case.name)
        console.print(f"coordinator and robots that act at random: {at_random(game, case):.2f}")
    if options.figure is not None:
        options.figure.write_bytes(picture(shown))


if __name__ == "__main__":
    main()
