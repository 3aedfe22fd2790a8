"""Estimates what training on count vectors takes, by reports per tick."""

from __future__ import annotations

import time
from dataclasses import dataclass

from altmarl_ros.cli.game_check.quantities import memory_text
from altmarl_ros.games import TabularGame
from altmarl_ros.learning.counts.backups import GLearnOptions, preferred_backup, training_memory
from altmarl_ros.learning.counts.global_agent import g_learn
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.counts import number_of_counts

_PROBE_VECTORS = 3000  # count vectors of the k whose solution is timed


@dataclass(frozen=True)
class Cost:
    """What training takes for k reports.

    Attributes:
        k: reports per tick.
        vectors: count vectors.
        memory: what `altmarl train` allocates beside the program itself [bytes].
        seconds: estimate for one G-LEARN at k; 0 where it does not fit the memory limit.
        backup: name of the backup, "-" where it does not fit.
        reason: why this backup, or why none.
    """

    k: int
    vectors: int
    memory: int
    seconds: float
    backup: str
    reason: str


def training_costs(game: TabularGame, ks: list[int]) -> list[Cost]:
    """The cost for each k; seconds are scaled from one solution per backup that is timed here."""
    pi_l, L, options = LocalPolicy.uniform(game), game.n_local_states, GLearnOptions()
    choices = {k: preferred_backup(game, pi_l.transition(game), k, options) for k in ks}
    memory = {k: training_memory(game, k, options, choice.name) for k, choice in choices.items()}
    fitting = {k: choice for k, choice in choices.items() if memory[k] <= options.memory_limit}
    per_term = {
        name: _seconds_per_term(game, name, max(k for k, choice in fitting.items() if choice.name == name))
        for name in {choice.name for choice in fitting.values()}
    }
    costs = []
    for k, choice in choices.items():
        backup, seconds, reason = choice.name, 0.0, choice.reason
        if k in fitting:
            seconds = per_term[backup] * _terms(backup, k, L)
        else:
            backup = "-"
            reason = f"over the limit of {memory_text(options.memory_limit)}, which altmarl train --memory raises"
        costs.append(Cost(k, number_of_counts(k, L), memory[k], seconds, backup, reason))
    return costs


def _seconds_per_term(game: TabularGame, backup: str, most: int) -> float:
    """Seconds of G-LEARN for each term of a backup, timed for some number of reports up to `most`, at which it works."""
    pi_l, options = LocalPolicy.uniform(game), GLearnOptions(backup=backup)
    probe = most
    while probe > 1 and number_of_counts(probe, game.n_local_states) > _PROBE_VECTORS:
        probe = probe // 2
    g_learn(game, pi_l, probe, options)  # compiles
    began = time.perf_counter()
    g_learn(game, pi_l, probe, options)
    return (time.perf_counter() - began) / _terms(backup, probe, game.n_local_states)


def _terms(backup: str, k: int, L: int) -> float:
    return number_of_counts(k, L) * (k / L + 1.0 if backup == "exact" else 1.0)
