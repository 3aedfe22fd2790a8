"""Chooses the backup for G-LEARN, gives the reason, and computes the memory that it needs.

A backup computes the expected value of the next count vector. `exact` has no sampling error, but its time grows with the
number of count vectors times k / L, and its rounding errors depend on the kernel. `sampled` is the paper's own. `auto` takes
`exact` if its rounding errors stay bounded and it fits the memory limit, else `sampled`. `shares` is no backup over count
vectors: it asks a training for value vectors over shares (learning/shares), and G-LEARN over count vectors refuses it.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Callable, Optional

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import ResourceError
from altmarl_ros.games import TabularGame
from altmarl_ros.learning.counts.aggregation import aggregate
from altmarl_ros.learning.counts.bellman import Backup
from altmarl_ros.learning.counts.exact_backup import ExactBackup, check_growth, log_growth
from altmarl_ros.learning.counts.sparse_backups import DRAWN_AT_ONCE, SampledBackup
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.counts import number_of_counts
from altmarl_ros.workers import available_cores

SHARES = "shares"
BACKUPS = ("auto", SHARES, "exact", "sampled")

EXACT_UP_TO = 100_000
"""Number of count vectors up to which `exact` is solved in some seconds."""

EXACT_KERNELS = 10_000
"""Elementary kernels, S_g L (L - 1), up to which `exact` is solved in seconds: each takes a call for every sweep."""


@dataclass(frozen=True)
class GLearnOptions:
    """Options of G-LEARN.

    Attributes:
        backup: one of BACKUPS.
        samples: Monte Carlo next states per (s_g, c), for the `sampled` backup.
        tolerance: greatest loss of the returned policy's value [reward units].
        max_sweeps: number of sweeps after which the solver stops even if it has not reached the tolerance.
        memory_limit: number of bytes that may be allocated.
        seed: seed of the `sampled` backup.
        threads: number of threads; 0 uses every core that this process may use.
    """

    backup: str = "auto"
    samples: int = 30
    tolerance: float = 1e-2
    max_sweeps: int = 2000
    memory_limit: int = 2 << 30
    seed: int = 0
    threads: int = 0

    def __post_init__(self) -> None:
        if self.backup not in BACKUPS:
            raise ResourceError(f"backup {self.backup!r} is unknown; known are {', '.join(BACKUPS)}")
        for name, least in (("samples", 1), ("max_sweeps", 1), ("memory_limit", 1), ("seed", 0), ("threads", 0)):
            if getattr(self, name) < least:
                raise ResourceError(f"{name} is {getattr(self, name)}, must be at least {least}")
        if not self.tolerance > 0:
            raise ResourceError(f"tolerance is {self.tolerance}, must be positive")


_PER_KERNEL, _PER_PAIR = 480, 700  # bytes of the objects of one elementary kernel, and of one pair of states
_Memory = Callable[[TabularGame, int, GLearnOptions, Optional[str]], int]


@dataclass(frozen=True)
class BackupChoice:
    """The name of the chosen backup, and the reason for the choice in words."""

    name: str
    reason: str


def preferred_backup(game: TabularGame, P_pi: FloatArray, k: int, options: GLearnOptions) -> BackupChoice:
    """Choose the backup for local transitions P_pi [s_g, s_l, s_l'] and k reports, whether or not it fits the memory limit."""
    if options.backup != "auto":
        return BackupChoice(options.backup, "as asked")
    if not _fits(game, k, options, "exact") and _fits(game, k, options, "sampled"):
        return BackupChoice("sampled", "exact does not fit the memory limit")
    try:
        growth = log_growth(P_pi)
        check_growth(growth, k)
    except ResourceError as refusal:
        return BackupChoice("sampled", str(refusal).partition(";")[0])
    return BackupChoice("exact", f"rounding errors grow {np.exp(k * growth.max()):.3g}-fold at most")


def prefers_exact(game: TabularGame, k: int) -> bool:
    """Return whether `exact` solves k reports on this game in seconds."""
    kernels = game.n_global_states * game.n_groups * (game.n_groups - 1)
    return number_of_counts(k, game.n_groups) <= EXACT_UP_TO and kernels <= EXACT_KERNELS


def choose_backup(game: TabularGame, P_pi: FloatArray, k: int, options: GLearnOptions) -> BackupChoice:
    """The preferred backup.

    Raises:
        ResourceError: it does not fit the memory limit.
    """
    choice = preferred_backup(game, P_pi, k, options)
    check_memory(game, k, options, choice.name)
    return choice


def check_training(game: TabularGame, k: int, options: GLearnOptions) -> None:
    """Check that training up to k reports fits the memory limit with the backup that it begins with.

    Raises:
        ResourceError: it does not fit, with the largest k that does.
    """
    counted, uniform = aggregate(game, LocalPolicy.uniform(game), None)
    choice = preferred_backup(counted, uniform.transition(counted), k, options)
    _check(counted, k, options, choice.name, what="training", needed=training_memory)


def make_backup(game: TabularGame, P_pi: FloatArray, k: int, options: GLearnOptions) -> tuple[Backup, str]:
    """Make the backup that `choose_backup` chooses, and return it with the reason for the choice."""
    choice = choose_backup(game, P_pi, k, options)
    if choice.name == "sampled":
        return SampledBackup(P_pi, k, options.samples, np.random.default_rng([options.seed, k])), choice.reason
    return ExactBackup(P_pi, k), choice.reason


def memory_needed(game: TabularGame, k: int, options: GLearnOptions, backup: str | None = None) -> int:
    """Compute how many bytes one G-LEARN for k reports allocates; for `auto`, with the cheapest backup.

    Raises:
        ResourceError: the backup is `shares`, which has no count vectors.
    """
    backup = backup or options.backup
    if backup == SHARES:
        raise ResourceError("G-LEARN over count vectors has the backups exact and sampled, not shares")
    if backup == "auto":
        return min(memory_needed(game, k, options, each) for each in ("exact", "sampled"))
    S_g, L = game.n_global_states, game.n_groups
    vectors = number_of_counts(k, L)
    values, padded = 8 * S_g * vectors, 8 * (S_g + 8) * vectors
    workers = min(options.threads or available_cores(), S_g) if backup == "exact" else 0
    per_backup = {
        "exact": vectors * (2 * L * (L - 1) + 8 * L) + workers * padded + _kernels_memory(S_g, L, k),
        "sampled": vectors * S_g * 4 * options.samples + 2 * 8 * min(vectors * options.samples * L, DRAWN_AT_ONCE),
    }
    common = 4 * L * vectors + 2 * padded + 2 * values + 2 * S_g * vectors  # count vectors, values, start and rewards, policy
    return common + per_backup[backup]


def _kernels_memory(S_g: int, L: int, k: int) -> int:
    # Binomial weights of every elementary kernel with the objects that hold them, and tasks of every pair of states.
    return S_g * L * (L - 1) * (8 * (k + 1) ** 2 + _PER_KERNEL) + L * (L - 1) // 2 * (24 * (k + 1) + _PER_PAIR)


def training_memory(game: TabularGame, k: int, options: GLearnOptions, backup: str | None = None) -> int:
    """Bytes that a training up to k reports allocates beside the program itself, which are most at the top rung.

    Beside G-LEARN itself a training holds the values of the rounds and of the rung below, the ladder and a copy of it, and the
    count vectors of eight rungs (the cache of policies/counts.py).
    """
    S_g, L = game.n_global_states, game.n_groups
    ladder = number_of_counts(k, L + 1)  # count vectors of all rungs together
    below = sum(number_of_counts(fewer, L) for fewer in range(max(0, k - 7), k))
    return memory_needed(game, k, options, backup) + 16 * S_g * number_of_counts(k, L) + 4 * S_g * ladder + 4 * L * below


def check_memory(game: TabularGame, k: int, options: GLearnOptions, backup: str | None = None) -> None:
    """Raise ResourceError, which names the largest k that fits, if `memory_needed` exceeds the limit."""
    _check(game, k, options, backup, what="G-LEARN", needed=memory_needed)


def _check(game: TabularGame, k: int, options: GLearnOptions, backup: str | None, *, what: str, needed: _Memory) -> None:
    size = needed(game, k, options, backup)
    if size <= options.memory_limit:
        return
    most = bisect_left(range(k), True, key=lambda fewer: needed(game, fewer, options, backup) > options.memory_limit) - 1
    advice = f"k = {most} fits" if most > 0 else "give it more memory"
    counted = "local states" if game.groups is None else "groups of local states"
    raise ResourceError(
        f"{what} for k={k} on {game.n_groups} {counted} has {number_of_counts(k, game.n_groups):,} count vectors and needs "
        f"{size / 2**20:,.0f} MiB, over the limit of {options.memory_limit / 2**20:,.0f} MiB; {advice}"
    )


def _fits(game: TabularGame, k: int, options: GLearnOptions, backup: str | None) -> bool:
    return memory_needed(game, k, options, backup) <= options.memory_limit
