"""Puts together what is known of the robots of a run, tick by tick, and says where it is from.

A simulated world knows the truth about each tick. Of other ticks the robots themselves tell: one that drives says from which
state it acted and how, and one that was asked has reported its state. What nobody told is UNKNOWN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence

import numpy as np

from altmarl_ros.errors import AltmarlError
from altmarl_ros.games.trajectory import UNKNOWN, IntArray
from altmarl_ros.records.rows import StatusRow
from altmarl_ros.simulation.markov_world import Truth

STATES = "states"
"""Key of a record's description under which it says where its states are from; a record of true states lacks it."""

Key = tuple[int, int]
"""Session and number of a tick."""

Act = tuple[int, int]
"""Local state and local action of a robot that acted."""


@dataclass(frozen=True, eq=False)
class RobotStates:
    """States and actions of n robots over T ticks.

    Attributes:
        ids: of the robots, in increasing order [n].
        local_state: s_i(t), UNKNOWN where it is not known [T, n].
        local_action: a_i(t), UNKNOWN where a robot did not act or it is not known [T, n].
        actions: number of actions that the world received [T, n]; 1 where a robot told that it acted, UNKNOWN where it told
            nothing.
        about: where the states are from, as JSON values under STATES; empty where all are true ones.
    """

    ids: tuple[int, ...]
    local_state: IntArray
    local_action: IntArray
    actions: IntArray
    about: Mapping[str, Any]


def gather_states(
    rows: Sequence[StatusRow],
    truths: Mapping[Key, Truth],
    drives: Mapping[Key, Mapping[int, Act]],
    first_states: Mapping[int, int],
) -> RobotStates:
    """Gather the states of the ticks of `rows`: true ones where they are known, else those that robots told.

    Args:
        rows: the statuses, whose accepted reports count where a robot told nothing else.
        truths: of ticks.
        drives: state and action of each robot that told what it does, by id, of ticks.
        first_states: the first local state of each robot's type, by id; robots tell their states within their type.

    Raises:
        AltmarlError: a truth does not list its robots.
    """
    keys = [(row.session, row.tick) for row in rows]
    untrue = [t for t, key in enumerate(keys) if key not in truths]
    told = {t: {**dict(rows[t].answers), **drives.get(keys[t], {})} for t in untrue}
    true_ids = {robot_id for key in keys if key in truths for robot_id in truths[key].robot_ids}
    ids = tuple(sorted(true_ids.union(*told.values())))
    column = {robot_id: i for i, robot_id in enumerate(ids)}
    state, action = (np.full((len(rows), len(ids)), UNKNOWN, dtype=np.int64) for _ in range(2))
    actions = np.zeros((len(rows), len(ids)), dtype=np.int64)
    actions[untrue] = UNKNOWN
    for t, key in enumerate(keys):
        truth = truths.get(key)
        if truth is None:
            continue
        if truth.counts:
            raise AltmarlError("a crowd that tells counts alone cannot be recorded robot by robot")
        at = [column[robot_id] for robot_id in truth.robot_ids]
        state[t, at] = truth.local_states
        action[t, at] = [UNKNOWN if taken is None else taken for taken in truth.local_actions]
        actions[t, at] = truth.actions
    for t in untrue:
        for robot_id, reported in rows[t].answers:
            state[t, column[robot_id]] = reported
        for robot_id, (own, taken) in drives.get(keys[t], {}).items():
            i = column[robot_id]
            state[t, i], action[t, i], actions[t, i] = first_states.get(robot_id, 0) + own, taken, 1
    return RobotStates(ids, state, action, actions, _about(state[untrue], action[untrue], len(rows)))


def _about(state: IntArray, action: IntArray, ticks: int) -> dict[str, Any]:
    if not len(state):
        return {}
    robots = int((state != UNKNOWN).any(axis=0).sum())
    possible = max(1, len(state) * robots)
    known, acted = (round(int((table != UNKNOWN).sum()) / possible, 4) for table in (state, action))
    return {STATES: {"told_ticks": len(state), "ticks": ticks, "robots": robots, "known": known, "acted": acted}}


def told_states(about: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return what the description of a record says of states that robots told; None: all states are true ones."""
    told = about.get(STATES)
    return told if isinstance(told, Mapping) and told.keys() >= {"told_ticks", "ticks", "robots", "known", "acted"} else None


def states_in_words(about: Mapping[str, Any]) -> str:
    """Say in a line where the states of a record are from, by its description; empty: they are true ones."""
    told = told_states(about)
    if told is None:
        return ""
    some = "" if told["told_ticks"] == told["ticks"] else f"in {told['told_ticks']} of {told['ticks']} ticks "
    return (
        f"{some}from the robots' own drive states and reports: {told['robots']} robots, "
        f"{100 * told['known']:.1f} % of robot-ticks known, {100 * told['acted']:.1f} % with the action"
    )


def drawn_states(local_state: IntArray, about: Mapping[str, Any]) -> IntArray:
    """Return the states in which robots are drawn [T, n]: one that told nothing for a while is drawn where it was.

    Only a robot that tells again later is; where states are true ones, a robot without one is not there.
    """
    if told_states(about) is None:
        return local_state
    known = local_state != UNKNOWN
    ticks = np.arange(len(local_state))[:, None]
    last = np.maximum.accumulate(np.where(known, ticks, -1), axis=0)
    later = np.flip(np.maximum.accumulate(np.flip(known, axis=0), axis=0), axis=0)
    filled = np.take_along_axis(local_state, np.maximum(last, 0), axis=0)
    return np.asarray(np.where((last >= 0) & later, filled, UNKNOWN))
