"""Collects the truth about each tick of robots that drive: the zone or local state of each, and the action that it takes.

A robot tells its action when it acts, and may tell it again. A tick is closed when all robots acted in it, or two ticks
later, or with the session. A robot counts in the zone in which it acts, else in the one in which it was when the tick began;
one in no zone is not in the tick's truth.
"""

from __future__ import annotations

from typing import Sequence

from altmarl_ros.protocol.messages import is_newer
from altmarl_ros.simulation.markov_world import Truth

_OPEN_TICKS = 2


class TickTruth:
    """Collects the truth about robots with the given ids, in increasing order, whose actions are below `n_local_actions`."""

    def __init__(self, ids: Sequence[int], n_local_actions: int) -> None:
        self._ids, self._n_local_actions = tuple(ids), n_local_actions
        self._known = frozenset(ids)
        self._open: dict[tuple[int, int], _Tick] = {}
        self._newest: tuple[int, int] | None = None

    def hear_tick(self, session: int, tick: int, zones: Sequence[int | None], *, hidden_state: int | None = None) -> None:
        """Note that the coordinator began a tick, or repeats it.

        Args:
            session: of the coordinator.
            tick: its number.
            zones: the robots' zones now; None: in no zone.
            hidden_state: d(t); None in a game without a hidden state.
        """
        last = self._newest
        if last is None or is_newer(session, last[0]) or (session == last[0] and tick > last[1]):
            self._newest = session, tick
            self._open[session, tick] = _Tick(dict(zip(self._ids, zones, strict=True)), hidden_state)

    def hear_action(self, session: int, tick: int, robot_id: int, action: int, zone: int | None) -> None:
        """Note that a robot acts in a zone; an unknown action, robot or tick is ignored."""
        record = self._open.get((session, tick))
        if record is not None and robot_id in self._known and 0 <= action < self._n_local_actions:
            if robot_id not in record.actions:
                record.zones[robot_id] = zone
            told = record.actions.setdefault(robot_id, [])
            if action not in told:
                told.append(action)

    def closed_ticks(self, final: bool = False) -> list[Truth]:
        """Return the ticks of which nothing more is expected, each once; all that are left if `final`."""
        closed = []
        for key, record in list(self._open.items()):
            old = self._newest is not None and (key[0] != self._newest[0] or key[1] <= self._newest[1] - _OPEN_TICKS)
            if final or old or len(record.actions) == len(self._ids):
                closed.append(record.truth(*key))
                del self._open[key]
        return closed


class _Tick:
    def __init__(self, zones: dict[int, int | None], hidden_state: int | None) -> None:
        self.zones, self.hidden_state = zones, hidden_state
        self.actions: dict[int, list[int]] = {}

    def truth(self, session: int, tick: int) -> Truth:
        zones = {robot_id: zone for robot_id, zone in self.zones.items() if zone is not None}
        told = [self.actions.get(robot_id, []) for robot_id in zones]
        return Truth(
            session,
            tick,
            tuple(zones),
            tuple(zones.values()),
            tuple(actions[0] if actions else None for actions in told),
            tuple(len(actions) for actions in told),
            hidden_state=self.hidden_state,
        )
