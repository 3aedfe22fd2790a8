"""What a training computes, and which kind of policy it learns for the coordinator."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from altmarl_ros.errors import AltmarlError, GameError, ResourceError
from altmarl_ros.games import TabularGame
from altmarl_ros.learning.counts.backups import SHARES, GLearnOptions, check_training, prefers_exact
from altmarl_ros.learning.shares.solver import SharesOptions, check_memory
from altmarl_ros.observation import DEFAULT_MODEL
from altmarl_ros.policies import LocalPolicy, default_top_rung
from altmarl_ros.policies.shares import SharesProcess

_LEAST_RUNS = 8  # episodes; what filters of hundreds of states can play in seconds

LEARNABLE = ("filtered", "fresh")
"""Observation models for which a pair can be learned; a pair for `fresh` also serves `sticky`."""


@dataclass(frozen=True)
class TrainingOptions:
    """Options of ALTERNATING-MARL.

    Attributes:
        K: number of reports per tick in the rounds, and the top rung where the coordinator's policy is a ladder.
        rounds: greatest number of rounds.
        n: number of robots in the evaluations.
        runs: episodes per evaluation; None takes `default_runs`, and `runs_of_block` for each block of a comparison.
        horizon: ticks per episode; None takes `discounted_horizon`.
        temperature: temperature of the local policy [reward units]; 0 makes it greedy.
        learn_for: the observation model, one of LEARNABLE, through which the coordinator plays in the rounds. It matters,
            since robots respond to the coordinator's behaviour: with `fresh`, the paper's rule, decisions flip with the
            sampling noise.
        confidence: number of standard errors by which a step must improve the value to be kept.
        seed: seed of all random numbers.
        certificate_runs: episodes that choose deviations for the final pair's NashGap, and as many that measure them;
            0 leaves the NashGap and the verdict out, None takes `default_certificate_runs`.
        search_seconds: time for which other responses are tried after the rounds (`closing.Closing`); None takes
            `default_search`, and a training that is stopped by time may differ from one machine to the next.
        g_learn: options of G-LEARN over count vectors; its `backup` says how G-LEARN computes at all, see `learns_ladder`.
        shares: options of G-LEARN over shares.
    """

    K: int = 25
    rounds: int = 10
    n: int = 1000
    runs: int | None = None
    horizon: int | None = None
    temperature: float = 0.0
    learn_for: str = DEFAULT_MODEL
    confidence: float = 2.0
    seed: int = 0
    certificate_runs: int | None = None
    search_seconds: float | None = None
    g_learn: GLearnOptions = field(default_factory=GLearnOptions)
    shares: SharesOptions = field(default_factory=SharesOptions)

    def __post_init__(self) -> None:
        for name, least in (("K", 0), ("rounds", 1), ("n", 1), ("runs", 2), ("horizon", 1), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise AltmarlError(f"{name} is {value}, must be at least {least}")
        if self.certificate_runs is not None and (self.certificate_runs < 0 or self.certificate_runs == 1):
            raise AltmarlError(f"certificate_runs is {self.certificate_runs}, must be 0 or at least 2")
        if self.learn_for not in LEARNABLE:
            raise AltmarlError(f"a pair cannot be learned for model {self.learn_for!r}, but for {' or '.join(LEARNABLE)}")
        for name in ("temperature", "confidence", "search_seconds"):
            if getattr(self, name) is not None and not getattr(self, name) >= 0:
                raise AltmarlError(f"{name} is {getattr(self, name)}, must not be negative")

    @property
    def top(self) -> int:
        """The number of reports per tick in the rounds."""
        return min(self.K, self.n)


def options_for(
    game: TabularGame,
    *,
    k: int | None = None,
    backup: str = "auto",
    rounds: int = 10,
    robots: int = 1000,
    runs: int | None = None,
    temperature: float = 0.0,
    learn_for: str = DEFAULT_MODEL,
    memory: int = 2048,
    search: float | None = None,
    seed: int = 0,
) -> TrainingOptions:
    """Put the options of a training together as a person gives them; those that are left out fit the game.

    Args:
        game: the game to learn.
        k: reports per tick to learn for, the top rung where the policy is a ladder; None: 25, or less where a ladder of that
            size is too large for the game.
        backup: how G-LEARN computes: auto, shares, exact or sampled.
        rounds: of best responses, at most.
        robots: in the evaluations.
        runs: episodes per evaluation; None: by the kind of game.
        temperature: of the local policy, in units of reward; 0: greedy.
        learn_for: observation model, one of LEARNABLE.
        memory: that G-LEARN may use [MiB].
        search: seconds for which other responses are tried after the rounds; None: by the kind of training.
        seed: of all random numbers.

    Raises:
        AltmarlError: a number is out of range, or the game cannot be learned in this way.
    """
    options = TrainingOptions(
        K=TrainingOptions.K if k is None else k,
        rounds=rounds,
        n=robots,
        runs=runs,
        temperature=temperature,
        learn_for=learn_for,
        seed=seed,
        search_seconds=search,
        g_learn=GLearnOptions(backup=backup, memory_limit=memory << 20, seed=seed),
        shares=SharesOptions(memory_limit=memory << 20, seed=seed),
    )
    # A ladder of 25 rungs may be learned in minutes where a smaller one takes seconds.
    return replace(options, K=default_top_rung(game)) if k is None and learns_ladder(game, options) else options


def learns_ladder(game: TabularGame, options: TrainingOptions) -> bool:
    """Return whether G-LEARN works on count vectors, so that the coordinator's policy becomes a ladder.

    `exact` and `sampled` do, `shares` does not. `auto` takes value vectors over shares for `filtered`; for `fresh` it takes the
    ladder of the paper where the count vectors of K reports fit the memory limit and are solved in seconds.

    Raises:
        GameError: the game has a hidden state or types of robots, and the options ask for what does not know them.
    """
    backup = options.g_learn.backup
    if game.types is not None and (options.learn_for == "fresh" or backup not in ("auto", SHARES)):
        raise GameError(
            f"{game.name!r} has types of robots, which only value vectors learned for model filtered tell apart: "
            "leave out --learn-for and --backup"
        )
    if game.hidden is not None and (options.learn_for == "fresh" or backup not in ("auto", SHARES)):
        raise GameError(
            f"{game.name!r} has a hidden state, which only value vectors learned for model filtered know how to find: "
            "leave out --learn-for and --backup"
        )
    if backup != "auto":
        return backup != SHARES
    if options.learn_for != "fresh" or not prefers_exact(game, options.K):
        return False  # before the check, which writes out the kernels
    try:
        check_training(game, options.K, options.g_learn)
    except ResourceError:
        return False
    return True


def check_options(game: TabularGame, options: TrainingOptions) -> None:
    """Check that the robots fit into the places of the game, and the kind of policy that is learned into the memory limit.

    Raises:
        ResourceError: the policy does not fit, with what would.
        GameError: the game has a hidden state, which only value vectors for `filtered` know how to find; or there is no room
            for so many robots, with the number for which there is.
    """
    if game.room is not None:
        try:
            game.room.check_fits(options.n)
        except GameError as error:
            raise GameError(f"{error}; learn for as many robots as the fleet has (--robots)") from None
    if learns_ladder(game, options):
        check_training(game, options.K, options.g_learn)
    else:
        check_memory(SharesProcess.under_policy(game, LocalPolicy.uniform(game)), options.shares)


def default_search(game: TabularGame, options: TrainingOptions) -> float:
    """Return how long a training searches for better responses unless it is told [s].

    It does so where it makes a certificate, and states are not continuous; longer for `fresh`, whose alternating best responses
    leave more to be gained.
    """
    if options.certificate_runs == 0 or game.continuous is not None:
        return 0.0
    return 5.0 if options.learn_for == "fresh" else 1.0


def default_runs(game: TabularGame) -> int:
    """Return the number of episodes of an evaluation: fewer where a simulated tick takes longer."""
    if game.continuous is not None:
        return 100
    most = 400 if game.hidden is None else 120  # the bank of filters follows many hypotheses
    return min(most, max(_LEAST_RUNS, 4000 // game.n_local_states))


def runs_of_block(game: TabularGame) -> int:
    """Return the number of episodes of one block of a comparison, which takes more blocks while it is undecided."""
    return max(_LEAST_RUNS, default_runs(game) // 4)


def default_certificate_runs(game: TabularGame) -> int:
    """Return the number of episodes that choose deviations for a NashGap, and of those that measure them."""
    return runs_of_block(game)
