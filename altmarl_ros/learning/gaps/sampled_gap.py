"""Estimates the gains of deviations in fleets of any size, by simulation with common random numbers.

Candidates are made and compared on one set of random numbers, and the gain of the best one is measured on another set. So
its 95 % interval is that of a policy fixed beforehand, not of a maximum over noise. Candidates
that clearly lose in a few episodes of their own, in which a coordinator with a filter hears all robots, are sorted out first.
The estimate is the gain of a policy that was found; the best of its class gains at least as much. Episodes end where 1 % of
the discounted weight is left (`discounted_horizon`), so about that share of every gain is missing.

One robot of n changes the team's reward by order 1/n, which is below the noise of any simulation. Therefore the share SHARE
of the robots deviates, and the team's gain is divided by this share. To first order this is n times the team's gain from
one robot, including the effect on its own reward and the coordinator's response to what it reports. A second copy of the
local states marks the robots that deviate, so that the same population simulation can play them.

The coordinator plays through an observation model, `fresh` or `filtered`. Where its policy is a ladder, `fresh` acts by rung k
and `filtered` by the top rung; candidates replace this rung, or the whole policy.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Callable, Sequence, TypeVar

import numpy as np

from altmarl_ros.games import HiddenState, Start, TabularGame
from altmarl_ros.games.kernels import LocalKernel
from altmarl_ros.games.sparse import Sparse
from altmarl_ros.learning.comparison import HELD_AT_MOST
from altmarl_ros.learning.counts.backups import GLearnOptions
from altmarl_ros.learning.gaps.certificate import Interval
from altmarl_ros.learning.gaps.gap_candidates import global_candidates, local_candidates
from altmarl_ros.learning.horizon import discounted_horizon
from altmarl_ros.learning.local_responses import views
from altmarl_ros.learning.populations.continuous_population import ContinuousFleets, ContinuousPopulation
from altmarl_ros.learning.populations.population import Fleets, Rollouts, play, simulate, simulations_at_once, start_fleets
from altmarl_ros.observation import Counts, Fresh, ObservationModel, Relayed, all_seen, draw_without_replacement, make_filter
from altmarl_ros.policies import GlobalPolicy, LocalPolicy
from altmarl_ros.workers import side_by_side

TAIL = 0.01
_FEW = 4  # least episodes that sort out candidates, and one in so many of those that choose
_CLEARLY = 4.0  # standard errors by which a candidate must lose in them to be left out

PolicyT = TypeVar("PolicyT", GlobalPolicy, LocalPolicy)
SHARE = 0.1
"""Share of the robots that deviate together, to estimate the gain of one."""


@dataclass(frozen=True)
class SampledGap:
    """The estimated gains; NashGap explains them."""

    value: float
    value_error: float
    global_gain: Interval
    global_all_seen: Interval
    local_gain_one: Interval
    local_gain_all: Interval


def sampled_gap(
    game: TabularGame,
    pi_g: GlobalPolicy,
    pi_l: LocalPolicy,
    *,
    k: int,
    n: int,
    runs: int,
    seed: int,
    relearn: GLearnOptions | None,
    model: str = "fresh",
) -> SampledGap:
    """Estimate the gains of deviations from (pi_g, pi_l) under an observation model with k reports of n robots.

    `runs` episodes choose the deviations, and as many others measure them.
    """
    at_once = simulations_at_once(game)
    sizes = {"choosing": runs, "measuring": runs, "sorting": max(_FEW, runs // _FEW)}
    choosing, measuring, sorting = (
        _Episodes(game, pi_l, n=n, k=k, runs=size, seed=[seed, part], model=_model_of(name, model))
        for part, (name, size) in enumerate(sizes.items())
    )
    chosen_by, held = side_by_side(lambda episodes: episodes.play(pi_g, pi_l), (choosing, measuring), at_once)

    def best(candidates: Sequence[PolicyT], play: Callable[[_Episodes, PolicyT], Rollouts], present: PolicyT) -> PolicyT | None:
        """Find the candidate that gains most over the present policy, if one does."""
        left = candidates
        if len(candidates) > 1 and sizes["sorting"] < runs:
            left = _in_question(candidates, lambda policy: play(sorting, policy), play(sorting, present), at_once)
        base = chosen_by if play is not deviating else play(choosing, present)
        gains = side_by_side(lambda policy: play(choosing, policy).value - base.value, left, at_once)
        return left[int(np.argmax(gains))] if gains and max(gains) > 0.0 else None

    def coordinating(episodes: _Episodes, other: GlobalPolicy) -> Rollouts:
        return episodes.play(other, pi_l)

    def acting(episodes: _Episodes, policy: LocalPolicy) -> Rollouts:
        return episodes.play(pi_g, policy)

    m = max(1, round(SHARE * n))

    def deviating(episodes: _Episodes, policy: LocalPolicy) -> Rollouts:
        return episodes.play_deviators(pi_g, pi_l, policy, m)

    def gain(played: Rollouts, base: Rollouts, scale: float = 1.0) -> Interval:
        return Interval.of_gain(played.returns - base.returns, scale)

    rung = min(k, n) if model == "fresh" or pi_g.most_reports is None else pi_g.most_reports
    others = global_candidates(game, pi_g, pi_l, k=rung, n=n, occupancy=chosen_by.visits, relearn=relearn, seed=seed)
    seen = choosing.play_all_seen(pi_g, pi_l).visits
    policies = local_candidates(game, pi_l, (*views(game, chosen_by.visits), seen), n=n)
    if game.room is not None:  # a deviation keeps to the room if all robots can play it
        most_held = max(HELD_AT_MOST, float(chosen_by.held.mean()))
        policies = [policy for policy in policies if acting(choosing, policy).held.mean() <= most_held]
    better_global = best(others, coordinating, pi_g)
    better_local = best(policies, acting, pi_l)
    better_own = best(policies, deviating, pi_l)

    def of_coordinator() -> Interval:
        return gain(coordinating(measuring, better_global), held) if better_global else Interval.nothing()

    def of_all() -> Interval:
        return gain(acting(measuring, better_local), held) if better_local else Interval.nothing()

    def of_one() -> Interval:
        if not better_own:
            return Interval.nothing()
        return gain(deviating(measuring, better_own), deviating(measuring, pi_l), n / m)

    def of_seeing_all() -> Interval:
        return gain(measuring.play_all_seen(pi_g, pi_l), held)

    gains = side_by_side(lambda measured: measured(), (of_coordinator, of_seeing_all, of_one, of_all), at_once)
    return SampledGap(held.value, held.standard_error, *gains)


def _model_of(part: str, model: str) -> str:
    """The observation model of a part of the episodes: a filter is slow, and nearly sees all robots."""
    return "all_seen" if part == "sorting" and model == "filtered" else model


def _in_question(
    candidates: Sequence[PolicyT], play: Callable[[PolicyT], Rollouts], present: Rollouts, at_once: int
) -> Sequence[PolicyT]:
    """Leave out the candidates that lose clearly against the present policy in the same episodes."""

    def in_question(policy: PolicyT) -> bool:
        difference = play(policy).returns - present.returns
        error = float(difference.std(ddof=1)) / np.sqrt(len(difference))
        return bool(float(difference.mean()) + _CLEARLY * error >= 0.0)

    asked = side_by_side(in_question, candidates, at_once)
    return [policy for policy, is_in_question in zip(candidates, asked, strict=True) if is_in_question]


class _Episodes:
    """Plays every pair from the same starts with the same random numbers."""

    def __init__(self, game: TabularGame, pi_l: LocalPolicy, *, n: int, k: int, runs: int, seed: list[int], model: str) -> None:
        self._name = model
        self._game, self._pi_l, self._n, self._k, self._seed = game, pi_l, n, n if model == "all_seen" else min(k, n), seed
        self._horizon = discounted_horizon(game.gamma, TAIL)
        self._start = start_fleets(game, n, runs, np.random.default_rng([*seed, 0]))

    def _rng(self) -> np.random.Generator:
        return np.random.default_rng([*self._seed, 1])

    @cached_property
    def _two_kinds(self) -> TabularGame:
        return two_kinds(self._game)

    def play(self, pi_g: GlobalPolicy, pi_l: LocalPolicy) -> Rollouts:
        return self._simulate(self._game, pi_l, self._model(pi_g), self._k, self._start)

    def _simulate(
        self, game: TabularGame, pi_l: LocalPolicy, model: ObservationModel, k: int, start: Fleets | ContinuousFleets
    ) -> Rollouts:
        return simulate(game, pi_l, model, k=k, start=start, horizon=self._horizon, rng=self._rng())

    def _model(self, pi_g: GlobalPolicy) -> ObservationModel:
        # A filter predicts by the policy that the coordinator knows, even if robots deviate from it.
        if self._name == "all_seen":
            return all_seen(self._game, self._pi_l, pi_g)
        return Fresh(pi_g, self._game.initial) if self._name == "fresh" else make_filter(self._game, self._pi_l, pi_g)

    def play_all_seen(self, pi_g: GlobalPolicy, pi_l: LocalPolicy) -> Rollouts:
        return self._simulate(self._game, pi_l, all_seen(self._game, self._pi_l, pi_g), self._n, self._start)

    def play_deviators(self, pi_g: GlobalPolicy, pi_l: LocalPolicy, deviation: LocalPolicy, m: int) -> Rollouts:
        """Play the pair while m robots, drawn at the start and unknown to the coordinator, play `deviation`."""
        rng = np.random.default_rng([*self._seed, 2])
        if isinstance(self._start, ContinuousFleets):
            kind = np.tile(np.arange(self._n) < m, (len(self._start.s_l), 1)).astype(np.int64)
            population = ContinuousPopulation(self._game, (pi_l, deviation), self._start, rng.permuted(kind, axis=1))
            model = self._model(pi_g)
            return play(self._game, population, model, k=self._k, horizon=self._horizon, rng=self._rng())
        deviating = draw_without_replacement(self._start.counts, m, rng)
        start = Fleets(self._start.s_g, np.hstack([self._start.counts - deviating, deviating]), self._start.d)
        both = LocalPolicy(np.concatenate([pi_l.probabilities, deviation.probabilities]))
        return self._simulate(self._two_kinds, both, _Alike(self._model(pi_g)), self._k, start)


class _Alike(Relayed):
    """Passes reports to an observation model without the mark that says which of two kinds a robot is."""

    def received(self, reports: Counts) -> Counts:
        """Add the reports of both kinds [R, 2 L] -> [R, L]."""
        L = reports.shape[1] // 2
        return np.asarray(reports[:, :L] + reports[:, L:])


def two_kinds(game: TabularGame) -> TabularGame:
    """Make a game with two copies of every local state, s_l and S_l + s_l, one for each kind of robot; kinds never change."""
    P_l, r_l, hidden = game.local_kernel, game.r_l, game.hidden
    if hidden is not None:
        by_hidden = hidden.r_l.reshape(game.n_local_states, len(hidden), game.n_global_states, -1).transpose(1, 0, 2, 3)
        rewards = np.concatenate([by_hidden, by_hidden], axis=1)
        hidden = HiddenState(hidden.P_d, _two_copies(hidden.local_kernel), rewards, rho_d=hidden.rho_d)
    return TabularGame(
        name=game.name,
        P_g=game.global_kernel,
        P_l=_two_copies(P_l),
        r_g=game.r_g,
        r_l=np.concatenate([r_l, r_l]),
        gamma=game.gamma,
        start=Start(game.initial.rho_g, np.tile(game.initial.alpha, 2)),
        hidden=hidden,
        room=None if game.room is None else game.room.doubled(),
    )


def _two_copies(kernel: LocalKernel) -> LocalKernel:
    from scipy.sparse import block_diag

    moves = [[Sparse(block_diag([P, P], format="csr")) for P in by_action] for by_action in kernel.moves]
    return LocalKernel.from_moves(moves, kernel.moves_at)
