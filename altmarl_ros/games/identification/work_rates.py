"""Estimates the pace and the rates of a game of work from recorded runs.

A game of deliveries or charging has thousands of probabilities and some ten parameters that they follow from. The parameters
are estimated here, so that a short run is enough. For each of them the number of events is divided by the robot-ticks in which
they can happen:

    motion_success   phases that robots got further, over the share of phases that nothing delayed would have brought them
    hot_rate         loads got at the hot pick-up, over the ticks of empty robots that stayed there; likewise elsewhere_rate
    unload_rate      loads handed over, over the ticks of loaded robots that stayed at a drop where the crew was
    dwell            ticks over changes of the hot pick-up, where the runs recorded it
    drain_moving, drain_standing, charge_rate   levels lost on the way and at rest, and gained at a charger

Flat robots take part in none of it. Loads that come or go in the tick of an arrival count as events, so that as many flow in
the model as in the run. Intervals are those of a Poisson number of events. A parameter of which too little was seen keeps the
game's value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.games.trajectory import UNKNOWN, IntArray, Trajectory
from altmarl_ros.games.work import ChargingParameters, Workplace
from altmarl_ros.games.work.delivery_site import LOADED
from altmarl_ros.games.work.robot_moves import STAY

_LEAST_EVENTS, _LEAST_TICKS = 3, 20
_FURTHEST = 6  # phases in a tick
_Z = 1.96


@dataclass(frozen=True)
class RateEstimate:
    """What runs say of one parameter.

    Attributes:
        name: of the parameter.
        model: value in the game.
        value: estimated; the game's own where too little was seen.
        low, high: 95 % interval of the estimate; the value where there is none.
        events: number of events.
        ticks: robot-ticks, or ticks for `dwell`, in which they could happen.
    """

    name: str
    model: float
    value: float
    low: float
    high: float
    events: int
    ticks: float

    @property
    def known(self) -> bool:
        """Whether enough was seen."""
        return self.events >= _LEAST_EVENTS and self.ticks >= _LEAST_TICKS


def estimate_rates(workplace: Workplace, run: Trajectory) -> list[RateEstimate]:
    """Estimate the parameters of a game of work; `run` holds all runs, joined."""
    moves = _Moves.of(workplace, run)
    p, tick = workplace.parameters, workplace.parameters.tick
    found = [_pace(workplace, moves), *_loads(workplace, moves), _unloading(workplace, moves)]
    if run.hidden_state is not None:
        d = run.hidden_state
        pairs = run.follows[1:] & (d[1:] != UNKNOWN) & (d[:-1] != UNKNOWN)
        changes = int((pairs & (d[1:] != d[:-1])).sum())
        leaving = _rate("dwell", 1.0 / p.dwell, changes, float(pairs.sum()), tick)
        found.append(
            RateEstimate(
                "dwell", p.dwell, 1.0 / leaving.value, 1.0 / leaving.high, 1.0 / max(leaving.low, 1e-9), changes, leaving.ticks
            )
        )
    if isinstance(p, ChargingParameters):
        found += _batteries(workplace, p, moves)
    return found


@dataclass(frozen=True, eq=False)
class _Moves:
    """The robot-ticks of a run of which state, action and what followed are known [N each]."""

    s_g: IntArray
    d: IntArray
    place: IntArray
    condition: IntArray
    action: IntArray
    next_place: IntArray
    next_condition: IntArray

    @classmethod
    def of(cls, workplace: Workplace, run: Trajectory) -> _Moves:
        """Collect them from a run."""
        s, a = run.local_state, run.local_action
        known = run.follows[1:, None] & (s[:-1] != UNKNOWN) & (s[1:] != UNKNOWN) & (a[:-1] != UNKNOWN)
        t, i = np.nonzero(known)
        place, condition = np.argwhere(workplace.moves.possible).T
        d = np.full(len(t), UNKNOWN) if run.hidden_state is None else run.hidden_state[t]
        before, after = s[t, i], s[t + 1, i]
        return cls(run.global_state[t], d, place[before], condition[before], a[t, i], place[after], condition[after])

    def loaded(self, workplace: Workplace, *, after: bool = False) -> NDArray[np.bool_]:
        """Whether the robot is loaded, before or after the tick."""
        condition = self.next_condition if after else self.condition
        return np.asarray(condition // (workplace.levels + 1 if workplace.levels else 1) == LOADED)

    def able(self, workplace: Workplace) -> NDArray[np.bool_]:
        """Whether the battery is not flat, or does not count."""
        return np.asarray((self.level(workplace) > 0) | (workplace.levels == 0))

    def level(self, workplace: Workplace, *, after: bool = False) -> IntArray:
        """The level of its battery, before or after the tick."""
        return np.asarray((self.next_condition if after else self.condition) % (workplace.levels + 1))


def _rate(name: str, model: float, events: int, ticks: float, tick: float) -> RateEstimate:
    """Events per second, with the interval by which the square root of a Poisson number varies."""
    if events < _LEAST_EVENTS or ticks < _LEAST_TICKS:
        return RateEstimate(name, model, model, model, model, events, ticks)
    root = np.sqrt(events + 0.375)
    low, high = ((max(0.0, root + side * 0.5 * _Z)) ** 2 / (ticks * tick) for side in (-1.0, 1.0))
    return RateEstimate(name, model, events / (ticks * tick), float(low), float(high), events, ticks)


def _pace(workplace: Workplace, m: _Moves) -> RateEstimate:
    p, layout = workplace.parameters, workplace.site.layout
    goal = workplace.moves.goals[m.s_g, m.condition, m.action]
    chance = workplace.moves.leaves[m.s_g, m.action, m.place, m.condition]
    steps, at = np.where(m.next_place == m.place, 0, UNKNOWN), m.place
    for step in range(1, _FURTHEST + 1):
        at = np.where(goal == STAY, at, layout.step[at, np.maximum(goal, 0)])
        steps = np.where((steps == UNKNOWN) & (m.next_place == at), step, steps)
    went = (chance > 0.0) & (steps != UNKNOWN)  # others turned round, or were carried
    phases, expected = steps[went], chance[went] / p.motion_success
    if phases.sum() < _LEAST_EVENTS or went.sum() < _LEAST_TICKS:
        value, spread = p.motion_success, 0.0
    else:
        value = float(phases.sum() / expected.sum())
        spread = _Z * float(np.sqrt(((phases - value * expected) ** 2).sum()) / expected.sum())
    low, high = (min(1.0, max(0.0, value + side * spread)) for side in (-1.0, 1.0))
    return RateEstimate(
        "motion_success", p.motion_success, min(1.0, value), low, high, int(phases.sum()), float(expected.sum())
    )


def _loads(workplace: Workplace, m: _Moves) -> list[RateEstimate]:
    p, site = workplace.parameters, workplace.site
    zone, empty = site.layout.stop_of[m.next_place], ~m.loaded(workplace) & m.able(workplace)
    got = empty & m.loaded(workplace, after=True)
    found = []
    for name, model, hot in (("hot_rate", p.hot_rate, True), ("elsewhere_rate", p.elsewhere_rate, False)):
        events, ticks = 0, 0.0
        for d, (place, factor) in enumerate(zip(site.pick_ups, site.factors.tolist(), strict=True)):
            counted = (m.d != UNKNOWN) & ((m.d == d) == hot)
            waits = counted & empty & (m.place == place) & (m.next_place == place)
            events += int((counted & got & (zone == place)).sum())
            ticks += factor * float(waits.sum())
        found.append(_rate(name, model, events, ticks, p.tick))
    return found


def _unloading(workplace: Workplace, m: _Moves) -> RateEstimate:
    p, site = workplace.parameters, workplace.site
    loaded = m.loaded(workplace) & m.able(workplace)
    served = np.zeros((len(workplace.stops), len(site.layout.places)), dtype=np.bool_)
    served[:, site.drops] = workplace.served
    waits = loaded & (m.place == m.next_place) & served[m.s_g, m.place]
    handed = loaded & ~m.loaded(workplace, after=True)
    return _rate("unload_rate", p.unload_rate, int(handed.sum()), float(waits.sum()), p.tick)


def _batteries(workplace: Workplace, p: ChargingParameters, m: _Moves) -> list[RateEstimate]:
    assert workplace.at_charger is not None
    level, after = m.level(workplace), m.level(workplace, after=True)
    moving = workplace.moves.leaves[m.s_g, m.action, m.place, m.condition] > 0.0
    charged = ~moving & workplace.at_charger[m.s_g, m.place]
    lost, gained = np.maximum(level - after, 0), np.maximum(after - level, 0)
    rows = (
        ("drain_moving", p.drain_moving, moving & (level > 0), lost),
        ("drain_standing", p.drain_standing, ~moving & ~charged & (level > 0), lost),
        ("charge_rate", p.charge_rate, charged & (level < p.levels), gained),
    )
    return [_rate(name, model, int(change[of].sum()), float(of.sum()), p.tick) for name, model, of, change in rows]
