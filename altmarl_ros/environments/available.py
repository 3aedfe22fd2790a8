"""Makes environments, or says which extra is missing: Gymnasium and PettingZoo are imported here, with the first of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from altmarl_ros.errors import ResourceError
from altmarl_ros.games import TabularGame
from altmarl_ros.policies import LocalPolicy, PolicyBundle

if TYPE_CHECKING:
    from altmarl_ros.environments.coordinator import CoordinatorEnvironment, CoordinatorEnvironments
    from altmarl_ros.environments.fleet import FleetEnvironment

_EXTRA = "environments need the packages gymnasium and pettingzoo: {}; pip install 'altmarl-ros[environments]'"


def coordinator_environment(
    game: TabularGame,
    policies: PolicyBundle | LocalPolicy | None = None,
    *,
    robots: int = 60,
    k: int = 5,
    horizon: int = 200,
    estimate: bool = False,
) -> CoordinatorEnvironment:
    """Make the Gymnasium environment of a coordinator whose robots act by a policy.

    Args:
        game: the game that is played; room and a hidden state are simulated, and continuous states are where the game has them.
        policies: a learned bundle or a policy of the robots; None: robots act at random.
        robots: number of robots n.
        k: reports that the coordinator hears per tick.
        horizon: ticks after which an episode is truncated.
        estimate: whether the observation also has the estimate that the learned coordinator would act on; needs a bundle.

    Raises:
        ResourceError: gymnasium is missing.
        AltmarlError: a number is out of range, the robots do not fit, or there is no bundle to estimate by.
    """
    try:
        from altmarl_ros.environments.coordinator import CoordinatorEnvironment
    except ImportError as error:
        raise ResourceError(_EXTRA.format(error)) from None
    return CoordinatorEnvironment(game, policies, robots=robots, k=k, horizon=horizon, estimate=estimate)


def coordinator_environments(
    game: TabularGame,
    policies: PolicyBundle | LocalPolicy | None = None,
    *,
    fleets: int,
    robots: int = 60,
    k: int = 5,
    horizon: int = 200,
    estimate: bool = False,
) -> CoordinatorEnvironments:
    """Make a Gymnasium vector environment of many independent fleets, which are simulated together.

    Args:
        game: see `coordinator_environment`, and so for what is not told here.
        policies: see there.
        fleets: number of fleets, each with its own coordinator.
        robots: robots of each fleet.
        k: reports per tick and fleet.
        horizon: see there.
        estimate: see there.

    Raises:
        ResourceError: gymnasium is missing.
        AltmarlError: as for `coordinator_environment`.
    """
    try:
        from altmarl_ros.environments.coordinator import CoordinatorEnvironments
    except ImportError as error:
        raise ResourceError(_EXTRA.format(error)) from None
    return CoordinatorEnvironments(game, policies, fleets=fleets, robots=robots, k=k, horizon=horizon, estimate=estimate)


def fleet_environment(game: TabularGame, *, robots: int = 10, k: int = 5, horizon: int = 200) -> FleetEnvironment:
    """Make the PettingZoo parallel environment of a coordinator and its robots, all of which act by policies from outside.

    Args:
        game: the game that is played; not one on continuous states.
        robots: number of robots n.
        k: reports that the coordinator hears per tick.
        horizon: ticks after which an episode is truncated.

    Raises:
        ResourceError: gymnasium or pettingzoo is missing.
        AltmarlError: a number is out of range, the robots do not fit, or the game has continuous states.
    """
    try:
        from altmarl_ros.environments.fleet import FleetEnvironment
    except ImportError as error:
        raise ResourceError(_EXTRA.format(error)) from None
    return FleetEnvironment(game, robots=robots, k=k, horizon=horizon)
