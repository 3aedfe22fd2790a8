"""Makes the policies that a certificate tries against a pair: responses of G-LEARN and L-LEARN, and simple rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Iterable

import numpy as np

from altmarl_ros.games import TabularGame
from altmarl_ros.learning.counts.aggregation import aggregate
from altmarl_ros.learning.counts.backups import SHARES, GLearnOptions, check_training, prefers_exact
from altmarl_ros.learning.counts.global_agent import g_learn
from altmarl_ros.learning.local_responses import local_responses
from altmarl_ros.learning.populations.occupancy import Occupancy
from altmarl_ros.learning.shares.samplers import make_sampler
from altmarl_ros.learning.shares.solver import SharesOptions, learn_shares
from altmarl_ros.policies import GlobalPolicy, Ladder, LocalPolicy
from altmarl_ros.policies.counts import by_group, enumerate_counts
from altmarl_ros.policies.shares import SharesPolicy, SharesProcess

_COUNTS_AT_ONCE = 100_000  # entries of count vectors whose actions are looked up together, which bounds temporary arrays
_PRIOR_ROBOTS = (1.0, 3.0, 10.0)  # weights of the mean population, in robots, when it is mixed with k reports


def global_candidates(
    game: TabularGame,
    pi_g: GlobalPolicy,
    pi_l: LocalPolicy,
    *,
    k: int,
    n: int,
    occupancy: Occupancy,
    relearn: GLearnOptions | None,
    seed: int,
) -> list[GlobalPolicy]:
    """Make other policies of the coordinator against pi_l.

    To a policy over shares that is what G-LEARN makes of its plans at points drawn by another seed. To a ladder these are other
    rungs (`_rungs`). With `relearn` the other kind's response is among them as well, where it is solved in seconds.
    """
    if relearn and relearn.backup == SHARES:
        relearn = replace(relearn, backup="auto")  # the certificate tries both kinds, whichever was asked for in training
    responses: list[GlobalPolicy] = []
    if isinstance(pi_g, Ladder):
        responses += _rungs(game, pi_g, pi_l, k=k, occupancy=occupancy, relearn=relearn)
    elif relearn and game.hidden is None and game.types is None and prefers_exact(game, k):
        check_training(game, k, relearn)
        counted, alone = aggregate(game, pi_l, occupancy)
        rung = g_learn(counted, alone, k, relearn).policy
        responses.append(Ladder.with_top(k, rung, game.n_local_states, game.n_global_actions, game.groups))
    if relearn or not isinstance(pi_g, Ladder):
        responses.append(_over_shares(game, pi_g, pi_l, n=n, seed=seed))
    return responses


def local_candidates(game: TabularGame, pi_l: LocalPolicy, occupancies: Iterable[Occupancy], *, n: int) -> list[LocalPolicy]:
    """Make candidate local policies: L-LEARN's for each occupancy, the myopic one, and every constant action.

    Where room is limited these are only L-LEARN's, which keep to it: crowding would look like a gain to whoever is let in.
    """
    A = game.n_local_actions
    tables = [policy for occupancy in occupancies for policy in local_responses(game, pi_l, occupancy, n=n)]
    if game.room is None:
        tables.append(LocalPolicy(np.eye(A)[game.r_l.argmax(axis=2)]))
        tables += [LocalPolicy(np.broadcast_to(np.eye(A)[a], pi_l.probabilities.shape)) for a in range(A)]
    different: dict[bytes, LocalPolicy] = {table.probabilities.tobytes(): table for table in tables}
    different.pop(pi_l.probabilities.tobytes(), None)
    return list(different.values())


def _over_shares(game: TabularGame, pi_g: GlobalPolicy, pi_l: LocalPolicy, *, n: int, seed: int) -> SharesPolicy:
    process, sampler, options = (
        SharesProcess.under_policy(game, pi_l),
        make_sampler(game, pi_l, n),
        SharesOptions(seed=seed + 1),
    )
    if not isinstance(pi_g, SharesPolicy):
        return learn_shares(process, game.initial, sampler, options).policy
    return learn_shares(process, game.initial, sampler, replace(options, rounds=1), vectors=pi_g.vectors).policy


def _rungs(
    game: TabularGame,
    ladder: Ladder,
    pi_l: LocalPolicy,
    *,
    k: int,
    occupancy: Occupancy,
    relearn: GLearnOptions | None,
) -> list[Ladder]:
    """Make candidate rungs of k reports: G-LEARN's own rung, and rungs that follow the top rung on a mixture.

    Few reports say little, but the mean population while s_g holds is known. So the top rung is asked for the mixture of
    the reports and this mean population, which counts for some robots more.
    """
    k = min(k, ladder.K)
    counted, alone = aggregate(game, pi_l, occupancy)
    by_groups = Ladder(ladder.rungs, ladder.n_groups, ladder.n_global_actions)
    here = by_group(occupancy.by_state(), game.groups) + 1e-12
    here /= here.sum(axis=1, keepdims=True)  # mean population while s_g holds [s_g, group]
    tables = [g_learn(counted, alone, k, relearn).policy] if relearn else []
    counts = enumerate_counts(k, ladder.n_groups)
    at_once = max(1, _COUNTS_AT_ONCE // ladder.n_groups)
    for weight in (0.0, *_PRIOR_ROBOTS) if k else (1.0,):
        table = np.empty((len(here), len(counts)), dtype=np.uint16)
        for first in range(0, len(counts), at_once):
            part = counts[first : first + at_once]
            for s_g, share in enumerate(here):
                actions = by_groups.act_on_shares(np.full(len(part), s_g), (part + weight * share) / (k + weight))
                table[s_g, first : first + len(part)] = actions
        tables.append(table)
    return [
        replace(ladder, rungs=(*ladder.rungs[:k], table, *ladder.rungs[k + 1 :]))
        for table in tables
        if not np.array_equal(table, ladder.rungs[k])
    ]
