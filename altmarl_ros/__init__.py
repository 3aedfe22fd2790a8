"""ROS 2 control of fleets whose coordinator hears only a few robots per tick (arXiv 2603.03759).

From Python, `import altmarl_ros as altmarl` offers what the `altmarl` command does: load or build a game, train, evaluate,
certify, plot, save. Each name is imported when it is first used, so that importing the package costs a robot nothing.
"""

from importlib import import_module
from pkgutil import extend_path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from altmarl_ros.environments import coordinator_environment, coordinator_environments, fleet_environment
    from altmarl_ros.games import Start, TabularGame, load_game, save_game
    from altmarl_ros.games.sampling import SampledGame, sample_game
    from altmarl_ros.library import TrainedPair, build, load, train

# The generated messages are installed; run from a checkout, the modules are those of the checkout.
__path__ = extend_path(__path__, __name__)

__version__ = "0.1.0"

_OFFERED = {
    "SampledGame": "games.sampling",
    "Start": "games",
    "TabularGame": "games",
    "TrainedPair": "library",
    "build": "library",
    "coordinator_environment": "environments",
    "coordinator_environments": "environments",
    "fleet_environment": "environments",
    "load": "library",
    "load_game": "games",
    "sample_game": "games.sampling",
    "save_game": "games",
    "train": "library",
}

__all__ = [
    "SampledGame",
    "Start",
    "TabularGame",
    "TrainedPair",
    "__version__",
    "build",
    "coordinator_environment",
    "coordinator_environments",
    "fleet_environment",
    "load",
    "load_game",
    "sample_game",
    "save_game",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _OFFERED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_OFFERED[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
