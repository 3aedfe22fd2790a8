"""Compiles what most tests call, before many processes run side by side and each would compile all of it anew.

Run by `make test`. numba keeps what it compiled beside the modules, so that a second run takes some seconds.
"""

from __future__ import annotations

from altmarl_ros.driving.warm_up import warm_up as warm_up_driving
from altmarl_ros.games import load_game
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.learning.counts.backups import GLearnOptions
from altmarl_ros.nodes.simulators.physical_parameters import warm_up as warm_up_world
from altmarl_ros.simulation.physical import PhysicalConfig

_GAMES = (("warehouse", "shares"), ("warehouse", "exact"), ("warehouse", "sampled"), ("continuous_warehouse", "exact"))


def main() -> None:
    """Train, drive and simulate for an instant."""
    for game, backup in _GAMES:
        options = TrainingOptions(
            K=2, rounds=1, runs=4, n=4, horizon=4, certificate_runs=4, search_seconds=0.0, g_learn=GLearnOptions(backup=backup)
        )
        train(load_game(game), options)
    warm_up_driving()
    warm_up_world(PhysicalConfig())


if __name__ == "__main__":
    main()
