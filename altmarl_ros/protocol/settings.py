"""What a coordinator can be told to do differently while it runs.

The ROS parameters that are live come together in one `CoordinatorSettings`. The coordinator takes a new one over as a whole
when a tick is due (protocol/coordinator.py), so that one tick, from its draw to its status, follows from one of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from altmarl_ros.observation import DEFAULT_MODEL
from altmarl_ros.observation.catalogue import DEFAULT_TURNOVER


@dataclass(frozen=True)
class DecisionSettings:
    """What a decision depends on besides the policy and the reports.

    Attributes:
        model: name of the observation model.
        turnover: share of the polled robots that the model `sticky` draws anew at each tick, in [0, 1].
        temperature: softmax temperature of the global action [reward units]; 0 takes the best action.
        seed: seed of the draws by temperature, together with session and tick.
    """

    model: str = DEFAULT_MODEL
    turnover: float = DEFAULT_TURNOVER
    temperature: float = 0.0
    seed: int = 0

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> DecisionSettings:
        """The settings in a coordinator's parameters; a parameter that an old record lacks has its default."""
        return cls(**_given(DECISION_PARAMETERS, parameters))


@dataclass(frozen=True)
class CoordinatorSettings:
    """All that may change from one tick to the next, except the policy, which is announced first.

    Attributes:
        k: reports wanted per tick.
        decision: what decisions depend on.
        bandwidth_limit: what reports may cost on the wire [B/s]; 0: no limit.
        period: time between ticks [s].
        deadline: share of the period after which the coordinator decides on what it has.
        backfill: share of the answer time after which other robots are polled in place of silent ones.
        max_misses: polls in a row that a robot may miss before it leaves the draw.
        probe_interval: draws between two polls of a robot that left the draw.
        patience: ticks after which a new policy is acted by although some robot has not confirmed it.
        paused: whether no tick begins.
    """

    k: int = 5
    decision: DecisionSettings = DecisionSettings()
    bandwidth_limit: float = 0.0
    period: float = 0.5
    deadline: float = 0.8
    backfill: float = 0.5
    max_misses: int = 3
    probe_interval: int = 10
    patience: int = 10
    paused: bool = False

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> CoordinatorSettings:
        """The settings in a coordinator's parameters, by name."""
        return cls(decision=DecisionSettings.from_parameters(parameters), **_given(TICK_PARAMETERS, parameters))

    @property
    def answer_time(self) -> float:
        """How long a tick waits for reports [s]."""
        return self.period * self.deadline

    @property
    def backfill_interval(self) -> float:
        """Time from one poll of a tick to the next, which asks other robots [s]."""
        return self.answer_time * self.backfill


DECISION_PARAMETERS = {
    "model": "sampling.model",
    "turnover": "sampling.turnover",
    "temperature": "policy.temperature",
    "seed": "sampling.seed",
}
"""ROS parameter of each field of DecisionSettings."""

TICK_PARAMETERS = {
    "k": "sampling.k",
    "bandwidth_limit": "bandwidth_limit",
    "period": "tick.period",
    "deadline": "tick.deadline",
    "backfill": "tick.backfill",
    "max_misses": "roster.max_misses",
    "probe_interval": "roster.probe_interval",
    "patience": "policy.patience",
    "paused": "paused",
}
"""ROS parameter of each other field of CoordinatorSettings."""


def _given(names: Mapping[str, str], parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {field: parameters[name] for field, name in names.items() if name in parameters}
