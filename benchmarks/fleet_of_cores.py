"""A fleet without ROS nodes, for benchmarks of what carries its messages, which are as ROS serialises them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping

import numpy as np
from builtin_interfaces.msg import Time
from numpy.typing import NDArray
from rclpy.serialization import deserialize_message, serialize_message

from altmarl_ros.games import TabularGame, load_game
from altmarl_ros.msg import FleetTick, RobotReport
from altmarl_ros.nodes.common import conversions
from altmarl_ros.nodes.coordinator.conversions import report_from_message
from altmarl_ros.policies import PolicyBundle, load_bundle
from altmarl_ros.protocol.agent import RobotAgent
from altmarl_ros.protocol.coordinator import Coordinator
from altmarl_ros.protocol.held_policies import HeldPolicies
from altmarl_ros.protocol.settings import CoordinatorSettings, DecisionSettings
from altmarl_ros.simulation.markov_world import MarkovWorld

_SESSION = 1
_TICKS, _SETTLED = 1200, 40


def load(given: Mapping[str, Any]) -> tuple[TabularGame, PolicyBundle]:
    """Return the game and the policy of a benchmark."""
    return load_game("warehouse"), load_bundle(Path(given["bundle"]))


class CoordinatorCore:
    """A coordinator whose messages somebody else carries; `hear` may be called from any thread."""

    def __init__(self, loaded: tuple[TabularGame, PolicyBundle], robots: int, k: int, period: float) -> None:
        game, bundle = loaded
        settings = CoordinatorSettings(k=k, period=period, decision=DecisionSettings(model="fresh"))
        self._core = Coordinator(game, bundle, settings, np.random.default_rng(0), session=_SESSION)
        for robot_id in range(robots):
            self._core.roster.join(robot_id, f"/robot_{robot_id}", mark=robot_id + 1)
        self._reports: list[bytes] = []
        self._open: tuple[float, bool] | None = None  # when the open tick began, and whether others were polled since
        self._message = b""

    def hear(self, message: bytes) -> None:
        """Take a report."""
        self._reports.append(message)

    def tick_due(self, now: float) -> list[dict[str, Any]]:
        """Begin the next tick, and return what is known of it and of the one before."""
        rows = self._decide() if self._open is not None else []
        tick = self._core.begin(now)
        assert tick is not None
        self._open, self._message = (now, False), _packed(tick)
        return [*rows, {"tick": tick.tick, "sent": now, "s_g": tick.global_state}]

    def broadcast(self) -> bytes:
        """Return the message of the tick that has begun."""
        return self._message

    def backfill_if_due(self, now: float) -> bytes | None:
        """Return the message that polls others in place of silent robots, once in a tick."""
        self._take()
        settings = self._core.settings
        if self._open is None or self._open[1] or self._core.complete or now - self._open[0] < settings.backfill_interval:
            return None
        self._open = (self._open[0], True)
        tick = self._core.backfill(now)
        return None if tick is None else _packed(tick)

    def decide_if_due(self, now: float) -> list[dict[str, Any]]:
        """Decide once all reports are there, or time is up."""
        self._take()
        if self._open is None or not (self._core.complete or now - self._open[0] >= self._core.settings.answer_time):
            return []
        return self._decide()

    def _take(self) -> None:
        waiting, self._reports = self._reports, []
        for message in waiting:
            self._core.hear(report_from_message(deserialize_message(message, RobotReport)))

    def _decide(self) -> list[dict[str, Any]]:
        self._open, decision = None, self._core.decide()
        tick = decision.tick
        row = {"decided": tick.tick, "s_g": tick.global_state, "a_g": decision.action, "asked": decision.asked}
        return [{**row, "heard": decision.heard}]


class RobotCores:
    """Robots that act by the policy which they hold, in one Markov world."""

    def __init__(self, loaded: tuple[TabularGame, PolicyBundle], robots: int, seed: int) -> None:
        game, bundle = loaded
        policies = HeldPolicies()
        (message,) = conversions.policies_to_messages(bundle.pi_l, bundle.policy_id, game)
        policies.hold(conversions.held_policy_from_message(message, game.content_hash))
        self._world = MarkovWorld(game, seed)
        self._agents = [RobotAgent(i, np.random.default_rng([seed, i]), 5.0, policies, mark=i + 1) for i in range(robots)]
        self._states = [self._world.join(i) for i in range(robots)]

    def hear(self, robot_id: int, message: bytes, now: float) -> tuple[dict[str, Any] | None, bytes | None]:
        """Let a robot hear a tick; returns what it did, if it acted, and its report, if it was polled."""
        tick = conversions.tick_from_message(deserialize_message(message, FleetTick))
        state = self._states[robot_id]
        reaction = self._agents[robot_id].react(tick, now, state)
        report, row = reaction.late_report, None
        if reaction.answer is not None:
            report, action = reaction.answer.report, reaction.answer.local_action
            moved = self._world.command(tick.session, tick.tick, robot_id, tick.global_state, action)
            self._states[robot_id] = state if moved is None else moved
            row = {"tick": tick.tick, "robot": robot_id, "at": now, "state": state, "action": action}
        return row, None if report is None else serialize_message(conversions.report_to_message(report))


@dataclass(frozen=True)
class Losses:
    """What a link loses.

    Attributes:
        in_time: whether a robot hears a tick before the next one, [ticks, robots]; used again and again.
        heard: share of the reports of those robots that are heard.
    """

    in_time: NDArray[np.bool_]
    heard: float


def play(loaded: tuple[TabularGame, PolicyBundle], fleet: tuple[int, int], seed: int, losses: Losses | None = None) -> float:
    """Return the mean team reward per tick of a fleet of so many robots and k; None: everybody hears everything.

    Who does not hear a tick stays where it is, reports nothing and earns nothing in it.
    """
    (game, _), (robots, k) = loaded, fleet
    coordinator, cores, rng = (
        CoordinatorCore(loaded, robots, k, 1.0),
        RobotCores(loaded, robots, seed),
        np.random.default_rng(seed),
    )
    pattern, heard = (np.ones((1, robots), bool), 1.0) if losses is None else (losses.in_time, losses.heard)
    rewards = []
    for tick in range(_TICKS):
        now, local, hearing = float(tick), 0.0, np.flatnonzero(pattern[tick % len(pattern)])
        (*_, told) = coordinator.tick_due(now)
        for message in (coordinator.broadcast(), None):
            message = message if message is not None else coordinator.backfill_if_due(now + 0.5)
            for robot_id in hearing.tolist() if message is not None else ():
                row, report = cores.hear(robot_id, message, now)
                if report is not None and rng.random() < heard:
                    coordinator.hear(report)
                local += game.r_l[row["state"], told["s_g"], row["action"]] / robots if row is not None else 0.0
        (decided,) = coordinator.decide_if_due(now + 0.9)
        rewards.append(game.r_g[decided["s_g"], decided["a_g"]] + local)
    return float(np.mean(rewards[_SETTLED:]))


def compare(
    loaded: tuple[TabularGame, PolicyBundle], fleet: tuple[int, int], losses: Losses, pairs: int
) -> tuple[float, float, float]:
    """Return the reward of a perfect link, the mean difference that these losses make over pairs of runs, and its error."""
    perfect = np.array([play(loaded, fleet, seed) for seed in range(pairs)])
    differences = np.array([play(loaded, fleet, seed, losses) for seed in range(pairs)]) - perfect
    return float(perfect.mean()), float(differences.mean()), float(differences.std(ddof=1) / math.sqrt(pairs))


def _packed(tick: Any) -> bytes:
    return bytes(serialize_message(conversions.tick_to_message(tick, Time())))
