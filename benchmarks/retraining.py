"""Learn on a model, run a fleet, identify the robots' kernel from the runs, and learn again.

The runs come from a RunSource: simulated robots (`MarkovRuns`), a physical simulation, or real robots. A greedy policy never
shows what the other actions do, and an action that is never seen keeps the model's probabilities. So the runs for
identification are played with a share of random local actions (`exploring`).

A truer model alone does not make a better pair. Best responses in turn end in one of several equilibria, and the pair learned
on a truer kernel may end in a worse one. So the second pair replaces the first only by the rule UPDATE of
learning/alternating.py: if it beats the first on the identified game, played from the same starts with the same seeds.
Otherwise the first pair stays, with a coordinator that knows the identified kernel. This guarantees nothing on the true game:
retrain.py shows where the second pair earns less all the same, and `paired_gain` measures it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol, Sequence

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games.identification import IdentifiedKernel, count_transitions, feels_global_state, identify
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.games.trajectory import Trajectory
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.learning.evaluation import Evaluation, common_start
from altmarl_ros.learning.horizon import discounted_horizon
from altmarl_ros.learning.populations.population import Fleets, next_global_states, start_fleets
from altmarl_ros.observation import DEFAULT_MODEL, draw_without_replacement, make_model
from altmarl_ros.policies import LocalPolicy, PolicyBundle

_RUNS = 400  # simulated fleets that decide between two bundles
EXPLORE = 0.1
"""Share of random local actions in the runs from which the kernel is identified."""


class RunSource(Protocol):
    """Plays one run of a fleet and returns what its robots and coordinator did."""

    def __call__(self, game: TabularGame, bundle: PolicyBundle, seed: int) -> Trajectory:
        """Play one run by `bundle`, with a coordinator that takes `game` for true.

        Runs with the same seed begin in the same states and use the same random numbers where they can, whatever the bundle.
        """


@dataclass(frozen=True, eq=False)
class Retraining:
    """The result of learning again.

    Attributes:
        first: the bundle learned on the model.
        candidate: the bundle learned on the identified game.
        second: the bundle that was chosen for the identified game, one of these two.
        gain: discounted reward that the candidate earns more than the first on the identified game.
        gain_error: standard error of the gain.
        identified: the model with the identified P_l.
        kernel: the posterior of P_l.
    """

    first: PolicyBundle
    candidate: PolicyBundle
    second: PolicyBundle
    gain: float
    gain_error: float
    identified: TabularGame
    kernel: IdentifiedKernel


@dataclass(frozen=True)
class Gain:
    """Mean reward per tick of the first and the second bundle, and their paired difference with its standard error."""

    first: float
    second: float
    difference: float
    standard_error: float


def retrain(
    model: TabularGame,
    source: RunSource,
    seeds: Sequence[int],
    options: TrainingOptions = TrainingOptions(),
) -> Retraining:
    """Learn on the model, identify P_l from one run for each seed, and learn again.

    Args:
        model: the game before any run.
        source: plays the runs.
        seeds: the seed of each run.
        options: options of both trainings.
    """
    first = train(model, options)
    curious = exploring(first, EXPLORE)
    counts = np.sum([count_transitions(model, source(model, curious, seed)) for seed in seeds], axis=0)
    kernel = identify(model.P_l, counts, pool=not feels_global_state(model.P_l))
    identified = replace(model, P_l=kernel.P_l)
    candidate = train(identified, options)
    carried = first.carried_to(identified)
    gains = _returns(identified, candidate, options) - _returns(identified, carried, options)
    gain, error = float(gains.mean()), float(gains.std(ddof=1) / np.sqrt(len(gains)))
    second = candidate if gain > options.confidence * error else carried
    return Retraining(first, candidate, second, gain, error, identified, kernel)


def _returns(game: TabularGame, bundle: PolicyBundle, options: TrainingOptions) -> FloatArray:
    """Simulate fleets from starts that the training did not see, and return their discounted returns [R]."""
    seed = options.seed + 1
    start = common_start(game, options.n, options.runs or _RUNS, seed)
    horizon = options.horizon or discounted_horizon(game.gamma)
    return Evaluation(game, bundle, start, horizon, seed).rollouts(options.learn_for, options.K).returns


def exploring(bundle: PolicyBundle, share: float) -> PolicyBundle:
    """Return the bundle with this share of its robots' actions drawn uniformly at random."""
    if not 0.0 <= share <= 1.0:
        raise AltmarlError(f"explore is {share}, must be in 0..1")
    pi = bundle.pi_l.probabilities
    return replace(bundle, pi_l=LocalPolicy((1.0 - share) * pi + share / pi.shape[-1]))


def paired_gain(model: TabularGame, result: Retraining, source: RunSource, seeds: Sequence[int]) -> Gain:
    """Play one run per seed (at least two) by each bundle, and compare their rewards, which are the model's."""
    if len(seeds) < 2:
        raise AltmarlError(f"{len(seeds)} seeds give no standard error: take at least 2")
    before = np.array([source(model, result.first, seed).rewards(model).mean() for seed in seeds])
    after = np.array([source(result.identified, result.second, seed).rewards(model).mean() for seed in seeds])
    gains = after - before
    error = float(gains.std(ddof=1) / np.sqrt(len(gains)))
    return Gain(float(before.mean()), float(after.mean()), float(gains.mean()), error)


@dataclass(frozen=True, eq=False)
class MarkovRuns:
    """A RunSource of simulated robots, which move by the true game's P_l whatever game the coordinator takes for true.

    Attributes:
        truth: the true game, on discrete states.
        n: number of robots.
        k: reports per tick, at most the bundle's top rung; a new subset reports each tick to the default observation model.
        ticks: length of a run [ticks].
    """

    truth: TabularGame
    n: int
    k: int
    ticks: int

    def __call__(self, game: TabularGame, bundle: PolicyBundle, seed: int) -> Trajectory:
        """See RunSource."""
        start = start_fleets(self.truth, self.n, 1, np.random.default_rng([seed, 0]))
        if not isinstance(start, Fleets):
            raise AltmarlError(f"game {self.truth.name!r} is played on continuous states")
        robots, dynamics, hearing = (np.random.default_rng([seed, stream]) for stream in (1, 2, 3))
        act, move = np.cumsum(bundle.pi_l.probabilities, axis=-1), np.cumsum(self.truth.P_l, axis=-1)
        model = make_model(DEFAULT_MODEL, game, bundle)
        model.reset(1)
        s_g, a_g = np.empty((2, self.ticks), dtype=np.int64)
        s_l, a_l = np.empty((2, self.ticks, self.n), dtype=np.int64)
        now, states = start.s_g, np.repeat(np.arange(self.truth.n_local_states), start.counts[0])
        for t in range(self.ticks):
            counts = np.bincount(states, minlength=self.truth.n_local_states)[None]
            decided = model.decide(now, draw_without_replacement(counts, self.k, hearing), self.n)
            u = robots.random((2, self.n, 1))  # the same number of draws for every bundle
            actions = (u[0] >= act[states, now[0], :-1]).sum(axis=-1)
            s_g[t], a_g[t], s_l[t], a_l[t] = now[0], decided[0], states, actions
            states = (u[1] >= move[states, now[0], actions, :-1]).sum(axis=-1)
            now = next_global_states(self.truth, now, decided, dynamics)
        return Trajectory(np.zeros(self.ticks, dtype=np.int64), np.arange(self.ticks), s_g, a_g, s_l, a_l)
