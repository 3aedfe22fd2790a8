"""Plays a game of work with robots that drive on a physical floor, in one process and without middleware.

The floor and its work are those of `physical_world`; goal selection, local planner, governor and work state are those of the
robots' nodes, observation model and policies those of the coordinator's. Only ROS is left out: messages take no time and none
is lost, robots know their poses by localisation alone, and they steer at 10 Hz. A run takes a third of the processor time of a
fleet of nodes, and is the same each time.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from altmarl_ros.driving.goal_selection import GoalMap, GoalSelector
from altmarl_ros.driving.governor import Governor
from altmarl_ros.driving.governor_types import Command, GovernorSettings, Inputs
from altmarl_ros.driving.limits import Limits
from altmarl_ros.driving.local_planner import Goal, LocalPlanner, PlannerSettings
from altmarl_ros.driving.planar import Pose
from altmarl_ros.driving.scan import Scan
from altmarl_ros.driving.work_state import WorkSettings, WorkState
from altmarl_ros.driving.zones import Zones
from altmarl_ros.games import load_floor_map, load_game, load_workplace, tick_of
from altmarl_ros.games.trajectory import UNKNOWN
from altmarl_ros.observation import make_model
from altmarl_ros.policies import LocalPolicy, PolicyBundle
from altmarl_ros.records.run_record import RunRecord
from altmarl_ros.simulation.physical import PhysicalConfig, PhysicalWorld
from altmarl_ros.simulation.physical.placement import floor_walls, spread_starts
from altmarl_ros.simulation.physical.standing import StandingWatch
from altmarl_ros.simulation.physical.work import COORDINATOR, FloorWork, battery_of

_CONTROL, _LOOK = 5, 10  # time steps of 0.02 s between control steps, and between looks at the work
_ACTIONS, _REPORTS = 41, 42  # random streams
_ALWAYS = 1e9  # s, of what is never silent here

DEFAULT_LIMITS = Limits()


@dataclass
class Outcome:
    """What a run came to.

    Attributes:
        record: of states, actions, and what the coordinator estimated.
        contacts: of robots with anything.
        stood: how often a robot stood for 60 s with a goal and without a reason.
        factor: simulated seconds per second.
        waits: simulated seconds that robots with a goal were barred from all motion, by reason.
    """

    record: RunRecord
    contacts: int
    stood: int
    factor: float
    waits: dict[str, float] = field(default_factory=dict)


class Robot:
    """One robot: from what it senses to its local state, and from an action to a velocity."""

    def __init__(self, robot_id: int, goal_map: GoalMap, pose: Pose, limits: Limits) -> None:
        """Stand at a pose in the map, and drive within limits."""
        assert goal_map.workplace is not None
        self._zones = goal_map.zones
        self._work = WorkState(goal_map.workplace, self._zones, WorkSettings(load_timeout=_ALWAYS, battery_timeout=_ALWAYS))
        self._selector = GoalSelector(goal_map, robot_id, self._set_out)
        self._planner = LocalPlanner(limits, PlannerSettings(), robot_id)
        self._governor = Governor(limits, GovernorSettings(period=0.1, tick_timeout=_ALWAYS))
        self._scan: Scan | None = None
        self._zone: int | None = None
        self.command = Command()
        self.localised(pose)

    def _set_out(self, pose: Pose, chain: list[int], goal: Goal) -> None:
        self._work.set_out(pose, chain, goal)

    def localised(self, pose: Pose) -> None:
        """Take a pose in the map."""
        self._pose, self._zone = pose, self._zones.locate(pose.x, pose.y, self._zone)
        self._work.moved(pose, self._zone, at_rest=self.command.velocity.is_zero)

    def scanned(self, scan: Scan) -> None:
        """Take a laser scan."""
        self._scan = scan

    def local_state(self, now: float, charge: float, *, loaded: bool) -> int | None:
        """The local state at a time [s], by load and charge."""
        self._work.hear_load(loaded, now)
        self._work.hear_charge(charge, now)
        return self._work.local_state(now)

    def act(self, local_state: int, local_action: int, global_state: int, policy: LocalPolicy) -> None:
        """Select the goal to which the action leads, and then the policy."""
        self._selector.act(local_state, local_action, self._pose, global_state=global_state, policy=policy)

    def step(self, now: float) -> Command:
        """Take one control step at a time [s]."""
        goal, points = self._selector.goal, np.empty((0, 2)) if self._scan is None else self._scan.points
        wanted = None
        if goal is not None:
            if self._selector.avoid_taken_slot(now, self._pose, points):
                goal = self._selector.goal or goal
            wanted = self._planner.steer(now, self._pose, goal, self.command.velocity, points)
        inputs = Inputs(
            wanted=wanted,
            pose=self._pose,
            pose_arrived=now,
            tick_arrived=now,
            coordinator_silent=False,
            scan=self._scan,
            scan_arrived=now,
            measured=self.command.velocity,
            border=self._zones.border(self._pose),
            drive_problem=None if goal is None else self._planner.problem,
        )
        self.command = self._governor.step(now, inputs)
        return self.command

    @property
    def wants_to_move(self) -> bool:
        """Whether it has a goal where it is not."""
        return self._selector.goal is not None and not self._planner.arrived


class Fleet:
    """Robots, their floor and its work."""

    def __init__(
        self, path: str, n: int, seed: int, crew: str, *, floor_game: str = "", limits: Limits = DEFAULT_LIMITS
    ) -> None:
        """Put n robots with the same limits on the floor of a game of work; `crew` says who sends the crew, as for `FloorWork`.

        The rates of loads are those of the game, or of `floor_game`.
        """
        workplace, happens, floor = load_workplace(path), load_workplace(floor_game or path), load_floor_map(path)
        assert workplace is not None, f"{path} is no game of deliveries or charging on a floor"
        assert happens is not None, f"{floor_game} is no game of deliveries or charging on a floor"
        config = PhysicalConfig(battery=battery_of(happens, PhysicalConfig().battery))
        self.world = PhysicalWorld(config, floor_walls(floor), spread_starts(range(n), floor, seed), seed)
        self.work = FloorWork(happens, n, seed, sent_by=crew)
        self.watch = StandingWatch(n)
        self.waits: dict[str, float] = {}
        self._zones = Zones(floor, robot_radius=config.base.radius)
        self._true_zones: list[int | None] = [None] * n
        goal_map = GoalMap(self._zones, workplace.goal_zones(), workplace=workplace)
        self.robots = [Robot(i, goal_map, Pose(*pose), limits) for i, pose in enumerate(self.world.poses.tolist())]
        self._steps = 0

    def drive(self, seconds: float) -> None:
        """Go on for so long."""
        world, laser, c = self.world, self.world.laser, self.world.config
        for _ in range(round(seconds / c.time_step)):
            if self._steps % _LOOK == 0:
                self._look()
            if self._steps % _CONTROL == 0:
                self._steer()
            world.step()
            self._steps += 1
            found = world.localisation()
            for i, pose in zip(found.robots.tolist(), found.poses.tolist(), strict=True):
                self.robots[i].localised(Pose(*pose))
            scans = world.scans()
            for i, ranges in zip(scans.robots.tolist(), scans.ranges, strict=True):
                scan = Scan(ranges, laser.angle_min, laser.angle_increment, c.laser.range_min, c.laser.range_max)
                self.robots[i].scanned(scan)

    def local_states(self) -> list[int | None]:
        """The local state of each robot."""
        charge, loaded = self.world.charge.tolist(), self.work.loaded.tolist()
        now = self.world.time
        return [r.local_state(now, charge[i], loaded=loaded[i]) for i, r in enumerate(self.robots)]

    def _look(self) -> None:
        world, work, now = self.world, self.work, self.world.time
        places = world.poses
        self._true_zones = [
            self._zones.locate(x, y, last) for (x, y, _), last in zip(places.tolist(), self._true_zones, strict=True)
        ]
        work.step(now, self._true_zones, np.hypot(*world.velocities[:, :2].T), world.charge)
        world.charge_robots(work.charging)
        self.watch.step(now, places[:, :2])

    def _steer(self) -> None:
        period = _CONTROL * self.world.config.time_step
        for i, robot in enumerate(self.robots):
            command = robot.step(self.world.time)
            velocity = command.velocity
            self.world.command(i, (velocity.x, velocity.y, velocity.yaw))
            self.watch.hear(i, wants_to_move=robot.wants_to_move and not command.reasons)
            if robot.wants_to_move and velocity.is_zero:
                reason = command.reasons[0].value if command.reasons else "waits or turns"
                self.waits[reason] = self.waits.get(reason, 0.0) + period


def play(
    path: str,
    bundle: PolicyBundle,
    n: int,
    ticks: int,
    *,
    k: int,
    seed: int,
    crew: str = COORDINATOR,
    floor_game: str = "",
    limits: Limits = DEFAULT_LIMITS,
) -> Outcome:
    """Play so many ticks with n robots; the coordinator hears k robots per tick, and sends the crew if `crew` says so.

    Args:
        path: file of the game.
        bundle: policies of both sides.
        n: robots.
        ticks: number of them; the world ends with the last one.
        k: reports per tick.
        seed: of everything random; demand and starts depend on it alone.
        crew: who sends the crew, as for `FloorWork`.
        floor_game: file of the game whose rates hold on the floor; empty: `path`.
        limits: of all robots.
    """
    game, tick, began = load_game(path), tick_of(path), time.monotonic()
    assert tick is not None
    fleet, model = Fleet(path, n, seed, crew, floor_game=floor_game, limits=limits), make_model("filtered", game, bundle, 1.0)
    actions, reports = (np.random.default_rng([seed, purpose]) for purpose in (_ACTIONS, _REPORTS))
    model.reset(1)
    rows: dict[str, list[Any]] = {}
    for t in range(ticks):
        found, s_g = fleet.local_states(), fleet.work.stop
        states = np.array([UNKNOWN if state is None else state for state in found])
        known = np.flatnonzero(states != UNKNOWN)
        heard = states[reports.choice(known, size=min(k, len(known)), replace=False)]
        counts = np.bincount(heard, minlength=game.n_local_states)[None]
        a_g = int(model.decide(np.array([s_g]), counts, n)[0])
        chances = bundle.pi_l.probabilities[states, s_g].cumsum(axis=1)
        drawn = np.minimum((actions.random(n)[:, None] >= chances).sum(axis=1), game.n_local_actions - 1)
        chosen = np.where(states == UNKNOWN, UNKNOWN, drawn)
        if crew == COORDINATOR:
            fleet.work.send(a_g)
        for i in known.tolist():
            fleet.robots[i].act(int(states[i]), int(chosen[i]), s_g, bundle.pi_l)
        row = {
            "global_state": s_g,
            "global_action": a_g,
            "local_state": states,
            "local_action": chosen,
            "hidden_state": fleet.work.hidden_state,
            "heard": len(heard),
            "rung": int(model.rung[0]),
            "estimate": model.estimate[0],
            "belief": model.belief[0],
        }
        for name, value in row.items():
            rows.setdefault(name, []).append(value)
        if t < ticks - 1:
            fleet.drive(tick)
    told = {name: np.array(values) for name, values in rows.items()}
    heard, nothing = told["heard"], np.zeros(ticks, dtype=np.int64)
    record = RunRecord(
        session=nothing,
        tick=np.arange(ticks),
        asked=heard,
        reports=heard,
        report_bytes=np.zeros((ticks, 0), dtype=np.int64),
        latency=np.zeros(ticks),
        actions=(told["local_action"] != UNKNOWN).astype(np.int64),
        about={"game": path, "robots": n, "k": k, "period": tick, "model": "filtered", "seed": seed},
        **told,
    )
    contacts, stood = len(fleet.world.contacts), int(fleet.watch.counts.sum())
    factor = fleet.world.time / (time.monotonic() - began)
    return Outcome(record, contacts, stood, factor, fleet.waits)
