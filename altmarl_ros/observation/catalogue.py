"""Makes observation models by name."""

from __future__ import annotations

from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import TabularGame
from altmarl_ros.observation.filtered import Filtered
from altmarl_ros.observation.fresh import Fresh, Sticky
from altmarl_ros.observation.hypotheses import Hypotheses
from altmarl_ros.observation.model import ObservationModel
from altmarl_ros.observation.reference import AllSeen
from altmarl_ros.observation.switching import SwitchingFilter
from altmarl_ros.policies import GlobalPolicy, LocalPolicy, PolicyBundle

MODEL_NAMES = ("filtered", "fresh", "sticky")
DEFAULT_MODEL = "filtered"
DEFAULT_TURNOVER = 0.2


def make_model(name: str, game: TabularGame, bundle: PolicyBundle, turnover: float = DEFAULT_TURNOVER) -> ObservationModel:
    """Make the observation model of that name for a game and its policies; only `sticky` uses `turnover`.

    Raises:
        AltmarlError: see `check_model`.
    """
    check_model(name, game, turnover)
    if name == "filtered":
        return make_filter(game, bundle.pi_l, bundle.pi_g)
    return Fresh(bundle.pi_g, game.initial) if name == "fresh" else Sticky(bundle.pi_g, game.initial, turnover)


def check_model(name: str, game: TabularGame, turnover: float = DEFAULT_TURNOVER) -> None:
    """Check that there is an observation model of that name, and that it can be used in a game.

    Raises:
        AltmarlError: the name is unknown, the turnover is not in [0, 1], or the game has a hidden state or types of robots,
            which only `filtered` follows.
    """
    if not 0.0 <= turnover <= 1.0:
        raise AltmarlError(f"turnover is {turnover}, must be in 0..1")
    if name not in MODEL_NAMES:
        raise AltmarlError(f"observation model {name!r} is unknown; known are {', '.join(MODEL_NAMES)}")
    if name not in models_for(game):
        if game.hidden is None:
            raise AltmarlError(f"observation model {name!r} takes all robots of {game.name!r} for alike; use 'filtered'")
        raise AltmarlError(
            f"observation model {name!r} has no memory to find the hidden state of {game.name!r} by; use 'filtered'"
        )


def models_for(game: TabularGame) -> tuple[str, ...]:
    """The names of the observation models that can be used in a game."""
    return MODEL_NAMES if game.hidden is None and game.types is None else ("filtered",)


def make_filter(game: TabularGame, pi_l: LocalPolicy, pi_g: GlobalPolicy) -> ObservationModel:
    """Make the `filtered` model that fits the game.

    A bank of filters (`SwitchingFilter`) finds a hidden state. Without one a Bayes filter (`Hypotheses`) fits a start that is
    one of a few distributions, a Kalman filter (`Filtered`) a Dirichlet start.
    """
    if game.hidden is not None:
        return SwitchingFilter(game, pi_l, pi_g)
    return (Hypotheses if game.initial.alpha.ndim == 2 else Filtered)(game, pi_l, pi_g)


def all_seen(game: TabularGame, pi_l: LocalPolicy, pi_g: GlobalPolicy, *, told: bool = False) -> ObservationModel:
    """Make the model of a coordinator that hears every robot, and that is told the hidden state if `told`.

    Raises:
        AltmarlError: `told` in a game without a hidden state.
    """
    if game.hidden is None:
        if told:
            raise AltmarlError(f"the game {game.name!r} has no hidden state to tell the coordinator")
        return AllSeen(pi_g, game.initial)
    return SwitchingFilter(game, pi_l, pi_g, told=told)
