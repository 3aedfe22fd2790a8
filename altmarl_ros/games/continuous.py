"""The authors' continuous experiment: robots on a line and a dispatcher that moves a meeting point.

The positions s_g and s_l lie in [-w, w], which is divided into equal bins. Action a_g steers s_g towards the
centre tau of bin a_g; the local actions displace a robot by d = 0, +step, -step. With independent Gaussian noise,

    s_g' = clip(s_g + steering (tau[a_g] - s_g) + N(0, sigma_g^2))
    s_l' = clip(s_l + d[a_l] + N(0, sigma_l^2))
    r_g  = commitment_reward exp(-(s_g - tau[a_g])^2 / (2 commitment_width^2))
    r_l  = alignment_reward exp(-(s_l - s_g)^2 / (2 alignment_width^2)) - move_cost |d[a_l]|

An episode starts with s_g ~ U(-start_range, start_range). floor(majority n) robots start around one bin centre
and the others around another one, all with standard deviation start_spread, clipped to [-w, w].

The defaults are the authors' numbers (github.com/emiletimothy/alternating-marl, continuous_env.py). In their code
robots move after s_g has moved; since their drift towards s_g is zero, this makes no difference to the model.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class ContinuousWarehouse:
    """A validated continuous game; lengths in the authors' unit.

    Raises:
        GameError: naming the parameter and the rule that it breaks.
    """

    bins: int = 5
    half_width: float = 2.0
    steering: float = 0.6
    sigma_g: float = 0.08
    sigma_l: float = 0.04
    step: float = 0.05
    commitment_reward: float = 5.0
    commitment_width: float = 0.30
    alignment_reward: float = 10.0
    alignment_width: float = 0.20
    move_cost: float = 5.0
    start_range: float = 1.0
    start_spread: float = 0.18
    majority: float = 0.55

    def __post_init__(self) -> None:
        for parameter in fields(self):
            value = getattr(self, parameter.name)
            signed = parameter.name in ("commitment_reward", "alignment_reward", "move_cost")
            if not (np.isfinite(value) and (signed or value > 0)):
                raise GameError(f"{parameter.name} is {value!r}, must be {'finite' if signed else 'positive'}")
        for name, least, most in (("bins", 2, 64), ("steering", 0, 1), ("majority", 0, 1), ("start_range", 0, self.half_width)):
            if not least <= getattr(self, name) <= most:
                raise GameError(f"{name} is {getattr(self, name)!r}, must be in {least}..{most}")

    @property
    def dynamics(self) -> tuple[float, ...]:
        """The parameters that determine how robots and plant move; rewards and starts are not among them."""
        return (self.bins, self.half_width, self.steering, self.sigma_g, self.sigma_l, self.step)

    def rewarded(self, of_global: float, of_local: float) -> ContinuousWarehouse:
        """Return the same game with r_g multiplied by `of_global` and r_l by `of_local`."""
        return replace(
            self,
            commitment_reward=of_global * self.commitment_reward,
            alignment_reward=of_local * self.alignment_reward,
            move_cost=of_local * self.move_cost,
        )

    @cached_property
    def targets(self) -> FloatArray:
        """The centres of the bins, tau [A_g]."""
        edges = np.linspace(-self.half_width, self.half_width, self.bins + 1)
        return np.asarray(0.5 * (edges[1:] + edges[:-1]))

    @cached_property
    def offsets(self) -> FloatArray:
        """The displacement by each local action, d [A_l]."""
        return np.array([0.0, self.step, -self.step])

    @cached_property
    def pairs(self) -> IntArray:
        """The pairs of bins that majority and minority may start around, all equally likely [bins (bins - 1), 2]."""
        return np.array(list(permutations(range(self.bins), 2)), dtype=np.int64)

    def mean_s_g(self, s_g: FloatArray, a_g: IntArray) -> FloatArray:
        """Return E s_g' before clipping; the arguments broadcast."""
        return np.asarray(s_g + self.steering * (self.targets[a_g] - s_g))

    def mean_s_l(self, s_l: FloatArray, a_l: IntArray) -> FloatArray:
        """Return E s_l' before clipping; the arguments broadcast."""
        return np.asarray(s_l + self.offsets[a_l])

    def clip(self, position: FloatArray) -> FloatArray:
        """Clip positions to [-w, w]."""
        return np.clip(position, -self.half_width, self.half_width)

    def r_g(self, s_g: FloatArray, a_g: IntArray) -> FloatArray:
        """Return the global reward; the arguments broadcast."""
        return np.asarray(self.commitment_reward * _bell(s_g - self.targets[a_g], self.commitment_width))

    def r_l(self, s_l: FloatArray, s_g: FloatArray, a_l: IntArray) -> FloatArray:
        """Return the local reward; the arguments broadcast."""
        cost = self.move_cost * np.abs(self.offsets)[a_l]
        return np.asarray(self.alignment_reward * _bell(s_l - s_g, self.alignment_width) - cost)

    def start(self, n: int, runs: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Draw the first s_g [R] and s_l [R, n] of `runs` fleets."""
        s_g = rng.uniform(-self.start_range, self.start_range, runs)
        around = self.targets[self.pairs[rng.integers(len(self.pairs), size=runs)]]
        first = int(self.majority * n)
        centre = np.repeat(around, [first, n - first], axis=1)
        return s_g, self.clip(centre + self.start_spread * rng.standard_normal((runs, n)))


def _bell(distance: FloatArray, width: float) -> FloatArray:
    return np.asarray(np.exp(-0.5 * (distance / width) ** 2))
