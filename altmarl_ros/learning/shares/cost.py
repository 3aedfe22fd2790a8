"""Estimates what G-LEARN over shares takes on a game, from a few of its steps."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games import TabularGame
from altmarl_ros.learning.local_agent import l_learn
from altmarl_ros.learning.populations.occupancy import Occupancy
from altmarl_ros.learning.shares.estimates import start_estimates
from altmarl_ros.learning.shares.improvement import improved
from altmarl_ros.learning.shares.initial import blind_plans
from altmarl_ros.learning.shares.mean_field_bounds import sawtooth_estimates
from altmarl_ros.learning.shares.points import spread
from altmarl_ros.learning.shares.samplers import SwitchingEstimates, make_sampler
from altmarl_ros.learning.shares.solver import SharesOptions, check_memory, memory_needed
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.shares.process import IntArray, SharesProcess

_IMPROVEMENTS = 25  # of a solution: 5 to 30 were seen on rings and on grids of 9 to 400 zones
_PROBE_NUMBERS = 200_000  # shares at all points of one s_g: some tenths of a second
_LEAST_POINTS = 50
_ROBOTS = 100  # of the fleets whose estimates are drawn
_LONG = 20.0  # s; what takes longer is estimated by a part of it
_KEPT = 8 << 20  # bytes that the allocator keeps for threads, and rounds up


@dataclass(frozen=True)
class SharesCost:
    """What one L-LEARN and one G-LEARN over shares take, whatever the number of reports and robots is.

    Attributes:
        memory: of a training, beside the program and the game [bytes].
        seconds: estimate from some steps, which were timed against robots that respond to random global actions.
        at_least: whether some steps alone would take so long that the rest was not timed: `seconds` is then what these take.
    """

    memory: int
    seconds: float
    at_least: bool = False


def shares_cost(game: TabularGame, options: SharesOptions = SharesOptions()) -> SharesCost:
    """Estimate it by the steps of training, of which the last is taken once instead of many times.

    Raises:
        ResourceError: it would not fit the options' memory.
    """
    S_g, A_g = game.r_g.shape
    s_g, a_g = (each.ravel() for each in np.indices((S_g, A_g)))
    S_l = game.n_hidden_states * game.n_local_states
    every = np.broadcast_to(1.0, (S_g * A_g, S_l))
    began = time.perf_counter()
    pi_l = l_learn(game, Occupancy(s_g, a_g, every, (S_g, S_l, A_g))).pi_l
    process = SharesProcess.under_policy(game, pi_l)
    check_memory(process, options)
    memory = training_memory(game, process, options)
    few = replace(options, points=min(options.points, max(_LEAST_POINTS, _PROBE_NUMBERS // S_l)))
    share = few.per_state(S_g) / options.per_state(S_g)
    learned = time.perf_counter() - began
    drawn, sampling = _estimates(game, pi_l, process, np.random.default_rng(options.seed))
    if learned + options.rounds * sampling > _LONG:
        return SharesCost(memory, learned + options.rounds * sampling, at_least=True)
    started = time.perf_counter()
    points = spread(process, [start_estimates(process, game.initial), drawn], few.per_state(S_g), options.distance)
    vectors = improved(points, blind_plans(process, options.tolerance), options.tolerance)
    first = time.perf_counter() - started
    improved(points, vectors, options.tolerance)
    step = time.perf_counter() - started - first
    return SharesCost(memory, learned + options.rounds * sampling + (first + (_IMPROVEMENTS - 1) * step) / share)


def training_memory(game: TabularGame, process: SharesProcess, options: SharesOptions = SharesOptions()) -> int:
    """Compute how many bytes a training over shares takes beside the program and the game.

    These are the points and vectors of one G-LEARN, and the estimates among which points are chosen: there are most for the
    sawtooth of the verdict, where one is made.
    """
    estimates = make_sampler(game, LocalPolicy.uniform(game), _ROBOTS).count(game.gamma)
    if game.hidden is None:
        estimates = max(estimates, sawtooth_estimates(process, game.initial))
    return _KEPT + memory_needed(process, options) + 8 * process.n_local_states * estimates


def _estimates(
    game: TabularGame, pi_l: LocalPolicy, process: SharesProcess, rng: np.random.Generator
) -> tuple[tuple[IntArray, FloatArray], float]:
    """Draw estimates for points, all or a few of them, and tell how long all of them take [s]."""
    sampler = make_sampler(game, pi_l, _ROBOTS)
    if isinstance(sampler, SwitchingEstimates):
        probe = replace(sampler, runs=2, ticks=2, reports=(1,))
        probe(process, None, rng)  # compiles
        began = time.perf_counter()
        drawn = probe(process, None, rng)
        sampling = (time.perf_counter() - began) * sampler.count(game.gamma) / probe.count(game.gamma)
        if sampling > _LONG:
            return drawn, sampling
    began = time.perf_counter()
    drawn = sampler(process, None, rng)
    return drawn, time.perf_counter() - began
