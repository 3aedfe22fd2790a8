"""Makes small random games in which the coordinator matters, for checks and for the rate of the gap.

    P_g[s_g, a_g]      = steer e(a_g) + (1 - steer) u,          u ~ Dirichlet(1, .., 1)
    P_l[s_l, s_g, a_l] = inertia e(s_l) + (1 - inertia) u
    r_l[s_l, s_g, a_l] = 5 x(s_l, s_g) + 0.5 y(s_l, s_g, a_l),  r_g = 0;   x, y standard normal

Robots are slow, and their reward is high only at some pairs (s_l, s_g): the coordinator must know where they are.
"""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, Field

from altmarl_ros.games.start import Start
from altmarl_ros.games.tabular import TabularGame


class RandomGameParameters(BaseModel, extra="forbid"):
    """Parameters of `build_random_game`."""

    seed: int = Field(0, ge=0)
    global_states: int = Field(3, ge=1, le=64)
    local_states: int = Field(3, ge=1, le=64)
    local_actions: int = Field(2, ge=1, le=64)
    gamma: float = Field(0.9, gt=0, lt=1)
    steer: float = Field(0.9, ge=0, le=1)
    inertia: float = Field(0.85, ge=0, le=1)
    start_concentration: float = Field(0.3, gt=0, le=1e6)


def build_random_game(parameters: RandomGameParameters) -> TabularGame:
    """Draw a game with S_g = A_g = global_states; the same seed gives the same game."""
    rng = np.random.default_rng(parameters.seed)
    S, L, A = parameters.global_states, parameters.local_states, parameters.local_actions
    steered, kept = np.eye(S)[None], np.eye(L)[:, None, None]
    return TabularGame(
        name=f"random-{parameters.seed}",
        P_g=parameters.steer * steered + (1.0 - parameters.steer) * rng.dirichlet(np.ones(S), (S, S)),
        P_l=parameters.inertia * kept + (1.0 - parameters.inertia) * rng.dirichlet(np.ones(L), (L, S, A)),
        r_g=np.zeros((S, S)),
        r_l=5.0 * rng.normal(size=(L, S, 1)) + 0.5 * rng.normal(size=(L, S, A)),
        gamma=parameters.gamma,
        start=Start(np.full(S, 1.0 / S), np.full(L, parameters.start_concentration)),
    )
