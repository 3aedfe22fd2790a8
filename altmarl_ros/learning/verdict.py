"""What a training came to, in plain words: whether a better policy is known for either side, and how good one could be.

What the coordinator earns is measured in episodes that end where 0.1 % of the discounted weight is left. Its bounds hold
against these robots: from below what plans earn that are chosen by what is known at the first tick, from above what k robots
alone could earn (learning/shares).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import ResourceError
from altmarl_ros.games import TabularGame
from altmarl_ros.learning.counts.backups import prefers_exact
from altmarl_ros.learning.gaps.certificate import Interval, NashGap
from altmarl_ros.learning.global_learners import Pair
from altmarl_ros.learning.horizon import discounted_horizon
from altmarl_ros.learning.populations.population import Fleets, simulate, start_fleets
from altmarl_ros.learning.shares.bounds import Bound, lookahead_loss
from altmarl_ros.learning.shares.lower_bounds import all_seen, heard_nobody, heard_some
from altmarl_ros.learning.shares.mean_field_bounds import HOLDS_FOR, points_from_the_mean_start, sawtooth, takes_seconds
from altmarl_ros.learning.shares.measured_value import measured_gains
from altmarl_ros.learning.shares.subset_values import counted_bound, subset_bound
from altmarl_ros.learning.shares.told import told_process, told_start
from altmarl_ros.learning.training_options import TrainingOptions, default_certificate_runs
from altmarl_ros.observation import Fresh, make_filter
from altmarl_ros.observation.start_posterior import mean_start
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.shares import SharesPolicy, SharesProcess

_TAIL = 1e-3
_NOTHING = 1e-6  # share of the reward that is rounding
_DRAWS = 2000  # starts over which a bound is a mean
_LARGEST_SUBSET = 25
_TUPLE_WORK = 2e7  # entries of tables over tuples of robots, times what is not zero in a row of their kernels
_SAWTOOTH_POINTS = 20  # per global state


@dataclass(frozen=True)
class Verdict:
    """The outcome of a training.

    Attributes:
        sentence: in plain words.
        earned: discounted team reward of the pair, as far as its episodes go.
        earned_error: its standard error.
        bounds: of what a coordinator can earn against these robots, each with whom it holds for.
        lookahead: what one step of lookahead may lose against the bounds from below; empty for a ladder.
    """

    sentence: str
    earned: float
    earned_error: float
    bounds: tuple[Bound, ...]
    lookahead: str

    def as_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self)


def judge(game: TabularGame, pair: Pair, options: TrainingOptions, gap: NashGap) -> Verdict:
    """Judge a trained pair with its NashGap.

    The bounds hold for the game's tables, so that there are none for a game on continuous states. Where room is limited no
    bound from above is known, and those from below are about the model in which robots are not held back.
    """
    process = _process(game, pair)
    earned, error = _earned(game, pair, options)
    lower: tuple[Bound, ...] = ()
    upper: tuple[Bound, ...] = ()
    if game.room is not None:
        lower = tuple(map(_without_room, _from_below(game, pair, options)))
    elif game.continuous is None:
        lower, upper = _from_below(game, pair, options), _from_above(game, pair.pi_l, process, options.n)
    sides = _sides(gap, earned)
    loss = f"; {_distance(earned, upper[-1])}" if upper else ""
    mean_field = _mean_field(game, pair) if upper else ()
    look = str(lookahead_loss(pair.pi_g)) if isinstance(pair.pi_g, SharesPolicy) else ""
    return Verdict(f"{sides}{loss}", earned, error, (*lower, *upper, *mean_field), look)


def _without_room(bound: Bound) -> Bound:
    return replace(bound, holds_for=f"{bound.holds_for}, in the model without room")


def _sides(gap: NashGap, earned: float) -> str:
    found = [
        f"another policy of the {whose} gains {gain.estimate:.3g} ({100 * gain.estimate / max(abs(earned), 1e-300):.2g} %)"
        for whose, gain in (("coordinator", gap.global_gain), ("robots", _larger(gap.local_gain_one, gap.local_gain_all)))
        if gain.low > _NOTHING * abs(earned)  # by enumeration, or by an estimate whose interval is above 0
    ]
    if not found:
        return "no better policy found for either side"
    return f"a better policy is known: {' and '.join(found)}"


def _larger(one: Interval, other: Interval) -> Interval:
    return max(one, other, key=lambda gain: gain.low)


def _distance(earned: float, best: Bound) -> str:
    share = max(0.0, best.value - earned) / max(abs(best.value), 1e-300)
    return f"coordinator within {100 * share:.1f} % of the best possible against these robots"


def _process(game: TabularGame, pair: Pair) -> SharesProcess:
    return pair.pi_g.process if isinstance(pair.pi_g, SharesPolicy) else SharesProcess.under_policy(game, pair.pi_l)


def _earned(game: TabularGame, pair: Pair, options: TrainingOptions) -> tuple[float, float]:
    pi_g, pi_l = pair
    rng = np.random.default_rng([options.seed, 8])
    start = start_fleets(game, options.n, default_certificate_runs(game), rng)
    model = Fresh(pi_g, game.initial) if options.learn_for == "fresh" else make_filter(game, pi_l, pi_g)
    horizon = discounted_horizon(game.gamma, _TAIL)
    measurable = game.hidden is None and game.room is None
    if isinstance(pi_g, SharesPolicy) and isinstance(start, Fleets) and measurable:
        gains = measured_gains(game, pi_g, pi_l, model, k=options.K, start=start, horizon=horizon, rng=rng)
        known = all_seen(pi_g, game.initial, options.n, draws=min(4, 1 + 100 // game.n_global_states) * _DRAWS, rng=rng)
        return known.value + float(gains.mean()), float(np.hypot(known.standard_error, _standard_error(gains)))
    returns = simulate(game, pi_l, model, k=options.K, start=start, horizon=horizon, rng=rng).returns
    return float(returns.mean()), _standard_error(returns)


def _standard_error(samples: FloatArray) -> float:
    return float(samples.std(ddof=1) / np.sqrt(len(samples)))


def _from_below(game: TabularGame, pair: Pair, options: TrainingOptions) -> tuple[Bound, ...]:
    pi_g, start, rng = pair.pi_g, game.initial, np.random.default_rng([options.seed, 9])
    if not isinstance(pi_g, SharesPolicy):
        return ()
    nobody, everybody = heard_nobody(pi_g, start), all_seen(pi_g, start, options.n, draws=_DRAWS, rng=rng)
    if options.top == 0:
        return nobody, everybody
    return nobody, heard_some(pi_g, start, options.top, options.n, draws=_DRAWS, rng=rng), everybody


def _from_above(game: TabularGame, pi_l: LocalPolicy, process: SharesProcess, n: int) -> tuple[Bound, ...]:
    """Bounds that hold for every coordinator of a finite team, the tightest last; one that is told a hidden state included."""
    start = game.initial
    if game.hidden is not None:
        process, start = told_process(game, pi_l), told_start(game)
    bounds = [subset_bound(process, start, 1)]
    if game.types is not None:
        return tuple(bounds)
    most = min(n, _LARGEST_SUBSET)
    for k in (most, 10, 5) if game.hidden is None else ():
        if k <= most and prefers_exact(game, k):
            try:
                return (*bounds, counted_bound(game, pi_l, k))
            except ResourceError:  # the exact backup refuses the kernels
                break
    per_row = len(process.arrays.data) / (len(process.kernels) * process.n_local_states)
    for k in range(2, min(n, 3) + 1):
        if k * per_row * process.n_global_states * process.n_local_states**k > _TUPLE_WORK:
            break
        bounds.append(subset_bound(process, start, k))
    return tuple(bounds)


def _mean_field(game: TabularGame, pair: Pair) -> tuple[Bound, ...]:
    if not isinstance(pair.pi_g, SharesPolicy) or game.hidden is not None or not takes_seconds(pair.pi_g.process):
        return ()
    if game.types is None and prefers_exact(game, _LARGEST_SUBSET):  # counts of many robots, which are tighter, are cheap
        return ()
    start = game.initial
    upper = sawtooth(points_from_the_mean_start(pair.pi_g, start, _SAWTOOTH_POINTS, np.random.default_rng(0)))
    s = np.flatnonzero(start.rho_g > 0)
    value = start.rho_g[s] @ upper.value(s, np.tile(mean_start(start), (len(s), 1)))
    return (Bound(float(value), f"{HOLDS_FOR}, from the mean start"),)
