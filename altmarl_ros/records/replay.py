"""Makes the decisions of a recorded run again.

What came from outside or from chance is taken from the record: s_g(t), which robots were polled, which reports were accepted
and what they said, how many robots were in the draw. From that the decisions are made anew, in the order of the ticks. A
session begins with the start of its observation model, or with what it took over from another session.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Iterable, Iterator, Mapping, Sequence

import numpy as np

from altmarl_ros.errors import AltmarlError
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.policies import PolicyBundle
from altmarl_ros.protocol.decision import DecisionMaker, recorded_types
from altmarl_ros.protocol.settings import DecisionSettings
from altmarl_ros.protocol.standby import Handover
from altmarl_ros.records.rows import StatusRow


@dataclass(frozen=True)
class Redecision:
    """One tick decided again.

    Attributes:
        session, tick: session and number of the tick.
        recorded, decided: the action a_g in the record and the one decided now.
        deviation: largest difference of an estimated share, or of the probability of a hidden state, from the recorded one,
            which is a float32.
    """

    session: int
    tick: int
    recorded: int
    decided: int
    deviation: float

    @property
    def equal(self) -> bool:
        """Whether both decisions are the same."""
        return self.recorded == self.decided


@dataclass(frozen=True)
class Gap:
    """Ticks of a session that the record lacks, from `first` to `last`, both included."""

    session: int
    first: int
    last: int


def find_gaps(statuses: Iterable[StatusRow]) -> list[Gap]:
    """Find the ticks that a record lacks, a late start included: a memory that reaches over ticks cannot be followed there."""
    expected: dict[int, int] = {}
    gaps = []
    for status in statuses:
        wanted = expected.get(status.session, 0)
        if status.tick > wanted:
            gaps.append(Gap(status.session, wanted, status.tick - 1))
        expected[status.session] = status.tick + 1
    return gaps


def redecide(
    statuses: Iterable[StatusRow],
    game: TabularGame,
    settings: Mapping[int, DecisionSettings],
    policies: Mapping[int, PolicyBundle],
    *,
    k: int | None = None,
    handover: Handover = Handover(),
) -> Iterator[Redecision]:
    """Decide the ticks of one session again, in order.

    Args:
        statuses: the ticks.
        game: the game that the fleet played.
        settings: the settings that hold from a tick on, by its number; the first of them hold from the start.
        policies: the policies, by the id by which each tick names its own.
        k: if given, only the first k reports of each tick count.
        handover: what the session began with.

    Raises:
        AltmarlError: a recorded tick does not fit the game, or its policy is not given.
    """
    changes = sorted(settings)
    decision_maker: DecisionMaker | None = None
    for status in statuses:
        bundle = policies.get(status.policy_id)
        if bundle is None:
            raise AltmarlError(f"session {status.session} tick {status.tick}: policy {status.policy_id:08x} is not given")
        present = settings[changes[max(0, bisect_right(changes, status.tick) - 1)]]
        if decision_maker is None:
            decision_maker = DecisionMaker(game, bundle, present)
            decision_maker.resume(handover)
        decision_maker.follow(present)
        if bundle is not decision_maker.bundle:
            decision_maker.adopt(bundle)
        states = [state for _, state in status.answers[:k]]
        check_row(status, states, game)
        action = decide_again(decision_maker, game, status, states)
        yield Redecision(status.session, status.tick, status.global_action, action, _deviation(decision_maker, status))


def decide_again(decision_maker: DecisionMaker, game: TabularGame, status: StatusRow, states: Sequence[int]) -> int:
    """Decide a recorded tick by these reported states, and by what else was known in it; returns a_g."""
    return decision_maker.decide(
        status.session,
        status.tick,
        status.global_state,
        states,
        status.live,
        by_type=recorded_types(game, status.estimate, status.live),
        returned=status.returned,
        evidence=status.evidence,
    )


def _deviation(decision_maker: DecisionMaker, status: StatusRow) -> float:
    known = np.concatenate([decision_maker.model.estimate[0], decision_maker.belief if status.belief else []])
    return float(np.abs(known - np.array([*status.estimate, *status.belief])).max())


def check_row(status: StatusRow, states: Sequence[int], game: TabularGame) -> None:
    """Raise AltmarlError where a tick with these reported states does not fit the game."""
    where = f"session {status.session} tick {status.tick}"
    if not status.global_state < game.n_global_states:
        raise AltmarlError(f"{where}: global state {status.global_state} is not in game {game.name!r}")
    told = (*states, *status.returned)
    if told and max(told) >= game.n_local_states:
        raise AltmarlError(f"{where}: local state {max(told)} is not in game {game.name!r}")
    if status.belief and (game.hidden is None or len(status.belief) != len(game.hidden)):
        raise AltmarlError(f"{where}: the belief is over {len(status.belief)} hidden states, the game has another number")
    if status.evidence and (game.hidden is None or len(status.evidence) != len(game.hidden)):
        raise AltmarlError(f"{where}: evidence about {len(status.evidence)} hidden states, the game has another number")
    if len(status.estimate) != game.n_local_states:
        raise AltmarlError(
            f"{where}: the estimate is over {len(status.estimate)} local states, the game has {game.n_local_states}"
        )
