"""Computes the NashGap of a pair: exactly if the team is small enough to enumerate, else by simulation.

Exactly (modules exact_team and deviations): every gain is an interval [found, best] over the infinite horizon; a policy of
the class gains `found`, and none gains more than `best`. By simulation (module sampled_gap): the gain of the best of some
candidates, with its 95 % interval.
"""

from __future__ import annotations

from math import inf

import numpy as np

from altmarl_ros.errors import AltmarlError, ResourceError
from altmarl_ros.games import TabularGame
from altmarl_ros.learning.counts.backups import GLearnOptions
from altmarl_ros.learning.gaps.certificate import Interval, NashGap, claimed_bound
from altmarl_ros.learning.gaps.deviations import OneRobot, best_all, best_global, found_global, found_local
from altmarl_ros.learning.gaps.exact_team import DEFAULT_MEMORY, TeamGame, table_size
from altmarl_ros.learning.gaps.sampled_gap import sampled_gap
from altmarl_ros.observation import Fresh
from altmarl_ros.policies import ActionTable, GlobalPolicy, Ladder, LocalPolicy
from altmarl_ros.policies.counts import enumerate_counts, number_of_counts

METHODS = ("auto", "exact", "sampled")
EXACT_VALUES = 2_000_000
"""Number of float64 values up to which `auto` enumerates."""

_QUICK_WORK = 5_000_000
"""Entries of the kernels of one mind for all robots up to which `auto` bounds their gain from above: a second."""


def nash_gap(
    game: TabularGame,
    pi_g: GlobalPolicy,
    pi_l: LocalPolicy,
    *,
    k: int,
    n: int,
    runs: int = 400,
    seed: int = 0,
    method: str = "auto",
    relearn: GLearnOptions | None = GLearnOptions(),
    memory_limit: int = DEFAULT_MEMORY,
    model: str = "fresh",
) -> NashGap:
    """Compute the NashGap of (pi_g, pi_l) in a fleet of n robots, of which k report per tick.

    Args:
        game: the game.
        pi_g: the coordinator's policy.
        pi_l: the robots' policy.
        k: number of reports per tick.
        n: number of robots.
        runs: number of episodes that choose the deviations, and of those that measure them.
        seed: seed of the simulation.
        method: one of METHODS. `exact` enumerates whatever fits the memory, however long that takes; `auto` enumerates
            what takes seconds, and leaves out an upper end that would take longer.
        relearn: options under which G-LEARN makes one of the candidates; None leaves this candidate out.
        memory_limit: number of bytes that method `exact` may use.
        model: the observation model. By a ladder `fresh` acts by rung min(k, n), and `filtered` by the top rung; method
            `exact` knows `fresh` only.

    Raises:
        AltmarlError: k is above a ladder's top rung, or an option is out of range.
        ResourceError: method `exact` does not fit memory_limit.
    """
    for name, given, least in (("k", k, 0), ("n", n, 1), ("runs", runs, 2), ("seed", seed, 0)):
        if given < least:
            raise AltmarlError(f"{name} is {given}, must be at least {least}")
    if pi_g.most_reports is not None and k > pi_g.most_reports:
        raise AltmarlError(f"k is {k}, must be at most {pi_g.most_reports}, the top rung")
    if method not in METHODS:
        raise AltmarlError(f"method {method!r} is unknown; known are {', '.join(METHODS)}")
    claimed = claimed_bound(game, k, n)
    if model not in ("fresh", "filtered"):
        raise AltmarlError(f"the gap under model {model!r} is not known; known are fresh and filtered")
    if method == "exact" and game.room is not None:
        raise AltmarlError(f"method exact knows no room, which places of game {game.name!r} have")
    if method == "exact" and model != "fresh":
        raise AltmarlError(f"method exact knows model fresh only, not {model}")
    if method == "exact" or (method == "auto" and model == "fresh" and is_small(game, n)):
        most_work = inf if method == "exact" else _QUICK_WORK
        return _exact(TeamGame(game, n, memory_limit), pi_g, pi_l, k=min(k, n), claimed=claimed, most_work=most_work)
    gap = sampled_gap(game, pi_g, pi_l, k=k, n=n, runs=runs, seed=seed, relearn=relearn, model=model)
    return NashGap(
        k=k,
        n=n,
        value=gap.value,
        value_error=gap.value_error,
        global_gain=gap.global_gain,
        global_all_seen=gap.global_all_seen,
        local_gain_one=gap.local_gain_one,
        local_gain_all=gap.local_gain_all,
        claimed=claimed,
    )


def is_small(game: TabularGame, n: int) -> bool:
    """Return whether a team of n robots is enumerated in seconds; not where they hold one another back or have types."""
    if game.room is not None or game.types is not None:
        return False
    L, S_g = game.n_local_states, game.n_global_states
    return max(table_size(game, n), S_g * L * number_of_counts(n - 1, L) * (L + S_g) * 8) <= EXACT_VALUES


def fresh_rung(game: TabularGame, pi_g: GlobalPolicy, k: int, n: int) -> ActionTable:
    """Tabulate what `fresh` does by pi_g on k reports of n robots: actions [s_g, rank of c]."""
    if isinstance(pi_g, Ladder):
        return pi_g.rungs[k]
    counts = enumerate_counts(k, game.n_local_states).astype(np.int64)
    model = Fresh(pi_g, game.initial)
    by_state = [model.decide(np.full(len(counts), s_g), counts, n) for s_g in range(game.n_global_states)]
    return np.stack(by_state).astype(np.uint16)


def _exact(team: TeamGame, pi_g: GlobalPolicy, pi_l: LocalPolicy, *, k: int, claimed: float, most_work: float) -> NashGap:
    n, rung = team.n, fresh_rung(team.game, pi_g, k, team.n)
    q = team.response(rung)
    value = team.value(q, pi_l)
    one = OneRobot(team, q, pi_l)
    all_seen = best_global(team, pi_l) - value
    try:
        one_mind = best_all(team, q, most_work) - value
    except ResourceError:
        one_mind = inf  # no bound is known
    one_best, one_found = one.best(), found_local(team, q, pi_l, one.value)[0]
    return NashGap(
        k=k,
        n=n,
        value=value,
        value_error=0.0,
        global_gain=Interval.between(found_global(team, rung, pi_l)[0] - value, all_seen, value),
        global_all_seen=Interval.between(all_seen, all_seen, value),
        local_gain_one=Interval.between(n * (one_found - value), n * (one_best - value), n * value),
        local_gain_all=Interval.between(found_local(team, q, pi_l, lambda p: team.value(q, p))[0] - value, one_mind, value),
        claimed=claimed,
    )
