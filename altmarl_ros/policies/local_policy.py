"""Defines the policy pi_l(a_l | s_l, s_g) that all robots share."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import BundleError
from altmarl_ros.games import TabularGame


@dataclass(frozen=True, eq=False)
class LocalPolicy:
    """A stochastic local policy; immutable.

    Attributes:
        probabilities: pi_l [s_l, s_g, a_l]; rows sum to 1.
        action_values: Q [s_l, s_g, a_l] of a robot, the discounted team reward; None if unknown.

    Raises:
        BundleError: an entry is no probability, or an action value is no finite number; the message names it.
    """

    probabilities: FloatArray
    action_values: FloatArray | None = None

    def __post_init__(self) -> None:
        given = np.asarray(self.probabilities)
        if given.dtype.kind not in "biuf":
            raise BundleError(f"pi_l holds {given.dtype}, must hold numbers")
        p = np.array(given, dtype=np.float64, order="C")
        if p.ndim != 3 or p.size == 0:
            raise BundleError(f"pi_l has shape {p.shape}, must be [s_l, s_g, a_l]")
        bad = ~np.isfinite(p) | (p < 0)
        if bad.any():
            s_l, s_g, a_l = np.argwhere(bad)[0]
            raise BundleError(f"pi_l[s_l={s_l}, s_g={s_g}, a_l={a_l}] is {p[s_l, s_g, a_l]}, must be a probability")
        sums = p.sum(axis=-1)
        if (np.abs(sums - 1.0) > 1e-6).any():
            s_l, s_g = np.argwhere(np.abs(sums - 1.0) > 1e-6)[0]
            raise BundleError(f"pi_l[s_l={s_l}, s_g={s_g}] sums to {sums[s_l, s_g]:g}, not 1")
        if (np.abs(sums - 1.0) > 1e-12).any():
            p /= sums[..., None]
        p.setflags(write=False)
        object.__setattr__(self, "probabilities", p)
        if self.action_values is not None:
            Q = np.array(self.action_values, order="C")
            if Q.shape != p.shape or Q.dtype.kind != "f" or not np.isfinite(Q).all():
                raise BundleError(f"action values have shape {Q.shape} of {Q.dtype}, must be {p.shape} of finite numbers")
            Q = Q.astype(np.float64)
            Q.setflags(write=False)
            object.__setattr__(self, "action_values", Q)

    @classmethod
    def uniform(cls, game: TabularGame) -> LocalPolicy:
        """Make the policy that takes every local action with the same probability."""
        A = game.n_local_actions
        return cls(np.full((game.n_local_states, game.n_global_states, A), 1.0 / A))

    def draw(self, s_l: int, s_g: int, rng: np.random.Generator) -> int:
        """Draw one action a_l ~ pi_l(. | s_l, s_g)."""
        rows = self._cumulative.get(s_l)
        if rows is None:
            rows = self._cumulative[s_l] = np.cumsum(self.probabilities[s_l], axis=-1).tolist()
        cumulative = rows[s_g]
        return min(bisect_right(cumulative, rng.random()), len(cumulative) - 1)

    def usual(self, s_l: int, s_g: int) -> int | None:
        """The action that is taken more often than all others together; None if there is none, or no such state."""
        if not (0 <= s_l < self.probabilities.shape[0] and 0 <= s_g < self.probabilities.shape[1]):
            return None
        row = self.probabilities[s_l, s_g]
        action = int(row.argmax())
        return action if row[action] > 0.5 else None

    def softened(self, temperature: float) -> LocalPolicy:
        """Return the policy softmax(Q / temperature), `temperature` in units of reward.

        It is the policy itself for temperature 0, or if Q is unknown.
        """
        if temperature <= 0.0 or self.action_values is None:
            return self
        made = self._softened
        if temperature not in made:
            made.clear()  # the last one is kept, which all robots of a process share
            made[temperature] = LocalPolicy(softmax(self.action_values, temperature), self.action_values)
        return made[temperature]

    @cached_property
    def _softened(self) -> dict[float, LocalPolicy]:
        return {}

    @cached_property
    def _cumulative(self) -> dict[int, list[list[float]]]:
        # By s_l, of those drawn from. Lists are faster than arrays for one draw at a time, which a robot makes between a poll
        # and its report.
        return {}

    def transition(self, game: TabularGame) -> FloatArray:
        """Compute P_pi(s_l' | s_l, s_g) = sum_a pi_l(a | s_l, s_g) P_l(s_l' | s_l, s_g, a) [s_g, s_l, s_l']."""
        return np.ascontiguousarray(np.einsum("lga,lgam->glm", self.probabilities, game.P_l))

    def reward(self, game: TabularGame) -> FloatArray:
        """Compute r_pi(s_l, s_g) = sum_a pi_l(a | s_l, s_g) r_l(s_l, s_g, a) [s_g, s_l]."""
        return np.ascontiguousarray(np.einsum("lga,lga->gl", self.probabilities, game.r_l))

    def joint_reward(self, game: TabularGame) -> FloatArray:
        """Compute r_pi(d, s_l, s_g), likewise [s_g, d * S_l + s_l]; without a hidden state it is `reward`."""
        hidden = game.hidden
        if hidden is None:
            return self.reward(game)
        S_l, S_g, A_l = self.probabilities.shape
        r_l = hidden.r_l.reshape(S_l, len(hidden), S_g, A_l)
        return np.asarray(np.einsum("lga,ldga->gdl", self.probabilities, r_l).reshape(S_g, -1))


def softmax(Q: FloatArray, temperature: float) -> FloatArray:
    """Compute the softmax of Q / temperature along the last axis, for a temperature above 0."""
    weights = np.exp((Q - Q.max(axis=-1, keepdims=True)) / temperature)
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))
