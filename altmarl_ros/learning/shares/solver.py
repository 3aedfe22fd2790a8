"""G-LEARN over shares: value vectors for every number of reports and every number of robots at once.

Points are the estimates that a random coordinator comes across, and then those of the present policy; at each of them value
vectors are improved until no backup adds more than a small share of the scale of rewards. What is returned never depends on
k or n, nor on the unit of reward.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import ResourceError
from altmarl_ros.games.start import Start
from altmarl_ros.learning.shares.estimates import EstimateSampler, start_estimates
from altmarl_ros.learning.shares.evaluation import PRECISION, evaluate, inconsistency
from altmarl_ros.learning.shares.improvement import extended, gain, improved
from altmarl_ros.learning.shares.initial import blind_plans
from altmarl_ros.learning.shares.points import Points, spread
from altmarl_ros.policies.shares.lookahead import SharesPolicy
from altmarl_ros.policies.shares.process import IntArray, SharesProcess
from altmarl_ros.policies.shares.vectors import ValueVectors

_ROUGH = 0.3  # of the tolerance: precision of evaluations on the way
_COPIES = 60  # values of a point that are held at a time: points, vectors (three to a point at last) and GMRES' basis


@dataclass(frozen=True)
class SharesOptions:
    """How G-LEARN over shares computes.

    Attributes:
        tolerance: an improvement that adds less to the mean over the points ends a round, as a share of the scale of rewards.
        points: points in all, shared by the global states; at least `least_points` for each of them.
        least_points: points per global state at least.
        distance: least distance of two points of one global state, in total variation.
        rounds: how often points are collected: under random actions, and then under the policy so far.
        improvements: most improvements in a round.
        patience: improvements without a gain after which the last round ends; earlier ones end after the first.
        extensions: most improvements at the end that take nothing away, and make the controller larger.
        seed: seed of the estimates.
        memory_limit: bytes that vectors and points may take.
    """

    tolerance: float = 5e-5
    points: int = 750
    least_points: int = 4
    distance: float = 0.01
    rounds: int = 2
    improvements: int = 60
    patience: int = 2
    extensions: int = 3
    seed: int = 0
    memory_limit: int = 2 << 30

    def __post_init__(self) -> None:
        for name in ("points", "least_points", "rounds", "improvements", "patience", "memory_limit"):
            if getattr(self, name) < 1:
                raise ResourceError(f"{name} is {getattr(self, name)}, must be at least 1")
        if not self.tolerance > 0:
            raise ResourceError(f"tolerance is {self.tolerance}, must be positive")

    @property
    def rough(self) -> float:
        """Precision of evaluations on the way, as a share of the scale of rewards."""
        return _ROUGH * self.tolerance

    def per_state(self, S_g: int) -> int:
        """Most points at one global state."""
        return max(self.least_points, self.points // S_g)


@dataclass(frozen=True, eq=False)
class SharesSolution:
    """Result of G-LEARN over shares.

    Attributes:
        policy: the process with its value vectors.
        points: where the vectors were improved.
        improvements: how many there were.
        remaining_gain: the most that one more backup adds to V_Gamma at a point [reward units].
        inconsistency: V_Gamma - H V_Gamma is nowhere larger [reward units]; rounding.
    """

    policy: SharesPolicy
    points: Points
    improvements: int
    remaining_gain: float
    inconsistency: float


def learn_shares(
    process: SharesProcess,
    start: Start,
    sampler: EstimateSampler,
    options: SharesOptions = SharesOptions(),
    *,
    vectors: ValueVectors | None = None,
    on_improvement: Callable[[int, float], None] | None = None,
) -> SharesSolution:
    """Solve a process.

    Args:
        process: the coordinator's process under the robots' policy.
        start: how episodes begin; its mean is always among the points.
        sampler: draws estimates for the other points.
        options: how to compute.
        vectors: of an earlier solution, for a process of the same states and choices; their plans are a warm start.
        on_improvement: called with the number of improvements and the mean value over the points; may raise.

    Raises:
        ResourceError: points and vectors are over the memory limit.
        BundleError: the earlier vectors are not of these states and choices.
    """
    check_memory(process, options)
    rng = np.random.default_rng(options.seed)
    present = blind_plans(process, options.rough) if vectors is None else _warm(process, vectors, options.rough)
    points = None
    steps = 0
    for round_ in range(options.rounds):
        policy = None if round_ == 0 and vectors is None else SharesPolicy(process, present)
        points = _collected(process, start, sampler(process, policy, rng), options, points)
        last = round_ == options.rounds - 1
        present, used = _improve_until_flat(points, present, options, on_improvement, (steps, options.patience if last else 1))
        steps += used
    assert points is not None
    exact = evaluate(process, present, PRECISION)
    for _ in range(options.extensions):
        if gain(points, exact).max(initial=0.0) <= options.tolerance * process.scale:
            break
        exact = extended(points, exact)
        steps += 1
        if on_improvement:
            on_improvement(steps, float(exact.value(points.s, points.shares).mean()))
    left = float(gain(points, exact).max(initial=0.0))
    return SharesSolution(SharesPolicy(process, exact), points, steps, left, inconsistency(process, exact))


def memory_needed(process: SharesProcess, options: SharesOptions) -> int:
    """Compute how many bytes points and vectors take, beside the process."""
    rows = process.n_global_states * options.per_state(process.n_global_states)
    return rows * (_COPIES * 8 * process.n_local_states + 4 * 8 * (1 + process.most_successors))


def check_memory(process: SharesProcess, options: SharesOptions) -> None:
    """Raise ResourceError where points and vectors need more than the limit."""
    rows, needed = process.n_global_states * options.per_state(process.n_global_states), memory_needed(process, options)
    if needed > options.memory_limit:
        raise ResourceError(
            f"G-LEARN over shares needs {needed / 2**20:,.0f} MiB for {rows} points of {process.n_local_states} local states, "
            f"over the limit of {options.memory_limit / 2**20:,.0f} MiB; take fewer points"
        )


def _warm(process: SharesProcess, vectors: ValueVectors, precision: float) -> ValueVectors:
    vectors.check(process)
    return evaluate(process, vectors, precision)


def _collected(
    process: SharesProcess,
    start: Start,
    drawn: tuple[IntArray, FloatArray],
    options: SharesOptions,
    before: Points | None,
) -> Points:
    # The mean start and, for half of the room, points of the round before come first.
    first_s, first = start_estimates(process, start)
    room = options.per_state(process.n_global_states)
    heads = [(first_s, first)]
    if before is not None:
        few = spread(process, [(before.s, before.shares)], max(1, room // 2), options.distance)
        heads.append((few.s, few.shares))
    return spread(process, [*heads, drawn], room, options.distance, fixed=1)


def _improve_until_flat(
    points: Points,
    vectors: ValueVectors,
    options: SharesOptions,
    on_improvement: Callable[[int, float], None] | None,
    begun: tuple[int, int],
) -> tuple[ValueVectors, int]:
    # `begun`: improvements so far, and those without a gain after which this round ends.
    # Reconnected controllers may lose a little at some points: the best one by the mean over the points is kept.
    best, best_value = vectors, float(vectors.value(points.s, points.shares).mean())
    (steps, patience), waited, used = begun, 0, 0
    while waited < patience and used < options.improvements:
        vectors = improved(points, vectors, options.rough)
        used += 1
        value = float(vectors.value(points.s, points.shares).mean())
        waited = 0 if value > best_value + options.tolerance * points.process.scale else waited + 1
        if value > best_value:
            best, best_value = vectors, value
        if on_improvement:
            on_improvement(steps + used, value)
    return best, used
