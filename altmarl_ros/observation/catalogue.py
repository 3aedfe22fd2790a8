"""Makes observation models by name."""

from __future__ import annotations

from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import TabularGame
from altmarl_ros.observation.filtered import Filtered
from altmarl_ros.observation.fresh import Fresh, Sticky
from altmarl_ros.observation.hypotheses import Hypotheses
from altmarl_ros.observation.model import ObservationModel
from altmarl_ros.policies import GlobalPolicy, LocalPolicy, PolicyBundle

MODEL_NAMES = ("filtered", "fresh", "sticky")
DEFAULT_MODEL = "filtered"
DEFAULT_TURNOVER = 0.2


def make_model(name: str, game: TabularGame, bundle: PolicyBundle, turnover: float = DEFAULT_TURNOVER) -> ObservationModel:
    """Make the observation model of that name for a game and its policies; only `sticky` uses `turnover`.

    Raises:
        AltmarlError: the name is unknown, or the turnover is not in [0, 1].
    """
    if not 0.0 <= turnover <= 1.0:
        raise AltmarlError(f"turnover is {turnover}, must be in 0..1")
    if name == "filtered":
        return make_filter(game, bundle.pi_l, bundle.pi_g)
    if name == "fresh":
        return Fresh(bundle.pi_g, game.initial)
    if name == "sticky":
        return Sticky(bundle.pi_g, game.initial, turnover)
    raise AltmarlError(f"observation model {name!r} is unknown; known are {', '.join(MODEL_NAMES)}")


def make_filter(game: TabularGame, pi_l: LocalPolicy, pi_g: GlobalPolicy) -> ObservationModel:
    """Make the `filtered` model that fits the game's start.

    A Bayes filter (`Hypotheses`) fits a start that is one of a few distributions, a Kalman filter (`Filtered`) fits a
    Dirichlet start.
    """
    return (Hypotheses if game.initial.alpha.ndim == 2 else Filtered)(game, pi_l, pi_g)
