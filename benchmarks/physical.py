"""Measures the speed of the physical world: python benchmarks/physical.py [--seconds 10] [--rounds 5].

Every robot has a laser of 120 beams at 10 Hz, odometry at 20 Hz, localisation at 10 Hz, and 12.5 m^2 of floor in a hall
with shelves. New commands are drawn twice a second, so that robots run into each other and into walls. The world runs on
one core with a time step of 20 ms, two of MuJoCo's. Rows alternate over several rounds; medians are shown, of simulated over
CPU time, so that a busy machine matters little. "dynamics" has no sensors.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from altmarl_ros.simulation.physical.config import LaserConfig, LocalisationConfig, OdometryConfig, PhysicalConfig
from altmarl_ros.simulation.physical.placement import polygon_walls, random_starts
from altmarl_ros.simulation.physical.world import PhysicalWorld

ROBOTS = (1, 20, 40, 100)
SILENT = PhysicalConfig(laser=LaserConfig(rate=0), odometry=OdometryConfig(rate=0), localisation=LocalisationConfig(rate=0))
WORLDS = {"all sensors": PhysicalConfig(), "dynamics": SILENT}


def hall(n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the corners of a square hall, and its walls with a row of shelves for every ten robots."""
    side = np.sqrt(12.5 * n) + 2.0
    corners = np.array([[0, 0], [side, 0], [side, side], [0, side]])
    shelves = [
        polygon_walls([[0.2 * side, y], [0.8 * side, y], [0.8 * side, y + 0.5], [0.2 * side, y + 0.5]])
        for y in np.linspace(0, side, max(1, n // 10) + 2)[1:-1]
    ]
    return corners, np.vstack([polygon_walls(corners), *shelves])


def play(world: PhysicalWorld, seconds: float) -> float:
    """Return how many seconds of CPU time the simulated seconds take."""
    rng = np.random.default_rng(0)
    began = time.process_time()
    for step in range(round(seconds / world.config.time_step)):
        if step % 25 == 0:
            for robot in range(len(world)):
                world.command(robot, rng.uniform([0, 0, -1], [1, 0, 1]))
        world.step()
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="simulated, per row and round")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    worlds, segments = {}, {}
    for n in ROBOTS:
        corners, walls = hall(n)
        starts = random_starts(n, [corners], PhysicalConfig().base.radius, 0, walls)
        segments[n] = len(walls)
        for name, config in WORLDS.items():
            worlds[n, name] = PhysicalWorld(config, walls, starts, 0)
            play(worlds[n, name], 0.5)
    seconds: dict[tuple[int, str], list[float]] = {key: [] for key in worlds}
    for _ in range(arguments.rounds):
        for key, world in worlds.items():
            seconds[key].append(play(world, arguments.seconds))

    table = Table(title=f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; one core used")
    for column in ("robots", "walls", "contacts/s", *(f"{name}: simulated / CPU time" for name in WORLDS), "rays/s"):
        table.add_column(column, justify="right")
    for n in ROBOTS:
        took = {name: statistics.median(seconds[n, name]) for name in WORLDS}
        world, laser = worlds[n, "all sensors"], PhysicalConfig().laser
        table.add_row(
            f"{n}",
            f"{segments[n]}",
            f"{len(world.contacts) / world.time:.1f}",
            *(f"{arguments.seconds / took[name]:.1f}" for name in WORLDS),
            f"{n * laser.rate * laser.beams * arguments.seconds / took['all sensors']:.3g}",
        )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
