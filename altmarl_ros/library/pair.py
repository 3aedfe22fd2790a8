"""A trained pair of policies with its game: train it, ask what it earns and how good it is, draw, save and load it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Sequence

from altmarl_ros.errors import BundleError
from altmarl_ros.games import TabularGame, beyond_arrays, builtin_games, load_game, save_game
from altmarl_ros.learning import alternating
from altmarl_ros.learning.gaps.certificate import NashGap
from altmarl_ros.learning.gaps.equilibrium import nash_gap
from altmarl_ros.learning.scores import ScoreTable, score_rules
from altmarl_ros.learning.training_options import options_for
from altmarl_ros.observation import DEFAULT_MODEL
from altmarl_ros.policies import PolicyBundle, load_bundle, save_bundle
from altmarl_ros.policies.report_numbers import check_reports, numbers_of_reports

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_EPISODE = 50  # ticks


@dataclass(frozen=True, eq=False)
class TrainedPair:
    """The coordinator's and the robots' policy that were learned for a game.

    Attributes:
        game: the game.
        bundle: both policies with their origin; `bundle.report` tells how they were learned.
    """

    game: TabularGame
    bundle: PolicyBundle

    def __repr__(self) -> str:
        return f"TrainedPair({self.game.name!r}, value {self.value:.2f}, policy_id {self.bundle.policy_id:08x})"

    @property
    def value(self) -> float:
        """The team's discounted reward, as it was measured at the end of the training."""
        return float(self.bundle.report["value"])

    @property
    def verdict(self) -> str:
        """How good the pair is, in a sentence; empty where the training did not judge it."""
        verdict = self.bundle.report.get("verdict")
        return str(verdict["sentence"]) if verdict else ""

    def evaluate(
        self,
        k: int | Sequence[int] = (),
        *,
        robots: int | None = None,
        runs: int = 1000,
        horizon: int = _EPISODE,
        models: Sequence[str] = (),
        seed: int = 0,
    ) -> ScoreTable:
        """Simulate fleets under the pair and under references, all from the same starts.

        Args:
            k: number or numbers of reports per tick; none: 1, 5 and 25.
            robots: number of robots; None: as many as in the training.
            runs: number of episodes.
            horizon: ticks per episode.
            models: observation models; none: `fresh` and `filtered`, or `filtered` alone where there is a hidden state.
            seed: seed of all random numbers.

        Raises:
            AltmarlError: a number of reports or a model cannot be used by the pair.
        """
        ks = numbers_of_reports(self.bundle, (k,) if isinstance(k, int) else k)
        n = self._robots if robots is None else robots
        return score_rules(self.game, self.bundle, ks=ks, robots=n, runs=runs, horizon=horizon, models=models, seed=seed)

    def certify(
        self,
        k: int | None = None,
        *,
        robots: int | None = None,
        runs: int = 400,
        model: str | None = None,
        method: str = "auto",
        seed: int = 0,
    ) -> NashGap:
        """Measure what the team could gain if the coordinator, one robot or all robots changed policy alone.

        Args:
            k: reports per tick; None: as many as in the training.
            robots: number of robots; None: as many as in the training.
            runs: episodes in which deviations are chosen, and as many in which they are measured.
            model: observation model, fresh or filtered; None: the one that the pair was learned for.
            method: how gains are computed: auto, exact (small fleets only) or sampled.
            seed: seed of all random numbers.

        Raises:
            AltmarlError: the number of reports or the model cannot be used by the pair, or the game is too large to be exact.
        """
        reports = int(self._option("K", 5)) if k is None else k
        check_reports(self.bundle, reports)
        n = self._robots if robots is None else robots
        learned_for = model or self.bundle.learned_for
        pi_g, pi_l = self.bundle.pi_g, self.bundle.pi_l
        return nash_gap(self.game, pi_g, pi_l, k=reports, n=n, runs=runs, seed=seed, method=method, model=learned_for)

    def plot(
        self, k: Sequence[int] = (), *, robots: int | None = None, runs: int = 200, horizon: int = _EPISODE, seed: int = 0
    ) -> Figure:
        """Draw how the pair was learned, and what it earns by the number of reports beside the references.

        Args:
            k: numbers of reports per tick; none: 1, 5 and 25.
            robots: number of robots; None: as many as in the training.
            runs: number of simulated episodes.
            horizon: ticks per episode.
            seed: seed of all random numbers.

        Returns:
            a figure of matplotlib; `figure.savefig("pair.png")` writes it.
        """
        from altmarl_ros.library.pair_figure import pair_figure

        scores = self.evaluate(k, robots=robots, runs=runs, horizon=horizon, seed=seed)
        return pair_figure(self.bundle.report.get("steps") or (), scores)

    def save(self, path: str | Path) -> Path:
        """Write the bundle (.npz), which `altmarl fleet --policy` and `load` read, and return its path.

        Where the game is not built in, it is written beside the bundle, as NAME_game.yaml and NAME_game.npz, unless it has
        what arrays do not say (`games.beyond_arrays`): then `load` must be given the game.
        """
        path = save_bundle(self.bundle, path)
        if not _is_builtin(self.bundle) and beyond_arrays(self.game) is None:
            save_game(self.game, _game_beside(path))
        return path

    @property
    def _robots(self) -> int:
        return int(self._option("n", 1000))

    def _option(self, name: str, otherwise: Any) -> Any:
        options = self.bundle.report.get("options")
        return options.get(name, otherwise) if isinstance(options, dict) else otherwise


def train(
    game: TabularGame | str | Path,
    *,
    robots: int = 1000,
    k: int | None = None,
    rounds: int = 10,
    runs: int | None = None,
    temperature: float = 0.0,
    learn_for: str = DEFAULT_MODEL,
    backup: str = "auto",
    memory: int = 2048,
    search: float | None = None,
    seed: int = 0,
    on_progress: Callable[[alternating.Progress], None] | None = None,
    state: Path | None = None,
) -> TrainedPair:
    """Learn a pair of policies for a game.

    Args:
        game: the game, a built-in name or a YAML file.
        robots: number of robots in the simulated evaluations.
        k: reports per tick in the training; None: 25, or less for a ladder of a large game.
        rounds: most rounds of best responses.
        runs: episodes per evaluation; None: by the kind of game.
        temperature: randomness of the robots' policy, in units of reward; 0: always the best action.
        learn_for: observation model that the policies are learned for, filtered or fresh.
        backup: how G-LEARN computes: auto, shares (value vectors for any number of reports), exact or sampled (a ladder).
        memory: memory that learning may use [MiB].
        search: seconds for which other responses and starts are tried after the rounds; None: by the kind of training.
        seed: seed of all random numbers.
        on_progress: called after every step; an exception that it raises ends the training.
        state: file by which an interrupted training goes on, when it is called again with the same arguments.

    Raises:
        AltmarlError: an argument is out of range, the robots do not fit, or the policy does not fit the memory.
    """
    tabular = game if isinstance(game, TabularGame) else load_game(game)
    options = options_for(
        tabular,
        k=k,
        backup=backup,
        rounds=rounds,
        robots=robots,
        runs=runs,
        temperature=temperature,
        learn_for=learn_for,
        memory=memory,
        search=search,
        seed=seed,
    )
    return TrainedPair(tabular, alternating.train(tabular, options, on_progress, state))


def load(path: str | Path, game: TabularGame | str | Path | None = None) -> TrainedPair:
    """Load a pair that `TrainedPair.save` or `altmarl train` wrote.

    Args:
        path: file of the bundle.
        game: the game, a built-in name or a YAML file; None: the built-in game that the bundle names, or the file beside it.

    Raises:
        AltmarlError: a file is bad, the game is another one than that of the bundle, or it is not found.
    """
    path = Path(path)
    bundle = load_bundle(path)
    if game is None:
        beside = _game_beside(path)
        if not _is_builtin(bundle) and not beside.exists():
            raise BundleError(f"{path}: its game {bundle.game!r} is not built in, nor is it in {beside.name}: give the game")
        game = bundle.game if _is_builtin(bundle) else beside
    tabular = game if isinstance(game, TabularGame) else load_game(game)
    try:
        bundle.check_dynamics(tabular)
    except BundleError as error:
        raise BundleError(f"{path}: {error}") from None
    return TrainedPair(tabular, bundle)


def _is_builtin(bundle: PolicyBundle) -> bool:
    return bundle.game in builtin_games() and load_game(bundle.game).content_hash == bundle.game_hash


def _game_beside(path: Path) -> Path:
    return path.with_name(f"{path.stem}_game.yaml")
