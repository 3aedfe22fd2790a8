"""Changes the rewards of a game without changing how its robots move.

Weights w_g and w_l scale the two parts of the team reward, and parameters of the game's builder shape them:

    r = w_g r_g(s_g, a_g) + w_l (1/n) sum_i r_l(s_i, s_g, a_i)

A parameter that changes P_g, P_l or the states is refused, since policies learned on other dynamics do not fit the fleet.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Mapping

import numpy as np

from altmarl_ros.errors import GameError
from altmarl_ros.files import parse_yaml
from altmarl_ros.games.game_files import load_game
from altmarl_ros.games.tabular import TabularGame


@dataclass(frozen=True)
class Rewards:
    """Rewards and discount that replace those of a game.

    Attributes:
        of_global: w_g.
        of_local: w_l.
        gamma: discount per tick; None keeps the game's own.
        parameters: builder parameters by name; they replace those of the game's file.
    """

    of_global: float = 1.0
    of_local: float = 1.0
    gamma: float | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("of_global", "of_local"):
            if not np.isfinite(getattr(self, name)):
                raise GameError(f"rewards: {name} is {getattr(self, name)}, must be finite")

    def of(self, source: str | Path) -> TabularGame:
        """Load the game of a file or built-in name with these rewards.

        Raises:
            GameError: the game or a parameter is bad, or a parameter changes more than rewards, discount or starts; the
                message names the file and the parameter.
        """
        game = load_game(source)
        own = game.dynamics_hash
        if self.parameters:
            game = load_game(source, self.parameters)
            if game.dynamics_hash != own:
                alone = {name: load_game(source, {name: value}).dynamics_hash for name, value in self.parameters.items()}
                moved = ", ".join(name for name, dynamics in alone.items() if dynamics != own) or "the parameters"
                raise GameError(f"{source}: {moved} would change how the fleet moves, and not what is rewarded alone")
        continuous = game.continuous.rewarded(self.of_global, self.of_local) if game.continuous is not None else None
        gamma = game.gamma if self.gamma is None else self.gamma
        r_g, r_l = self.of_global * game.r_g, self.of_local * game.r_l
        hidden = None if game.hidden is None else game.hidden.rewarded(self.of_local)  # whose averages P_l and r_l are
        return replace(game, r_g=r_g, r_l=r_l, gamma=gamma, continuous=continuous, hidden=hidden)


def parse_parameters(text: str) -> dict[str, Any]:
    """Parse builder parameters from one line of YAML, such as `{nearby: 4, travel_cost: 0.2}`; an empty text has none.

    Raises:
        GameError: the text is no mapping whose keys are names.
    """
    try:
        document = parse_yaml(text) if text.strip() else {}
    except ValueError as error:
        raise GameError(str(error)) from None
    if not isinstance(document, dict) or not all(isinstance(name, str) for name in document):
        raise GameError(f"{text!r} is no mapping of names, such as {{nearby: 4}}")
    return document
