"""Measures what a second policy earns more in the physical world: learn on the model, run, identify, learn again.

    python benchmarks/retrain_physical.py [--robots 20 --k 4 --ticks 8 --runs 3 --seeds 4 --figure retrain.png]

Runs are made by `altmarl fleet --backend physical`, over DDS, as fast as the robots can steer. Runs with the same seed start
from the same places, but are not equal to the last step. Each takes about a minute; it is kept in --folder and not repeated.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from altmarl_ros.cli.fleet_run import run_fleet
from altmarl_ros.deployment.fleet_plan import FleetPlan
from altmarl_ros.experiments.figure import panels
from altmarl_ros.files import write_output
from altmarl_ros.games import TabularGame, load_game, tick_of
from altmarl_ros.games.sources import save_identified_game
from altmarl_ros.games.trajectory import Trajectory
from altmarl_ros.learning.alternating import TrainingOptions
from altmarl_ros.plotting import BLUE, GREY, as_png
from altmarl_ros.policies import PolicyBundle, save_bundle
from altmarl_ros.records.run_record import RunRecord
from retraining import retrain


@dataclass
class PhysicalRuns:
    """A RunSource (retraining.py): robots on a simulated floor."""

    source: str
    robots: int
    k: int
    ticks: int
    folder: Path

    def __call__(self, game: TabularGame, bundle: PolicyBundle, seed: int) -> Trajectory:
        """See RunSource; `game` is that of the source, or one that was written to the folder."""
        kept = self.folder / f"run-{game.content_hash[:8]}-{bundle.content_hash[:8]}-{seed}.npz"
        if not kept.exists():
            written = self.folder / f"{game.content_hash[:16]}.yaml"
            period = tick_of(self.source)
            assert period is not None, f"{self.source} is not a floor"
            plan = FleetPlan(
                str(written) if written.exists() else self.source,
                save_bundle(bundle, self.folder / "bundle.npz"),
                self.robots,
                self.k,
                period=period,
                ticks=self.ticks + 1,
                seed=seed,
                backend="physical",
                real_time_factor=0.0,
            )
            run_fleet(plan, game, log_level="error").record().save(kept)
        return RunRecord.load(kept).trajectory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--game", default="hall")
    parser.add_argument("--robots", type=int, default=20)
    parser.add_argument("--k", type=int, default=4)
    parser.add_argument("--ticks", type=int, default=8)
    parser.add_argument("--runs", type=int, default=3, help="runs to identify from")
    parser.add_argument("--seeds", type=int, default=4, help="paired runs of the comparison")
    parser.add_argument("--folder", type=Path, default=Path("retrain-runs"))
    parser.add_argument("--figure", type=Path, default=Path("retrain.png"))
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    model = load_game(arguments.game)
    source = PhysicalRuns(arguments.game, arguments.robots, arguments.k, arguments.ticks, arguments.folder)
    options = TrainingOptions(K=arguments.k, runs=200, n=arguments.robots, certificate_runs=0)
    result = retrain(model, source, range(arguments.runs), options)
    save_identified_game(arguments.game, result.kernel, arguments.folder / f"{result.identified.content_hash[:16]}.yaml")
    seeds = range(1000, 1000 + arguments.seeds)
    first, second = (
        np.array([source(game, bundle, seed).rewards(model).mean() for seed in seeds])
        for game, bundle in ((model, result.first), (result.identified, result.second))
    )
    gains = second - first
    error = gains.std(ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else np.nan
    taken = "taken" if result.second is result.candidate else "not taken, the coordinator alone knows the identified kernel"
    console = Console(width=110)
    console.print(f"second pair on the identified game: {result.gain:+.3f} +- {result.gain_error:.3f} discounted, {taken}")
    console.print(f"reward per tick, first  {first.mean():.4f}: {first.round(3).tolist()}")
    console.print(f"reward per tick, second {second.mean():.4f}: {second.round(3).tolist()}")
    console.print(f"second - first {gains.mean():+.4f} +- {error:.4f} over {len(gains)} paired seeds")
    data = {"seeds": list(seeds), "first": first.tolist(), "second": second.tolist()}
    (arguments.folder / "rewards.json").write_text(json.dumps(data))
    command = f"benchmarks/retrain_physical.py --ticks {arguments.ticks} --runs {arguments.runs} --seeds {arguments.seeds}"
    figure, (axes,) = panels(1, command, width=6.0)
    for before, after in zip(first, second, strict=True):
        axes.plot([0, 1], [before, after], "o-", color=GREY, lw=1.0)
    axes.errorbar([0, 1], [first.mean(), second.mean()], [0.0, error], fmt="o-", color=BLUE, lw=2.0, capsize=3, label="mean")
    axes.set_xticks([0, 1], ["learned\non the model", "learned again\non what was identified"])
    axes.set_xlim(-0.4, 1.4)
    axes.set_ylabel("reward per tick in the physical world")
    axes.legend(frameon=False)
    write_output(arguments.figure, as_png(figure))


if __name__ == "__main__":
    main()
