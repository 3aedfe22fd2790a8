"""`altmarl train`: learn a policy bundle, and the bundle that other commands take by default."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Optional

import typer
from rich.progress import Progress

from altmarl_ros.cli import console
from altmarl_ros.cli.console import Game, Json, LearnFor, Seed
from altmarl_ros.cli.gap_text import gap_line
from altmarl_ros.errors import BundleError
from altmarl_ros.files import check_writable
from altmarl_ros.games import TabularGame, load_game
from altmarl_ros.observation import DEFAULT_MODEL
from altmarl_ros.policies import PolicyBundle, load_bundle, save_bundle
from altmarl_ros.policies.bundle import default_path, default_top_rung


@dataclass
class TrainingProgress:
    """Shows rounds with their values, then rungs, with the time left."""

    total_rungs: int
    _bar: Progress = field(init=False)

    def __enter__(self) -> "TrainingProgress":
        self._bar = console.progress()
        self._bar.start()
        self._rounds = self._bar.add_task("rounds", total=None)
        self._rungs = self._bar.add_task("ladder", total=self.total_rungs, start=False)
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, progress: object) -> None:
        """Show one Progress of `learning.alternating`."""
        from altmarl_ros.learning.alternating import Progress as LearningProgress

        assert isinstance(progress, LearningProgress)
        if progress.step is not None:
            step = progress.step
            verdict = "kept" if step.kept else "not kept"
            self._bar.console.print(
                f"round {step.round + 1}  {step.learner:<6}  value {step.value:8.2f} ± {step.standard_error:.2f}   "
                f"gain {step.gain:+7.2f} ± {step.gain_error:.2f}   {verdict}   {step.seconds:.1f} s"
            )
            self._bar.update(self._rounds, completed=progress.done, total=progress.total)
        else:
            if progress.done == 1:
                self._bar.update(self._rounds, total=self._bar.tasks[0].completed)
                self._bar.start_task(self._rungs)
            self._bar.update(self._rungs, completed=progress.done)


def train(
    game: Game = "warehouse",
    out: Annotated[
        Optional[Path], typer.Option("--out", "-o", help="File to write; default: where other commands look.")
    ] = None,
    k: Annotated[
        Optional[int],
        typer.Option(
            "--k", "-k", min=0, help="Highest number of reports per tick, the ladder's top rung; default: 25 or less."
        ),
    ] = None,
    backup: Annotated[
        str,
        typer.Option(
            autocompletion=console.completing("auto", "exact", "sampled", "mean_field"),
            help="auto, exact, sampled or mean_field.",
        ),
    ] = "auto",
    rounds: Annotated[int, typer.Option(min=1, help="Most rounds of best responses.")] = 10,
    robots: Annotated[int, typer.Option("--robots", "-n", min=1, help="Robots in the evaluations.")] = 1000,
    runs: Annotated[
        Optional[int], typer.Option(min=2, help="Episodes per evaluation; default: 400, or 100 on continuous states.")
    ] = None,
    temperature: Annotated[float, typer.Option(min=0, help="Of the local policy, in reward units; 0 is greedy.")] = 0.0,
    learn_for: LearnFor = DEFAULT_MODEL,
    memory: Annotated[int, typer.Option(min=1, help="Memory that may be used (MiB).")] = 2048,
    seed: Seed = 0,
    if_missing: Annotated[bool, typer.Option("--if-missing", help="Do nothing where a good bundle is there already.")] = False,
    as_json: Json = False,
) -> None:
    """Learn a policy bundle for a game.

    Example: altmarl train --game warehouse --k 25 --out warehouse.npz
    """
    from altmarl_ros.learning.alternating import TrainingOptions
    from altmarl_ros.learning.alternating import train as learn
    from altmarl_ros.learning.backups import GLearnOptions, check_training

    tabular = load_game(game)
    k = default_top_rung(tabular) if k is None else k
    path = out or default_path(tabular, k)
    kept = _good_bundle(path, tabular) if if_missing else None
    if kept is not None:
        console.err.print(f"{path} is there already")
        if as_json:
            console.document(_about(path, kept))
        return
    options = TrainingOptions(
        K=k,
        rounds=rounds,
        n=robots,
        runs=runs,
        temperature=temperature,
        learn_for=learn_for,
        seed=seed,
        g_learn=GLearnOptions(backup=backup, memory_limit=memory << 20, seed=seed),
    )
    check_training(tabular, k, options.g_learn)
    check_writable(path)
    state = path.with_name(f".{path.name}.training")
    if state.exists():
        console.err.print(f"{state} is there: going on from it if it is of this game and these options")
    try:
        with TrainingProgress(k + 1) as progress:
            bundle = learn(tabular, options, progress, state)
    except KeyboardInterrupt:
        console.err.print("interrupted; the same command goes on from the last round")
        raise
    save_bundle(bundle, path)
    if as_json:
        console.document(_about(path, bundle))
    report = bundle.report
    console.out.print(
        f"{path}: {bundle.game} {bundle.game_hash}, rungs 0..{k}, value {report['value']:.2f} ± {report['standard_error']:.2f} "
        f"at k = {k} and n = {robots}, {report['seconds']:.1f} s"
    )
    console.out.print(f"G-LEARN at k = {k}: backup {report['backup']} ({report['backup_reason']})")
    if report["nash_gap"]:
        console.out.print(gap_line(report["nash_gap"]))


def _good_bundle(path: Path, game: TabularGame) -> PolicyBundle | None:
    """The bundle in a file; None where there is no file, or one that is damaged or of another game, which is told."""
    if not path.exists():
        return None
    try:
        return load_bundle(path, game)
    except BundleError as error:
        console.err.print(f"{error}; training it anew", markup=False)
        return None


def _about(path: Path, bundle: PolicyBundle) -> dict[str, Any]:
    return {
        "policy": path,
        "policy_id": bundle.policy_id,
        "policy_hash": bundle.content_hash,
        "game": bundle.game,
        "game_hash": bundle.game_hash,
        "top_rung": bundle.ladder.K,
        "report": bundle.report,
    }


def find_bundle(game: TabularGame, game_source: str, policy: Path | None) -> tuple[Path, PolicyBundle]:
    """The given bundle, which may be learned for other rewards, or the kept one of the game, trained now if need be."""
    path = policy or default_path(game)
    if policy is None and _good_bundle(path, game) is None:
        console.err.print(f"no policy for {game.name} yet: training one into {path}")
        train(game=game_source, out=path)
    return path, load_bundle(path, game, same_rewards=policy is None)
