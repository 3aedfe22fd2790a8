"""All that the dashboard knows of a fleet, and what of it each browser has not got yet.

The node's thread puts in what it hears (`hear_...`), the web server's thread takes out what browsers get (`take`).
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.dashboard.events import ERROR, INFO, WARNING, EventLog, listed
from altmarl_ros.dashboard.frames import encode
from altmarl_ros.dashboard.game_drawing import game_drawing
from altmarl_ros.dashboard.robots import LOW, Robots
from altmarl_ros.dashboard.ticks import FIELDS, TickAccount, Ticks, TickTruth, count_acted
from altmarl_ros.floors.floor_map import FloorMap
from altmarl_ros.games.tabular import TabularGame

_ROSTER_PERIOD = 1.0  # s between two times that ages and counters are sent
_MISSES = 3  # polls in a row that a robot may miss, unless the coordinator says otherwise
_LEVELS = {0: INFO, 1: WARNING, 2: ERROR, 3: ERROR}


@dataclass
class Cursor:
    """How far one browser has got."""

    change: int = 0
    event: int = 0
    tick: int = -1
    robots: int = -1
    moved: int = -1
    driven: int = 0
    roster_at: float = 0.0
    parts: dict[str, int] = field(default_factory=dict)


class FleetView:
    """The state of one fleet; every method may be called from any thread."""

    def __init__(self, fleet_prefix: str) -> None:
        self.lock = threading.RLock()
        self.events = EventLog()
        self.robots = Robots()
        self.ticks = Ticks()
        self._game: TabularGame | None = None
        self._floor: FloorMap | None = None
        self._about: dict[str, Any] = {}
        self._configured_session: int | None = None
        self._configured: Mapping[str, Any] = {}
        self._shape = (0, 0, 0)  # zones, global states and actions that occurred, while no game is known
        self._heard = 0  # statuses
        self._heard_at = -np.inf  # monotonic
        self._open: tuple[int, int] | None = None
        self._truth_at = -np.inf
        self._diagnoses: dict[str, int] = {}
        self._contacts = 0
        self._starts = 0
        self._parts: dict[str, tuple[int, Any]] = {}  # version and content by name
        self.put("fleet", {"prefix": fleet_prefix, "fields": FIELDS})
        self.put("stopped", False)

    def put(self, name: str, content: Any) -> bool:
        """Set a part of the state that is sent as a whole when it changes; returns whether it changed."""
        with self.lock:
            version, old = self._parts.get(name, (0, None))
            if version and old == content:
                return False
            self._parts[name] = version + 1, content
            return True

    def note(self, level: str, kind: str, text: str, robots: Sequence[int] = ()) -> None:
        """Add an event to the operator's log; `robots`: ids of those that it is about."""
        with self.lock:
            self.events.add(level, kind, text, robots)

    def acknowledge(self, number: int, who: str) -> int:
        """Note that somebody knows of all events up to this number; returns how many warnings and errors were new."""
        with self.lock:
            new = self.events.acknowledge(number)
            self.put("acknowledged", {"number": self.events.acknowledged, "who": who})
            return new

    def restart(self) -> None:
        """Forget all ticks and where robots were, as before a record is shown from another tick on."""
        with self.lock:
            self.ticks = Ticks(first_change=self.ticks.changes)
            self.robots.forget()
            self._open = None
            self._starts += 1
            self.put("starts", self._starts)

    def set_stopped(self, pressed: bool) -> None:
        """Set whether the fleet's emergency stop is pressed."""
        with self.lock:
            if self.put("stopped", pressed):
                self.events.add(WARNING, "stop", "emergency stop of the fleet " + ("pressed" if pressed else "released"))

    def set_game(self, game: TabularGame | None, floor: FloorMap | None, about: Mapping[str, Any]) -> None:
        """Set the game that the fleet plays (None: it is not on this machine), its floor, and what else is shown of it."""
        with self.lock:
            self._game = game
            self._floor = floor
            self._about = dict(about)
            self._update_drawing()

    def configure(self, session: int, parameters: Mapping[str, Any]) -> None:
        """Set a session's parameters, at its beginning and whenever one changes; changes are noted as events."""
        with self.lock:
            same, before = session == self._configured_session, self._configured
            for name in parameters if same else ():
                if name in before and before[name] != parameters[name]:
                    self.events.add(INFO, "parameter", f"{name}: {before[name]} → {parameters[name]}")
            self._configured_session, self._configured = session, dict(parameters)

    def hear_tick(self, session: int, tick: int, polled: Sequence[int]) -> None:
        """Take a tick, in which robots are polled."""
        with self.lock:
            self.robots.poll(polled, afresh=self._open != (session, tick))
            self._open = session, tick

    def hear_status(self, account: TickAccount, polled: Sequence[int], answers: Mapping[int, int], live: bool = True) -> None:
        """Take the coordinator's account of a tick.

        Args:
            account: of the tick.
            polled: ids of the robots that were polled.
            answers: reported states by id.
            live: whether it happened now; False: it is sent to late subscribers and makes no events.
        """
        with self.lock:
            before = self.ticks.last
            if not self.ticks.account(account, self._game):
                return
            self._heard += 1
            self._heard_at = time.monotonic() if live else self._heard_at
            key = account.session, account.tick
            self.robots.poll(polled, afresh=self._open != key)
            self._open = key
            self.robots.account(self._heard, polled, answers, truth_known=time.monotonic() - self._truth_at < 2.0)
            misses = int(self._configured.get("roster.max_misses", _MISSES))
            left, back = self.robots.suspend(account.robots - account.live - account.on_roster, misses)
            self.put("operated", {str(robot_id): words for robot_id, words in account.operated.items()})
            if left and live:
                self.events.add(WARNING, "robot", f"{listed(left)} suspended: no answer", left)
            if back and live:
                self.events.add(INFO, "robot", f"{listed(back)} back in the draw", back)
            if live:
                self._compare(before, account)
            shape = len(account.estimate), account.global_state + 1, account.global_action + 1
            if self._game is None and (shape[0] != self._shape[0] or max(shape[1:]) > self._shape[1]):
                self._shape = (shape[0], max(*shape, self._shape[1]), max(*shape, self._shape[2]))
                self._update_drawing()

    def _compare(self, before: TickAccount | None, now: TickAccount) -> None:
        if before is None or before.session != now.session:
            self.events.add(INFO, "session", f"session {now.session}, policy {now.policy_id:08x}")
            return
        for robot_id in sorted({*before.operated, *now.operated}):
            words = now.operated.get(robot_id, "given back by its operator")
            if words != before.operated.get(robot_id, ""):
                self.events.add(INFO, "robot", f"robot {robot_id} {words}", (robot_id,))
        if before.policy_id != now.policy_id:
            self.events.add(INFO, "policy", f"policy {now.policy_id:08x} from tick {now.tick} on")
        if now.next_policy_id not in (now.policy_id, before.next_policy_id):
            self.events.add(INFO, "policy", f"policy {now.next_policy_id:08x} announced")
        if now.missed_ticks > before.missed_ticks:
            self.events.add(WARNING, "session", f"{now.missed_ticks - before.missed_ticks} ticks began late")

    def hear_truth(
        self,
        session: int,
        tick: int,
        *,
        ids: NDArray[np.uint32],
        states: NDArray[np.uint16],
        actions: NDArray[np.uint16],
        none: int,
        counts: NDArray[np.int64],
        hidden_state: int | None = None,
    ) -> None:
        """Take a simulation's truth about a tick; see msg/FleetTruth.msg.

        Args:
            session: of the tick.
            tick: number of the tick.
            ids: of the robots.
            states: their states, in the order of ids.
            actions: their actions, in the order of ids.
            none: action of robots that did not act.
            counts: robots by state and action, row-major, where no ids are given.
            hidden_state: d; None: not told.
        """
        with self.lock:
            zones = len(self.ticks.last.estimate) if self.ticks.last else self._shape[0]
            zones = self._game.n_local_states if self._game else zones
            if len(ids):
                newest = self._open is None or (session, tick + 1) >= self._open
                known = states < zones if zones else np.ones(len(states), bool)
                acted = count_acted(states[known], actions[known], none)
                truth = TickTruth(np.bincount(states[known], minlength=zones), acted, hidden_state)
                if newest:
                    self.robots.true_states(ids[known], states[known])
                    self._truth_at = time.monotonic()
            elif zones and counts.size and counts.size % zones == 0:
                by_state = counts.reshape(zones, -1)
                truth = TickTruth(by_state.sum(axis=1), by_state, hidden_state)
            else:
                return
            self.ticks.hear_truth(session, tick, truth, self._game)

    def hear_floor(self, ids: NDArray[np.uint32], contacts: int, factor: float, **columns: NDArray[np.float32]) -> None:
        """Take where the robots are on a simulated floor; see msg/FloorTruth.msg."""
        with self.lock:
            self.robots.poses(ids, **columns)
            self._note_low()
            if contacts > self._contacts:
                new = contacts - self._contacts
                self.events.add(WARNING, "robot", f"{new} contact{'s' * (new > 1)} on the floor, {contacts} so far")
            self._contacts = contacts
            self.put("floor", {"factor": round(factor, 1), "contacts": contacts})

    def hear_charge(self, robot_id: int, charge: float) -> None:
        """Take what a robot says of its battery: the share of its capacity that is left."""
        with self.lock:
            self.robots.poses(np.array([robot_id], dtype=np.uint32), charge=[charge])
            self._note_low()

    def _note_low(self) -> None:
        low, empty = self.robots.update_low()
        if low:
            self.events.add(WARNING, "battery", f"{listed(low)}: battery at {100 * LOW:.0f} % or less", low)
        if empty:
            self.events.add(ERROR, "battery", f"{listed(empty)}: battery empty", empty)
        self.put("low", sorted(self.robots.low))

    def hear_diagnosis(self, name: str, level: int, message: str) -> None:
        """Take one status of /diagnostics; changes of its level are noted as events."""
        with self.lock:
            before = self._diagnoses.get(name, 0)
            if len(self._diagnoses) < 10_000 or name in self._diagnoses:
                self._diagnoses[name] = level
            if level != before:
                self.events.add(_LEVELS.get(level, WARNING), "diagnosis", f"{name}: {message}")

    def hear_drive(self, robot_id: int, level: int, text: str) -> None:
        """Take what a robot that drives says of its motion: the level of its diagnosis, and what it does and why."""
        with self.lock:
            self.robots.drive(robot_id, level, text, time.monotonic())

    def forget_drives(self) -> None:
        """Note which robots have fallen silent about their motion; to be called once a second or so."""
        with self.lock:
            self.robots.forget_drives(time.monotonic())

    def take(self, cursor: Cursor, replies: Sequence[Any] = ()) -> bytes | None:
        """Return the message with what a browser has not got yet, and advance its cursor; None: there is nothing new."""
        with self.lock:
            return self._take(cursor, replies)

    def _take(self, cursor: Cursor, replies: Sequence[Any]) -> bytes | None:
        now = time.monotonic()
        head: dict[str, Any] = {}
        columns: dict[str, NDArray[Any]] = {}
        robots, ticks = self.robots, self.ticks
        if replies:
            head["replies"] = list(replies)
        for name, (version, content) in self._parts.items():
            if cursor.parts.get(name) != version:
                cursor.parts[name] = version
                head[name] = content
        if cursor.event != self.events.count:
            head["events"] = self.events.since(cursor.event)
            cursor.event = self.events.count
        if cursor.robots != robots.version:
            cursor.robots = robots.version
            columns["id"] = np.array(robots.ids, dtype=np.uint32)
            head["names"] = robots.names
            cursor.roster_at, cursor.tick, cursor.moved = 0.0, -1, -1
        if cursor.driven != robots.driven:
            cursor.driven = robots.driven
            head["drives"] = {str(robot_id): list(drive) for robot_id, drive in robots.drives.items()}
        if cursor.change != ticks.changes:
            head["rows"] = ticks.since(cursor.change)
            cursor.change = ticks.changes
            if ticks.last is not None:
                head["estimate"] = [round(share, 4) for share in ticks.last.estimate]
                head["truth"] = None if ticks.truth is None else ticks.truth.round(4).tolist()
                head["belief"] = [round(probability, 4) for probability in ticks.last.belief]
                head["hidden_state"] = ticks.hidden_state
            cursor.tick = -1
        if cursor.tick != hash(self._open):
            cursor.tick = hash(self._open)
            columns["state"], columns["mark"] = robots.column("state"), robots.column("mark")
            head["silent"] = round(now - self._heard_at, 1) if self._heard else None
        if cursor.moved != robots.moved and robots.moved:
            cursor.moved = robots.moved
            columns |= {name: robots.column(name) for name in ("x", "y", "yaw", "charge")}
        if (head.get("rows") and now - cursor.roster_at >= _ROSTER_PERIOD) or "id" in columns:
            cursor.roster_at = now
            columns["age"] = robots.ages(self._heard)
            columns |= {name: robots.column(name) for name in ("asked", "answered", "misses")}
        return encode(head, columns) if head or columns else None

    def _update_drawing(self) -> None:
        if self._game is not None or self._shape[0]:
            drawing = game_drawing(self._game, self._floor, *self._shape)
            self.put("game", {**drawing, **self._about})
