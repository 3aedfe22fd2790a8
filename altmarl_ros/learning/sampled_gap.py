"""Gains of deviations in fleets of any size, by simulation with common random numbers.

Candidates are made and compared on one set of random numbers; the gain of the one that did best is measured on
another, so that its 95 % interval is that of a policy fixed beforehand, not of a maximum over noise. A gain is that
of a policy which was found: the best of its class gains at least as much. Episodes end where 1 % of the discounted
weight is left (`effective_horizon`), which leaves about that share of every gain out.

One robot of n moves the team's reward by order 1/n, below any simulation's noise. The share SHARE of the robots
deviates instead, and the team's gain is divided by it. To first order in the share this is n times the team's gain
from one robot, all ways counted by which it acts: its own reward, and the coordinator's answer to what it reports.
Robots that deviate are told apart by a second copy of the local states: the same population simulation plays them.

The coordinator plays through an observation model, `fresh` by rung k or `filtered` by the top rung, and the rung
that it acts by is the one that candidates replace.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, Iterable

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games.tabular import Start, TabularGame
from altmarl_ros.learning.aggregation import aggregate
from altmarl_ros.learning.backups import GLearnOptions
from altmarl_ros.learning.certificate import Interval
from altmarl_ros.learning.continuous_population import ContinuousFleets, ContinuousPopulation
from altmarl_ros.learning.global_agent import g_learn
from altmarl_ros.learning.local_agent import l_learn, pooled
from altmarl_ros.learning.population import Fleets, Rollouts, effective_horizon, play, simulate, start_fleets
from altmarl_ros.observation import AllSeen, Fresh, ObservationModel, make_filter
from altmarl_ros.observation.model import Counts, draw_without_replacement
from altmarl_ros.observation.relayed import Relayed
from altmarl_ros.policies import Ladder, LocalPolicy
from altmarl_ros.policies.counts import by_group, enumerate_counts

SHARE = 0.1
_PRIOR_ROBOTS = (1.0, 3.0, 10.0)  # weights of the mean population against k reports


@dataclass(frozen=True)
class SampledGap:
    """Estimated gains; see NashGap for their meaning."""

    value: float
    value_error: float
    global_gain: Interval
    global_all_seen: Interval
    local_gain_one: Interval
    local_gain_all: Interval


def sampled_gap(
    game: TabularGame,
    ladder: Ladder,
    pi_l: LocalPolicy,
    *,
    k: int,
    n: int,
    runs: int,
    seed: int,
    relearn: GLearnOptions | None,
    model: str = "fresh",
) -> SampledGap:
    """Gains against (ladder, pi_l) under an observation model with k reports of n robots.

    `runs` episodes are for choosing, and as many for measuring.
    """
    choosing, measuring = (_Episodes(game, pi_l, n=n, k=k, runs=runs, seed=[seed, part], model=model) for part in range(2))
    chosen_by = choosing.play(ladder, pi_l)
    held = measuring.play(ladder, pi_l)

    def gain(base: Rollouts, play: Callable[[_Episodes], Rollouts], scale: float = 1.0) -> Interval:
        return Interval.estimated(play(measuring).returns - base.returns, scale)

    rung = min(k, n) if model == "fresh" else ladder.K
    rungs = _global_candidates(game, ladder, pi_l, k=rung, occupancy=chosen_by.occupancy, relearn=relearn)
    seen = choosing.play_all_seen(ladder, pi_l).occupancy
    policies = _local_candidates(game, pi_l, (chosen_by.occupancy, pooled(chosen_by.occupancy), seen))
    better_rung = _best([choosing.play(rung, pi_l) for rung in rungs], chosen_by)
    better_local = _best([choosing.play(ladder, policy) for policy in policies], chosen_by)
    m = max(1, round(SHARE * n))
    own = choosing.play_deviators(ladder, pi_l, pi_l, m)
    better_own = _best([choosing.play_deviators(ladder, pi_l, policy, m) for policy in policies], own)
    one = all_ = found = Interval.nothing()
    if better_rung is not None:
        found = gain(held, lambda episodes: episodes.play(rungs[better_rung], pi_l))
    if better_local is not None:
        all_ = gain(held, lambda episodes: episodes.play(ladder, policies[better_local]))
    if better_own is not None:
        base = measuring.play_deviators(ladder, pi_l, pi_l, m)
        one = gain(base, lambda episodes: episodes.play_deviators(ladder, pi_l, policies[better_own], m), n / m)
    all_seen = gain(held, lambda episodes: episodes.play_all_seen(ladder, pi_l))
    return SampledGap(held.value, held.standard_error, found, all_seen, one, all_)


class _Episodes:
    """Plays every pair from the same starts with the same random numbers."""

    def __init__(self, game: TabularGame, pi_l: LocalPolicy, *, n: int, k: int, runs: int, seed: list[int], model: str) -> None:
        self._name = model
        self._game, self._pi_l, self._n, self._k, self._seed = game, pi_l, n, min(k, n), seed
        self._horizon = effective_horizon(game.gamma)
        self._start = start_fleets(game, n, runs, np.random.default_rng([*seed, 0]))

    def _rng(self) -> np.random.Generator:
        return np.random.default_rng([*self._seed, 1])

    def play(self, ladder: Ladder, pi_l: LocalPolicy) -> Rollouts:
        return self._simulate(self._game, pi_l, self._model(ladder), self._k, self._start)

    def _simulate(
        self, game: TabularGame, pi_l: LocalPolicy, model: ObservationModel, k: int, start: Fleets | ContinuousFleets
    ) -> Rollouts:
        return simulate(game, pi_l, model, k=k, start=start, horizon=self._horizon, rng=self._rng())

    def _model(self, ladder: Ladder) -> ObservationModel:
        # A filter predicts by the policy that the coordinator knows of, whatever the robots do.
        return Fresh(ladder) if self._name == "fresh" else make_filter(self._game, self._pi_l, ladder)

    def play_all_seen(self, ladder: Ladder, pi_l: LocalPolicy) -> Rollouts:
        return self._simulate(self._game, pi_l, AllSeen(ladder), self._n, self._start)

    def play_deviators(self, ladder: Ladder, pi_l: LocalPolicy, deviation: LocalPolicy, m: int) -> Rollouts:
        """As play, with `deviation` played by m robots drawn at the start, which the coordinator cannot tell apart."""
        rng = np.random.default_rng([*self._seed, 2])
        if isinstance(self._start, ContinuousFleets):
            kind = np.tile(np.arange(self._n) < m, (len(self._start.s_l), 1)).astype(np.int64)
            population = ContinuousPopulation(self._game, (pi_l, deviation), self._start, rng.permuted(kind, axis=1))
            model = self._model(ladder)
            return play(self._game, population, model, k=self._k, horizon=self._horizon, rng=self._rng())
        deviating = draw_without_replacement(self._start.counts, m, rng)
        start = Fleets(self._start.s_g, np.hstack([self._start.counts - deviating, deviating]))
        both = LocalPolicy(np.concatenate([pi_l.probabilities, deviation.probabilities]))
        return self._simulate(two_kinds(self._game), both, _Alike(self._model(ladder)), self._k, start)


class _Alike(Relayed):
    """An observation model for reports that also say which of two kinds a robot is: the kind is not looked at."""

    def received(self, reports: Counts) -> Counts:
        """Both kinds together [R, 2 L] -> [R, L]."""
        L = reports.shape[1] // 2
        return np.asarray(reports[:, :L] + reports[:, L:])


def two_kinds(game: TabularGame) -> TabularGame:
    """The game with every local state twice, s_l and S_l + s_l, one for each kind of robot; kinds never change."""
    L, S_g, A, _ = game.P_l.shape
    P_l = np.zeros((2, L, S_g, A, 2, L))
    P_l[0, :, :, :, 0], P_l[1, :, :, :, 1] = game.P_l, game.P_l
    alpha = np.tile(game.initial.alpha, 2)
    return TabularGame(
        name=game.name,
        P_g=game.P_g,
        P_l=P_l.reshape(2 * L, S_g, A, 2 * L),
        r_g=game.r_g,
        r_l=np.concatenate([game.r_l, game.r_l]),
        gamma=game.gamma,
        start=Start(game.initial.rho_g, alpha),
    )


def _best(tried: list[Rollouts], held: Rollouts) -> int | None:
    gains = [played.value - held.value for played in tried]
    return int(np.argmax(gains)) if gains and max(gains) > 0.0 else None


def _global_candidates(
    game: TabularGame,
    ladder: Ladder,
    pi_l: LocalPolicy,
    *,
    k: int,
    occupancy: FloatArray,
    relearn: GLearnOptions | None,
) -> list[Ladder]:
    """Rungs of k reports other than the ladder's: G-LEARN's own, and what the top rung would do about the likely population.

    The reports are few; the population is where it mostly is while s_g holds. So the top rung also acts on the mean
    of both, the latter with the weight of some robots.
    """
    k = min(k, ladder.K)
    counted, alone = aggregate(game, pi_l, occupancy)
    by_groups = Ladder(ladder.rungs, ladder.n_groups, ladder.n_global_actions)
    here = by_group(occupancy.sum(axis=2), game.groups) + 1e-12
    here /= here.sum(axis=1, keepdims=True)  # share of each state that is counted, while s_g holds [s_g, group]
    tables = [g_learn(counted, alone, k, relearn).policy] if relearn else []
    counts = enumerate_counts(k, ladder.n_groups)
    for weight in (0.0, *_PRIOR_ROBOTS) if k else (1.0,):
        actions = [
            by_groups.act_on_shares(np.full(len(counts), s_g), (counts + weight * share) / (k + weight))
            for s_g, share in enumerate(here)
        ]
        tables.append(np.stack(actions).astype(np.uint16))
    return [
        replace(ladder, rungs=(*ladder.rungs[:k], table, *ladder.rungs[k + 1 :]))
        for table in tables
        if not np.array_equal(table, ladder.rungs[k])
    ]


def _local_candidates(game: TabularGame, pi_l: LocalPolicy, occupancies: Iterable[FloatArray]) -> list[LocalPolicy]:
    """Local policies other than pi_l: L-LEARN's for each occupancy, the short-sighted one, and every constant action."""
    A = game.n_local_actions
    tables = [l_learn(game, occupancy).pi_l for occupancy in occupancies]
    tables.append(LocalPolicy(np.eye(A)[game.r_l.argmax(axis=2)]))
    tables += [LocalPolicy(np.broadcast_to(np.eye(A)[a], pi_l.probabilities.shape)) for a in range(A)]
    different: dict[bytes, LocalPolicy] = {table.probabilities.tobytes(): table for table in tables}
    different.pop(pi_l.probabilities.tobytes(), None)
    return list(different.values())
