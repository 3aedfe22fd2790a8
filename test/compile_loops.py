"""Compiles what most tests call, before many processes run side by side and each would compile all of it anew.

Run by `make test`. numba keeps what it compiled beside the modules, so that a second run takes some seconds.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from altmarl_ros.driving.warm_up import warm_up as warm_up_driving
from altmarl_ros.games import load_game
from altmarl_ros.games.identification.smoothing import smooth
from altmarl_ros.games.room import Places, Room
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.learning.counts.backups import GLearnOptions
from altmarl_ros.learning.shares.mean_field_bounds import points_from_the_mean_start, sawtooth
from altmarl_ros.learning.shares.solver import SharesOptions
from altmarl_ros.nodes.simulators.physical_parameters import warm_up as warm_up_world
from altmarl_ros.protocol.held_policies import HeldPolicy
from altmarl_ros.protocol.messages import Tick, game_tag
from altmarl_ros.simulation.hidden_path import HiddenPath
from altmarl_ros.simulation.physical import PhysicalConfig
from altmarl_ros.simulation.vectorised_fleet import Crowd

_OPTIONS = TrainingOptions(K=2, rounds=1, runs=4, n=4, horizon=4, certificate_runs=4, search_seconds=0.0)
_TRAININGS = (
    ("warehouse", "shares"),
    ("warehouse", "exact"),
    ("warehouse", "sampled"),
    ("continuous_warehouse", "exact"),
)


def main() -> None:
    """Train, move a fleet, drive and simulate for an instant."""
    for game, backup in _TRAININGS:
        train(load_game(game), replace(_OPTIONS, g_learn=GLearnOptions(backup=backup)))
    few = SharesOptions(points=20, rounds=1)
    deliveries = load_game("deliveries")
    train(deliveries, replace(_OPTIONS, shares=few))
    HiddenPath(deliveries.hidden, 0)
    D = len(deliveries.hidden)
    smooth(np.zeros((3, D)), np.full((D, D), 1 / D), np.full(D, 1 / D), np.array([False, True, True]))
    warehouse = load_game("warehouse")
    bounded = train(warehouse, replace(_OPTIONS, certificate_runs=0, shares=few)).pi_g
    sawtooth(points_from_the_mean_start(bounded, warehouse.initial, 5, np.random.default_rng(0)))
    places = Places.of_states(warehouse.local_state_names)
    tight = replace(warehouse, room=Room(places, np.full(len(places), 2), np.full(len(places), False)))
    bundle = train(tight, replace(_OPTIONS, certificate_runs=0))
    for game in (warehouse, tight):
        fleet = Crowd(game, 0, 4, 0)
        fleet.policies.hold(HeldPolicy(1, bundle.pi_l, game_tag("")))
        fleet.hear(Tick(1, 0, 1, 0, None, ()), 0.0)
        fleet.act()
    warm_up_driving()
    warm_up_world(PhysicalConfig())


if __name__ == "__main__":
    main()
