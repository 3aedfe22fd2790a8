"""Trains policy bundles for commands, and finds the bundle that a command uses.

Games, policies and learning are imported by the functions that use them, so that `altmarl train --help` does without.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rich.progress import Progress

from altmarl_ros.cli import console
from altmarl_ros.cli.long_run_text import long_run_lines
from altmarl_ros.cli.nash_gap_text import nash_gap_line, verdict_lines
from altmarl_ros.errors import BundleError

if TYPE_CHECKING:
    from altmarl_ros.games import TabularGame
    from altmarl_ros.learning import alternating
    from altmarl_ros.policies import PolicyBundle


@dataclass(frozen=True)
class TrainingSettings:
    """What to train, and where the bundle goes.

    Attributes:
        game: built-in name or YAML file.
        out: file to write; None: where commands look for the game's bundle.
        k: reports per tick to learn for, the top rung where the policy is a ladder; None: 25, or less where a ladder of that
            size is too large for the game.
        backup: how G-LEARN computes: auto, shares, exact or sampled.
        rounds: of best responses, at most.
        robots: in evaluations.
        runs: episodes per evaluation; None: by the kind of game.
        temperature: of the local policy, in units of reward; 0: greedy.
        learn_for: observation model.
        memory: that G-LEARN may use [MiB].
        search: seconds for which other responses are tried after the rounds; None: by the kind of training.
        seed: of all random numbers.
        if_missing: train only where `out` holds no good bundle of the game.
        verbose: tell NashGap, bounds and the claimed bound behind the verdict.
    """

    game: str = "warehouse"
    out: Path | None = None
    k: int | None = None
    backup: str = "auto"
    rounds: int = 10
    robots: int = 1000
    runs: int | None = None
    temperature: float = 0.0
    learn_for: str = "filtered"  # `observation.DEFAULT_MODEL`
    memory: int = 2048
    search: float | None = None
    seed: int = 0
    if_missing: bool = False
    verbose: bool = False


class StoredBundle(NamedTuple):
    """A bundle and the file that it is in."""

    path: Path
    bundle: PolicyBundle


@dataclass
class TrainingProgress:
    """Shows the rounds of a training with their values, then the rungs of a ladder if there is one, with the time left."""

    total_rungs: int | None
    _bar: Progress = field(init=False)

    def __enter__(self) -> TrainingProgress:
        self._bar = console.progress()
        self._bar.start()
        self._rounds = self._bar.add_task("rounds", total=None)
        self._rungs = self._bar.add_task("ladder", total=self.total_rungs, start=False, visible=self.total_rungs is not None)
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, progress: alternating.Progress) -> None:
        """Show one step of the training."""
        step = progress.step
        if step is not None:
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


def train_bundle(settings: TrainingSettings) -> StoredBundle:
    """Train a bundle, write it and print what came of it; an interrupted training goes on where it was stopped.

    Raises:
        AltmarlError: a setting is wrong, the game needs more memory than is allowed, or the file cannot be written.
    """
    from altmarl_ros.files import check_writable
    from altmarl_ros.games import load_game
    from altmarl_ros.learning.alternating import train
    from altmarl_ros.learning.training_options import check_options, learns_ladder
    from altmarl_ros.policies import default_path, save_bundle

    game = load_game(settings.game)
    options = _options(settings, game)
    ladder = learns_ladder(game, options)
    path = settings.out or default_path(game, settings.k if ladder else None)
    kept = _good_bundle(path, game) if settings.if_missing else None
    if kept is not None:
        console.err.print(f"{path} is there already")
        return StoredBundle(path, kept)
    check_options(game, options)
    check_writable(path)
    state = path.with_name(f".{path.name}.training")
    if state.exists():
        console.err.print(f"{state} is there: going on from it if it is of this game and these options")
    try:
        with TrainingProgress(options.K + 1 if ladder else None) as progress:
            bundle = train(game, options, progress, state)
    except KeyboardInterrupt:
        console.err.print("interrupted; the same command goes on from the last round")
        raise
    save_bundle(bundle, path)
    _print_result(path, bundle, options, settings.verbose)
    return StoredBundle(path, bundle)


def _options(settings: TrainingSettings, game: TabularGame) -> alternating.TrainingOptions:
    from altmarl_ros.learning.training_options import options_for

    return options_for(
        game,
        k=settings.k,
        backup=settings.backup,
        rounds=settings.rounds,
        robots=settings.robots,
        runs=settings.runs,
        temperature=settings.temperature,
        learn_for=settings.learn_for,
        memory=settings.memory,
        search=settings.search,
        seed=settings.seed,
    )


def find_bundle(game: TabularGame, game_source: str, policy: Path | None, *, given_by: str = "--game ") -> StoredBundle:
    """Load the given bundle, or the one that is kept for the game, which is trained now if there is none.

    A given bundle may have been learned for other rewards than the game's.

    Args:
        game: that `game_source` names.
        game_source: built-in name or YAML file.
        policy: file of the given bundle; None: take the kept one.
        given_by: what stands before a game where the user names one.

    Raises:
        AltmarlError: the file cannot be read, or is not of this game.
    """
    from altmarl_ros.policies import default_path, load_bundle

    path = policy or default_path(game)
    if policy is None and _good_bundle(path, game) is None:
        console.err.print(f"no policy for {game.name} yet: training one into {path}")
        train_bundle(TrainingSettings(game=game_source, out=path))
    try:
        return StoredBundle(path, load_bundle(path, game, same_rewards=policy is None))
    except BundleError as error:
        raise BundleError(f"{error}{_right_game(path, game, given_by)}") from None


def _right_game(path: Path, game: TabularGame, given_by: str) -> str:
    """Say how the game is given that a bundle was learned for, where it has another name than this one; else nothing."""
    from altmarl_ros.games.game_files import builtin_games
    from altmarl_ros.policies import load_bundle

    try:
        name = load_bundle(path).game
    except BundleError:
        return ""
    if name == game.name:
        return ""
    return f", or give its game: {given_by}{name if name in builtin_games() else f'FILE, the file of {name!r}'}"


def _good_bundle(path: Path, game: TabularGame) -> PolicyBundle | None:
    """Return the bundle in a file; None where there is none, or one that is damaged or of another game, which is told."""
    from altmarl_ros.policies import load_bundle

    if not path.exists():
        return None
    try:
        return load_bundle(path, game)
    except BundleError as error:
        console.err.print(f"{error}; training it anew", markup=False)
        return None


def _print_result(path: Path, bundle: PolicyBundle, options: alternating.TrainingOptions, verbose: bool) -> None:
    report, most = bundle.report, bundle.pi_g.most_reports
    learned = "any number of reports" if most is None else f"rungs 0..{most}"
    console.out.print(
        f"{path}: {bundle.game} {bundle.game_hash}, {learned}, value {report['value']:.2f} ± {report['standard_error']:.2f} "
        f"at k = {options.K} and n = {options.n}, {report['seconds']:.1f} s"
    )
    if report["verdict"]:
        console.out.print(report["verdict"]["sentence"])
    for line in long_run_lines(report):
        console.out.print(line, highlight=False, markup=False)
    if verbose:
        console.out.print(f"G-LEARN: {report['g_learn']} ({report['g_learn_reason']})")
        for line in verdict_lines(report["verdict"] or {}):
            console.out.print(line, highlight=False)
        if report["nash_gap"]:
            console.out.print(nash_gap_line(report["nash_gap"]))
