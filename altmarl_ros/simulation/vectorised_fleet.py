"""Up to 100 000 robots in arrays: each decides and moves exactly as `RobotAgent` in the `MarkovWorld` does.

    a_i  ~ pi_l(. | s_i, s_g)         stream [seed, 2, i]
    s_i' ~ P_l(. | s_i, s_g, a_i)     stream [seed, 1, i], which also draws the start

A robot of a crowd and a robot node with the same seed and id therefore take the same path, and what a crowd
says, the reports of polled robots and nothing else, cannot be told from what nodes say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.compiled import njit
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.protocol.agent import Heard, RobotAgent
from altmarl_ros.protocol.messages import Report, Tick
from altmarl_ros.simulation.markov_world import start_shares
from altmarl_ros.simulation.pcg64_streams import Streams

StateArray = NDArray[np.uint16]

MOST_LISTED = 10_000
"""Robots up to which a crowd tells each one's state and action; a larger one tells counts."""


@dataclass(frozen=True, eq=False)
class Moves:
    """What the robots of a crowd did in one tick.

    Attributes:
        tick: the broadcast they acted on.
        first_id: id of the first robot.
        local_states: s_i(t) [n].
        local_actions: a_i(t) [n].
        counts: robots by local state and action [S_l, A_l].
    """

    tick: Tick
    first_id: int
    local_states: StateArray
    local_actions: StateArray
    counts: NDArray[np.int64]


class Crowd:
    """Robots first_id .. first_id + count - 1 with their bodies."""

    def __init__(self, game: TabularGame, first_id: int, count: int, seed: int, silence: float = 2.0) -> None:
        self.ids = range(first_id, first_id + count)
        self._game = game
        self.leader = RobotAgent(first_id, np.random.default_rng(), silence)
        """Hears for all of them; its draws are not used."""
        self._deciding, self._moving = Streams(seed, 2, self.ids), Streams(seed, 1, self.ids)
        shares = np.cumsum(start_shares(game, seed))
        starts = np.searchsorted(shares / shares[-1], self._moving.random(), side="right")
        self.local_states: StateArray = starts.astype(np.uint16)
        self._P_l = np.cumsum(game.P_l, axis=-1)
        self._policy: tuple[LocalPolicy, NDArray[np.float64]] | None = None  # the last one used, and its cumulative form
        self._seen: StateArray = self.local_states  # in which the robots acted last ...
        self._acted: tuple[Tick, int] | None = None  # ... in this tick, the last one heard, by a policy with this game tag
        self._polled: dict[int, bool] = {}  # of the last tick heard, in the order of polling, and whether each has reported
        self._play(np.ones((game.n_local_states, game.n_local_actions)), 0, 0)  # compiled before the first tick

    def learn(self, policy_id: int, policy: LocalPolicy, game_tag: int) -> None:
        """See RobotAgent."""
        self.leader.learn(policy_id, policy, game_tag)

    def hear(self, tick: Tick, now: float) -> Heard:
        """See RobotAgent."""
        heard = self.leader.hear(tick, now)
        if heard in (Heard.NEW, Heard.NEW_SESSION):
            self._acted, self._polled = None, {}
        if heard is not Heard.OLD:
            for robot_id in tick.polled:
                if robot_id in self.ids:
                    self._polled.setdefault(robot_id, False)
        return heard

    def act(self) -> Moves | None:
        """Let every robot act on the open tick and move; None while there is no tick or no policy for it."""
        taken = self.leader.take()
        if taken is None:
            return None
        tick, held = taken
        policy = held.policy
        if policy.probabilities.shape[::2] != self._game.P_l.shape[:3:2] or tick.global_state >= self._game.n_global_states:
            return None
        if self._policy is None or self._policy[0] is not policy:
            self._policy = policy, np.cumsum(policy.probabilities, axis=-1)
        before = self.local_states
        actions, counts = self._play(self._policy[1][:, tick.global_state], tick.global_state, len(self.ids))
        self._seen, self._acted = before, (tick, held.game_tag)
        return Moves(tick, self.ids.start, before, actions, counts)

    def _play(self, pi_l: NDArray[np.float64], s_g: int, count: int) -> tuple[StateArray, NDArray[np.int64]]:
        """Actions [count] and their counts [S_l, A_l] of the first `count` robots, all or none; they move."""
        before = self.local_states[:count]
        actions, after = np.empty_like(before), np.empty_like(before)
        counts = np.zeros((self._game.n_local_states, self._game.n_local_actions), dtype=np.int64)
        deciding, moving = (stream.random() if count else np.empty(0) for stream in (self._deciding, self._moving))
        _play(before, pi_l.copy(), self._P_l[:, s_g].copy(), deciding, moving, actions, after, counts)
        if count:
            self.local_states = after
        return actions, counts

    def reports(self) -> list[Report]:
        """What the robots polled in the last tick, at first or when it was repeated, say once they have acted; each once."""
        if self._acted is None:
            return []
        tick, game_tag = self._acted
        due = [robot_id for robot_id, reported in self._polled.items() if not reported]
        self._polled.update(dict.fromkeys(due, True))
        return [Report(tick.session, tick.tick, i, int(self._seen[i - self.ids.start]), game_tag) for i in due]


@njit(nogil=True, cache=True)
def _play(before, pi_l, P_l, deciding, moving, actions, after, counts):  # type: ignore[no-untyped-def]
    """Inverse-transform draws for all robots; pi_l [s_l, a_l] and P_l [s_l, a_l, s_l'] are cumulative."""
    for i in range(len(before)):
        s = before[i]
        a = 0
        while a < pi_l.shape[1] - 1 and pi_l[s, a] <= deciding[i]:
            a += 1
        j = 0
        while j < P_l.shape[2] - 1 and P_l[s, a, j] <= moving[i]:
            j += 1
        actions[i], after[i] = a, j
        counts[s, a] += 1
