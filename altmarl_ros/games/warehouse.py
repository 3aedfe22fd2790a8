"""The authors' tabular experiment: robots and a dispatcher on a ring of zones.

All kernels are softmax rows of logits. With e(.) the indicator,

    P_g[s_g, a_g]      ~ exp(0.1 + 3.0 e(a_g) + 0.5 e(s_g))
    P_l[s_l, s_g, a_l] ~ exp(0.1 + 3.5 e(s_l) + 1.5 e(neighbour a_l) + 0.3 e(s_g))
    r_l[s_l, s_g, a_l] = (10 if s_l = s_g else 2 / (1 + ring distance)) + [0, 0.5, -0.3][a_l]
    r_g = 1 (their code) or 4 - |s_g - a_g| (the paper, section 6)

The numbers of r_l are the parameters `reward`, `nearby`, `next_reward` and `previous_reward`. Local action 1 leads to the
neighbour s_l + 1 and action 2 to the neighbour s_l - 1.
"""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, Field
from typing_extensions import Literal

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games.start import Start
from altmarl_ros.games.tabular import TabularGame


class WarehouseParameters(BaseModel, extra="forbid"):
    """Parameters of the `warehouse` builder; the defaults are the authors' numbers."""

    zones: int = Field(5, ge=3, le=64)
    gamma: float = Field(0.95, gt=0, lt=1)
    target_logit: float = Field(3.0, ge=-50, le=50)
    inertia_logit: float = Field(0.5, ge=-50, le=50)
    stay_logit: float = Field(3.5, ge=-50, le=50)
    move_logit: float = Field(1.5, ge=-50, le=50)
    drift_logit: float = Field(0.3, ge=-50, le=50)
    start_concentration: float = Field(0.3, gt=0, le=1e6)
    reward: float = Field(10.0, ge=-1e6, le=1e6)
    nearby: float = Field(2.0, ge=-1e6, le=1e6)
    next_reward: float = Field(0.5, ge=-1e6, le=1e6)
    previous_reward: float = Field(-0.3, ge=-1e6, le=1e6)
    global_reward: Literal["constant", "distance"] = "constant"


def build_warehouse(parameters: WarehouseParameters) -> TabularGame:
    """Robots on a ring of zones and a dispatcher: S_g = A_g = S_l = zones, A_l = 3 (stay, next, previous)."""
    L = parameters.zones
    e = np.eye(L)
    zone = np.arange(L)
    neighbour = np.stack([np.zeros((L, L)), e[(zone + 1) % L], e[(zone - 1) % L]])  # [a_l, s_l, s_l']

    P_g = _softmax(parameters.target_logit * e[None, :, :] + parameters.inertia_logit * e[:, None, :])
    P_l = _softmax(
        parameters.stay_logit * e[:, None, None, :]
        + parameters.move_logit * neighbour.transpose(1, 0, 2)[:, None, :, :]
        + parameters.drift_logit * e[None, :, None, :]
    )
    step = np.abs(zone[:, None] - zone[None, :])
    distance = np.minimum(step, L - step)
    presence = np.where(distance == 0, parameters.reward, parameters.nearby / (1.0 + distance))
    r_l = presence[:, :, None] + np.array([0.0, parameters.next_reward, parameters.previous_reward])
    r_g = np.ones((L, L)) if parameters.global_reward == "constant" else 4.0 - step
    return TabularGame(
        name="warehouse",
        P_g=P_g,
        P_l=P_l,
        r_g=r_g,
        r_l=r_l,
        gamma=parameters.gamma,
        start=Start(np.full(L, 1.0 / L), np.full(L, parameters.start_concentration)),
        local_action_names=("stay", "next", "previous"),
    )


def _softmax(logits: FloatArray) -> FloatArray:
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))
