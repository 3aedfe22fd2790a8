"""Simulates what there is to do on a physical floor in a game of work: unseen demand, loads, the crew and charging.

    demand   the hot pick-up stays for an exponential time of mean `dwell`, then another one is hot, whatever robots do
    loads    an empty robot that stands still in a pick-up is loaded after an exponential time of the pick-up's rate; a
             loaded one that stands still in a drop which the crew serves is unloaded after one of `unload_rate`
    crew     the coordinator's vehicle drives from stop to stop and serves its old stop until it arrives. It takes as long as in
             the game, on average, between the tick that sends it and the first tick that finds it there
    battery  a robot that stands where the game has a charger is charged; with fixed chargers a flat one that stands elsewhere
             gets one level of help at `help_rate`

Random numbers of the demand depend on the seed alone, so that fleets with different policies meet the same demand.
"""

from __future__ import annotations

from math import exp

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray, IntArray
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games.work import ChargingParameters, Workplace
from altmarl_ros.simulation.physical.config import BatteryConfig

FLAT = 0.1
"""Charge below which batteries of a game of charging count as flat; robots have the same default (`battery.flat`)."""

COORDINATOR, LONGEST_QUEUE = "coordinator", "longest queue"
"""Who sends the crew: the coordinator, or the world itself to where most loaded robots wait, all of which it sees."""

_STANDING = 0.03  # m/s
_SETTLED = 1.0  # s of standing before anything is done to a robot
_DEMAND, _LOADS = 31, 32  # random streams


class FloorWork:
    """The work of n robots.

    Attributes:
        loaded: whether each robot carries a load [n].
        delivered: loads that each has delivered [n].
        charging: whether each is being charged [n].
        helped: robots that were given a level of charge in the last step.
        stop: where the crew is, s_g.
    """

    def __init__(self, workplace: Workplace, n: int, seed: int, *, sent_by: str = COORDINATOR) -> None:
        """`sent_by` says who sends the crew: COORDINATOR, LONGEST_QUEUE, or the name of a stop where it stays.

        Raises:
            AltmarlError: there is no such stop.
        """
        self._work, self._layout = workplace, workplace.site.layout
        self._demand_rng = np.random.default_rng([seed, _DEMAND])
        self._rng = np.random.default_rng([seed, _LOADS])
        self._names = [self._layout.stops[stop] for stop in workplace.stops]
        if sent_by not in (COORDINATOR, LONGEST_QUEUE, *self._names):
            senders = ", ".join((COORDINATOR, LONGEST_QUEUE, *self._names))
            raise AltmarlError(f"crew is {sent_by!r}, must be one of {senders}")
        self._sent_by = sent_by
        self.loaded = np.zeros(n, dtype=bool)
        self.delivered = np.zeros(n, dtype=np.int64)
        self.charging = np.zeros(n, dtype=bool)
        self.helped: IntArray = np.zeros(0, dtype=np.int64)
        self.hidden_state = int(self._demand_rng.integers(len(workplace.site.pick_ups)))
        self._changes_at = float(self._demand_rng.exponential(workplace.parameters.dwell))
        self.stop = 0 if sent_by not in self._names else self._names.index(sent_by)
        self._target, self._arrives_at = self.stop, 0.0
        self._time = 0.0
        self._stood = np.zeros(n)  # s

    def send(self, stop: int) -> None:
        """Send the crew to a stop, by a_g, if it is the coordinator that sends it; one that is under way there goes on."""
        if self._sent_by == COORDINATOR:
            self._send(stop)

    def step(self, now: float, zones: list[int | None], speeds: FloatArray, charge: FloatArray) -> None:
        """Go on to time `now` [s].

        Args:
            now: simulated time [s].
            zones: where each robot is; None: in no zone.
            speeds: of each [n; m/s].
            charge: share of its capacity that each battery holds [n].
        """
        p, dt, site = self._work.parameters, now - self._time, self._work.site
        self._time = now
        while now >= self._changes_at:
            others = [d for d in range(len(site.pick_ups)) if d != self.hidden_state]
            self.hidden_state = int(self._demand_rng.choice(others))
            self._changes_at += float(self._demand_rng.exponential(p.dwell))
        self._stood = np.where(speeds < _STANDING, self._stood + dt, 0.0)
        stands = self._stood > _SETTLED
        zone = np.array([-1 if each is None else each for each in zones])
        if self._sent_by == LONGEST_QUEUE:
            self._send_to_queue(zone)
        if now >= self._arrives_at:
            self.stop = self._target
        chance = np.zeros(len(zone))
        for i, place in enumerate(site.pick_ups):
            rate = (p.hot_rate if i == self.hidden_state else p.elsewhere_rate) * float(site.factors[i])
            chance[stands & ~self.loaded & (zone == place)] = 1.0 - exp(-rate * dt)
        for place in np.array(site.drops)[self._work.served[self.stop]]:
            chance[stands & self.loaded & (zone == place)] = 1.0 - exp(-p.unload_rate * dt)
        happens = self._rng.random(len(zone)) < chance
        self.delivered += happens & self.loaded
        self.loaded ^= happens
        self._charge(stands, zone, charge, dt)

    def _charge(self, stands: NDArray[np.bool_], zone: IntArray, charge: FloatArray, dt: float) -> None:
        p = self._work.parameters
        if self._work.at_charger is None or not isinstance(p, ChargingParameters):
            return
        self.charging = stands & (zone >= 0) & self._work.at_charger[self.stop][zone]
        draws = self._rng.random(len(zone))
        helped = stands & ~self.charging & (charge < FLAT) & (draws < 1.0 - exp(-p.help_rate * dt))
        self.helped = np.flatnonzero(helped) if p.chargers else np.zeros(0, dtype=np.int64)

    def _send_to_queue(self, zone: IntArray) -> None:
        drops = np.array(self._work.site.drops)
        waiting = [2 * int((self.loaded & np.isin(zone, drops[served])).sum()) for served in self._work.served]
        waiting[self.stop] += 1
        self._send(int(np.argmax(waiting)))

    def _send(self, stop: int) -> None:
        if not 0 <= stop < len(self._names) or stop == self._target:
            return
        travel = self._layout.travel[self._work.stops[self.stop], self._work.stops[stop]]
        tick = self._work.parameters.tick
        seconds = 0.0 if stop == self.stop else tick / travel - 0.5 * tick if travel > 0.0 else np.inf
        self._target, self._arrives_at = stop, self._time + seconds


def battery_of(workplace: Workplace, config: BatteryConfig) -> BatteryConfig:
    """Make a battery that loses and gains levels above flat as fast as the game says; as it is where batteries do not count."""
    p = workplace.parameters
    if not isinstance(p, ChargingParameters):
        return config
    level = 3600.0 * config.capacity * level_share(p.levels)  # J
    standing = p.drain_standing * level
    changes = {
        "idle_power": standing,
        "drive_power": max(0.0, p.drain_moving * level - standing) / p.speed,
        "turn_power": 0.0,
        "charge_power": p.charge_rate * level + standing,
    }
    return BatteryConfig(**{**dict(config), **changes})


def level_share(levels: int) -> float:
    """The share of its capacity that a battery holds in each level above flat."""
    return (1.0 - FLAT) / levels
