"""Measures how robots that meet in a corridor too narrow to pass resolve it: python benchmarks/corridor.py [--pairs 20].

A room at each end of a straight two-way corridor, 0.9 m wide; robots of 0.2 m radius come from both ends, drive by the local
planner under their governors and see each other by laser alone, in the physical world. Each row has the share of runs in which
all robots stood at their goals in time, how long that took, and the contacts. Ids, start offsets and noise change from run to
run.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from altmarl_ros.arrays import FloatArray
from altmarl_ros.driving.governor import Governor
from altmarl_ros.driving.governor_types import Command, GovernorSettings, Inputs
from altmarl_ros.driving.limits import Limits
from altmarl_ros.driving.local_planner import Goal, LocalPlanner, PlannerSettings
from altmarl_ros.driving.planar import Pose
from altmarl_ros.driving.scan import Scan
from altmarl_ros.simulation.physical import PhysicalConfig, PhysicalWorld
from altmarl_ros.simulation.physical.config import BaseConfig
from altmarl_ros.simulation.physical.placement import polygon_walls

WIDTH, ROOM = 0.9, 3.0
LIMITS = {"unicycle": Limits(), "omni": Limits(lateral=0.5, backward=0.5)}
_CONTROL = 5  # time steps of 0.02 s between control steps


def corridor_walls(length: float, width: float = WIDTH, room: float = ROOM) -> FloatArray:
    """Walls of two square rooms with a corridor between them, which begins at x = 0 and lies around y = 0 [w, 4; m]."""
    side, half, end = room / 2, width / 2, length + room
    left = [(0.0, half), (0.0, side), (-room, side), (-room, -side), (0.0, -side), (0.0, -half)]
    right = [(length, -half), (length, -side), (end, -side), (end, side), (length, side), (length, half)]
    return polygon_walls([*left, *right])


class Corridor:
    """Robots that are sent from room to room.

    Attributes:
        world: the physical world.
        planners: of the robots.
    """

    def __init__(
        self,
        kind: str,
        walls: FloatArray,
        starts: list[tuple[float, float, float]],
        goals: list[Goal],
        *,
        ids: list[int],
        seed: int,
    ) -> None:
        """Put robots of these ids at starts [m, m, rad], to drive to goals; `kind` is that of their bases."""
        self.world = PhysicalWorld(PhysicalConfig(base=BaseConfig(kind=kind)), walls, starts, seed)
        limits = LIMITS[kind]
        self.planners = [LocalPlanner(limits, PlannerSettings(), i) for i in ids]
        self._governors = [Governor(limits, GovernorSettings(period=0.1)) for _ in ids]
        self.goals = goals
        self._poses = [Pose(*start) for start in starts]
        self._scans: list[Scan | None] = [None] * len(ids)
        self.commands = [Command()] * len(ids)
        self._steps = 0

    def drive(self, seconds: float) -> float:
        """Go on until all stand at their goals, for so long at most; returns the time [s], infinite if not all do."""
        for _ in range(round(seconds / self.world.config.time_step)):
            if self._steps % _CONTROL == 0:
                self._steer()
                if all(planner.arrived for planner in self.planners):
                    return self.world.time
            self.world.step()
            self._steps += 1
            self._sense()
        return math.inf

    def _sense(self) -> None:
        world, c = self.world, self.world.config.laser
        found = world.localisation()
        for i, pose in zip(found.robots.tolist(), found.poses.tolist(), strict=True):
            self._poses[i] = Pose(*pose)
        scans = world.scans()
        for i, ranges in zip(scans.robots.tolist(), scans.ranges, strict=True):
            self._scans[i] = Scan(ranges, world.laser.angle_min, world.laser.angle_increment, c.range_min, c.range_max)

    def _steer(self) -> None:
        now = self.world.time
        for i, planner in enumerate(self.planners):
            scan, pose, velocity = self._scans[i], self._poses[i], self.commands[i].velocity
            points = np.empty((0, 2)) if scan is None else scan.points
            inputs = Inputs(
                wanted=planner.steer(now, pose, self.goals[i], velocity, points),
                pose=pose,
                pose_arrived=now,
                tick_arrived=now,
                coordinator_silent=False,
                scan=scan,
                scan_arrived=now,
                measured=velocity,
                drive_problem=planner.problem,
            )
            self.commands[i] = self._governors[i].step(now, inputs)
            driven = self.commands[i].velocity
            self.world.command(i, (driven.x, driven.y, driven.yaw))


@dataclass(frozen=True)
class Meeting:
    """What a run came to: the time until all were there [s], and contacts."""

    seconds: float
    contacts: int


def make(kind: str, length: float, robots: int, seed: int) -> Corridor:
    """Robots that meet: the second from the right, all others from the left."""
    rng = np.random.default_rng([11, seed])
    starts, goals = [], []
    for i in range(robots):
        side = -1.0 if i != 1 else 1.0
        row, offset = i // 2, rng.uniform(0.0, 1.0)
        x = -0.5 - 0.95 * row - 0.5 * offset
        y, yaw = rng.uniform(-0.6, 0.6), rng.uniform(-0.5, 0.5)
        goal = (length + 1.6, rng.uniform(-0.2, 0.2) + 0.9 * (row - 0.5 * (robots > 2)))
        via: tuple[tuple[float, float], ...] = ((0.0, 0.0), (length, 0.0))
        if side > 0.0:
            x, goal, yaw, via = length - x, (length - goal[0], goal[1]), math.pi + yaw, via[::-1]
        starts.append((x, y, yaw))
        goals.append(Goal(*goal, via=via))
    ids = rng.permutation(40)[:robots].tolist()
    return Corridor(kind, corridor_walls(length), starts, goals, ids=ids, seed=seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=20, help="runs of each row")
    parser.add_argument("--seconds", type=float, default=120.0, help="simulated, of each run at most")
    parser.add_argument("--robots", type=int, nargs="*", default=[2, 3])
    parser.add_argument("--lengths", type=float, nargs="*", default=[4.0, 8.0])
    parser.add_argument("--kinds", nargs="*", default=list(LIMITS))
    options = parser.parse_args()
    table = Table(title=f"corridor of {WIDTH:g} m, {options.pairs} runs of {options.seconds:g} s each", title_justify="left")
    for column in ("base", "length [m]", "robots", "all there", "median [s]", "longest [s]", "contacts"):
        table.add_column(column, justify="right")
    for kind in options.kinds:
        for length in options.lengths:
            for robots in options.robots:
                found = []
                for seed in range(options.pairs):
                    corridor = make(kind, length, robots, seed)
                    found.append(Meeting(corridor.drive(options.seconds), len(corridor.world.contacts)))
                times = np.array([each.seconds for each in found])
                there = int(np.isfinite(times).sum())
                longest = times[np.isfinite(times)].max() if there else math.nan
                table.add_row(
                    kind,
                    f"{length:g}",
                    str(robots),
                    f"{there}/{len(found)}",
                    f"{np.median(times):.0f}",
                    f"{longest:.0f}",
                    str(sum(each.contacts for each in found)),
                )
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
