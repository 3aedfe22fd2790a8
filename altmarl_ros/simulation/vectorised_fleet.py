"""Simulates up to 100 000 robots in arrays; each decides and moves exactly as `RobotAgent` in the `MarkovWorld` does.

    a_i  ~ pi_l(. | s_i, s_g)         stream [seed, 2, i]
    s_i' ~ P_l(. | s_i, s_g, a_i)     stream [seed, 1, i], which also draws the start

With a hidden state d the second is P_l(. | s_i, s_g, a_i, d), d as `HiddenPath` draws it.

A robot of a crowd and a robot node with the same seed and id therefore take the same path, and the reports of a crowd cannot
be told from those of nodes. Where places have room for some robots only, robots are held back as in the Markov world; room is
shared by the robots of one crowd. Robots of several types have successive ids, type by type, in the proportion that the game
says.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.compiled import njit
from altmarl_ros.games.holding import held_back
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.protocol.agent import RobotAgent
from altmarl_ros.protocol.allegiance import Heard
from altmarl_ros.protocol.held_policies import HeldPolicies
from altmarl_ros.protocol.messages import Report, Tick
from altmarl_ros.random_streams import draw_uniform, make_streams
from altmarl_ros.simulation.hidden_path import Regimes
from altmarl_ros.simulation.markov_world import PRIORITIES, HeldCount, start_shares

StateArray = NDArray[np.uint16]

MOST_LISTED = 10_000
"""Largest crowd that lists the state and action of every robot; a larger one publishes counts."""


@dataclass(frozen=True, eq=False)
class Moves:
    """The states and actions of a crowd's robots in one tick.

    Attributes:
        tick: the broadcast that they acted on.
        first_id: id of the first robot.
        local_states: s_i(t) [n].
        local_actions: a_i(t) [n].
        counts: robots by local state and action [S_l, A_l].
        hidden_state: d(t); None in a game without a hidden state.
    """

    tick: Tick
    first_id: int
    local_states: StateArray
    local_actions: StateArray
    counts: NDArray[np.int64]
    hidden_state: int | None = None


class Crowd:
    """Robots first_id .. first_id + count - 1, with their agents and their places in the Markov world.

    Attributes:
        ids: of the robots.
        leader: receives ticks and policies for all of them; what it draws is not used.
        local_states: present s_i [n].
        held_back: how often robots were held back at full places; None where there is room everywhere.
    """

    def __init__(self, game: TabularGame, first_id: int, count: int, seed: int, silence: float = 2.0) -> None:
        self.ids = range(first_id, first_id + count)
        self._game = game
        self.leader = RobotAgent(first_id, np.random.default_rng(), silence)
        self._deciding, self._moving = make_streams(seed, 2, self.ids), make_streams(seed, 1, self.ids)
        numbers = [count] if game.types is None else game.types.numbers(count).tolist()
        self._ends = np.cumsum([0, *numbers])
        self.local_states: StateArray = self._first_states(start_shares(game, seed), draw_uniform(self._moving))
        self._priorities = None if game.room is None else make_streams(seed, PRIORITIES, self.ids)
        self.held_back = None if game.room is None else HeldCount()
        self._regimes = Regimes(game, seed)
        self._rows = self._regimes.kernel.rows
        self._policy: tuple[LocalPolicy, NDArray[np.float64]] | None = None  # the last one used, and its cumulative form
        self._seen: StateArray = self.local_states  # in which the robots acted last ...
        self._acted: tuple[Tick, int] | None = None  # ... in this tick, the last one heard, by a policy with this game tag
        self._polled: dict[int, bool] = {}  # of the last tick heard, in the order of polling, and whether each has reported
        self._play(np.ones((game.n_local_states, game.n_local_actions)), 0, 0)  # compiled before the first tick

    def _first_states(self, shares: FloatArray, u: FloatArray) -> StateArray:
        starts = []
        by_type = shares.reshape(len(self._ends) - 1, -1)
        for t, (own, first, last) in enumerate(zip(by_type, self._ends[:-1], self._ends[1:], strict=True)):
            cumulative = np.cumsum(own)
            starts.append(t * len(own) + np.searchsorted(cumulative / cumulative[-1], u[first:last], side="right"))
        return np.concatenate(starts).astype(np.uint16)

    @property
    def ids_by_type(self) -> list[range]:
        """The ids of the robots of each type; of all robots in a game without types."""
        return [self.ids[first:last] for first, last in zip(self._ends[:-1], self._ends[1:], strict=True)]

    @property
    def policies(self) -> HeldPolicies:
        """The policies that the robots hold, to which new ones are added."""
        return self.leader.policies

    def hear(self, tick: Tick, now: float) -> Heard:
        """Take a tick message at monotonic time `now` [s]; see `RobotAgent.hear`."""
        heard = self.leader.hear(tick, now)
        if heard in (Heard.NEW, Heard.NEW_SESSION):
            self._acted, self._polled = None, {}
        if heard not in (Heard.OLD, Heard.FOREIGN):
            for robot_id in tick.polled:
                if robot_id in self.ids:
                    self._polled.setdefault(robot_id, False)
        return heard

    def act(self) -> Moves | None:
        """Let every robot act on the open tick and move; returns None while there is no tick or no policy for it."""
        taken = self.leader.take()
        if taken is None:
            return None
        tick, held = taken
        policy = held.policy.softened(self.leader.temperature)
        if policy.probabilities.shape[::2] != self._game.r_l.shape[::2] or tick.global_state >= self._game.n_global_states:
            return None
        if self._policy is None or self._policy[0] is not policy:
            self._policy = policy, np.cumsum(policy.probabilities, axis=-1)
        before = self.local_states
        d = self._regimes.hidden_state(tick.session, tick.tick)
        regime = self._regimes.at(tick.global_state, d)
        actions, counts = self._play(self._policy[1][:, tick.global_state], regime, len(self.ids))
        self._seen, self._acted = before, (tick, held.game_tag)
        return Moves(tick, self.ids.start, before, actions, counts, d)

    def _play(self, pi_l: NDArray[np.float64], regime: int, count: int) -> tuple[StateArray, NDArray[np.int64]]:
        """Let the first `count` robots act and move, all or none; returns their actions [count] and their counts [S_l, A_l]."""
        before = self.local_states[:count]
        actions, after = np.empty_like(before), np.empty_like(before)
        counts = np.zeros((self._game.n_local_states, self._game.n_local_actions), dtype=np.int64)
        deciding, moving = (draw_uniform(streams) if count else np.empty(0) for streams in (self._deciding, self._moving))
        rows, kind = self._rows, self._regimes.kernel.moves_at[regime]
        kernel = rows.indptr, rows.indices, rows.cumulative, kind * self._game.n_local_actions
        _play(before, (pi_l.copy(), kernel), (deciding, moving), (actions, after, counts))
        if count:
            self._hold_back(before, after)
            self.local_states = after
        return actions, counts

    def _hold_back(self, before: StateArray, after: StateArray) -> None:
        room = self._game.room
        if room is None or self._priorities is None or self.held_back is None:
            return
        place, n = room.places.of, len(self.ids)
        held = held_back(place[before], place[after], draw_uniform(self._priorities), room.limits(n))
        after[held] = before[held]
        self.held_back.add(int(held.sum()), n)

    def reports(self) -> list[Report]:
        """Return the reports that are due, each once: of robots polled in the last tick that have acted in it."""
        if self._acted is None:
            return []
        tick, game_tag = self._acted
        due = [robot_id for robot_id, reported in self._polled.items() if not reported]
        self._polled.update(dict.fromkeys(due, True))
        places = self._game.n_places
        return [Report(tick.session, tick.tick, i, int(self._seen[i - self.ids.start]) % places, game_tag) for i in due]


@njit(nogil=True, cache=True)
def _play(before, kernels, draws, out):  # type: ignore[no-untyped-def]
    """Inverse-transform draws for all robots; pi_l [s_l, a_l] and P_l, whose rows begin at `first`, are cumulative."""
    (pi_l, (start, column, P_l, first)), (deciding, moving), (actions, after, counts) = kernels, draws, out
    S_l = pi_l.shape[0]
    for i in range(len(before)):
        s = before[i]
        a = 0
        while a < pi_l.shape[1] - 1 and pi_l[s, a] <= deciding[i]:
            a += 1
        row = (first + a) * S_l + s
        e = start[row]
        while e < start[row + 1] and P_l[e] <= moving[i]:
            e += 1
        actions[i], after[i] = a, column[e] if e < start[row + 1] else S_l - 1
        counts[s, a] += 1
