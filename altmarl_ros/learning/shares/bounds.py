"""What a number about the coordinator's value holds for."""

from __future__ import annotations

from dataclasses import dataclass

from altmarl_ros.learning.shares.evaluation import inconsistency
from altmarl_ros.policies.shares.lookahead import SharesPolicy


@dataclass(frozen=True)
class Bound:
    """A bound of the expected discounted team reward from the start of an episode.

    Attributes:
        value: the bound [reward units].
        standard_error: of `value` where it is a mean over drawn starts; 0 where it is exact.
        holds_for: in words, whose value it bounds.
    """

    value: float
    holds_for: str
    standard_error: float = 0.0

    def __str__(self) -> str:
        error = f" ± {self.standard_error:.2f}" if self.standard_error else ""
        return f"{self.value:.2f}{error}: {self.holds_for}"


@dataclass(frozen=True)
class LookaheadLoss:
    """How much less than V_Gamma(s_g, m) the coordinator may earn that acts by one step of lookahead from there.

    With delta_t = (V_Gamma - H V_Gamma)^+ where it is at tick t and eps_t the total variation between its estimate and the
    posterior mean, it earns at least

        V_Gamma(s, m) - E sum gamma^t [ delta_t + 2 gamma sp eps_t ],

    for any number of robots, provided that what it knows is nested (it remembers) and that reports go missing
    independently of what they would say.

    Attributes:
        delta: greatest delta_t [reward units]; rounding, since the vectors are values of a controller.
        inconsistency: sum gamma^t delta at most [reward units].
        per_error: 2 gamma sp / (1 - gamma): loss by an estimate that is always wrong by 1 in total variation.
    """

    delta: float
    inconsistency: float
    per_error: float

    def at_error(self, total_variation: float) -> float:
        """Loss at most where the estimate is never farther than this from the posterior mean [reward units]."""
        return self.inconsistency + self.per_error * total_variation

    def __str__(self) -> str:
        per_error = f"{self.per_error:.3g} per unit of estimation error"
        return f"one step of lookahead loses at most {self.inconsistency:.1e}, and {per_error}"


def lookahead_loss(policy: SharesPolicy) -> LookaheadLoss:
    """The loss terms of a policy."""
    gamma = policy.process.gamma
    delta = inconsistency(policy.process, policy.vectors)
    return LookaheadLoss(delta, delta / (1.0 - gamma), 2.0 * gamma * policy.vectors.span / (1.0 - gamma))
