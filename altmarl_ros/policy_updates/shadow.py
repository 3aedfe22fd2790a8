"""A shadow policy: it decides each tick beside the policy in force, and nobody acts by its decisions.

It gets what the coordinator got, from the status of each tick: s_g(t), the accepted reports and how many robots are in the
draw. At its first tick, after missing ticks and in a new session it goes on from the coordinator's estimate of the tick
before, as far as that is known.
"""

from __future__ import annotations

from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.protocol.decision import DecisionMaker
from altmarl_ros.protocol.standby import Handover
from altmarl_ros.records.replay import check_row, decide_again
from altmarl_ros.records.rows import StatusRow


class Shadow:
    """Lets a candidate decide the ticks of a running fleet, and counts how often it takes the same global action.

    Attributes:
        ticks: number of ticks that it decided.
        agreed: number of these in which it took the coordinator's global action.
    """

    def __init__(self, game: TabularGame, candidate: DecisionMaker, last: StatusRow | None) -> None:
        """`candidate` decides by the candidate policy; `last` is the tick before the first one that `hear` gets, if known."""
        self._game, self._candidate, self._last = game, candidate, last
        self._follows = False  # whether the candidate decided the last tick
        self.ticks = self.agreed = 0

    def hear(self, status: StatusRow) -> bool:
        """Decide a tick, unless it is an old one; whether it did, and with the same global action.

        Raises:
            AltmarlError: the tick does not fit the game; it is not counted.
        """
        last, states = self._last, [state for _, state in status.answers]
        if last is not None and (last.session, last.tick) >= (status.session, status.tick) and last.session == status.session:
            return False
        check_row(status, states, self._game)
        if not (self._follows and last is not None and (last.session, last.tick + 1) == (status.session, status.tick)):
            self._candidate.resume(_known(last))
        action = decide_again(self._candidate, self._game, status, states)
        self._last, self._follows = status, True
        self.ticks += 1
        self.agreed += action == status.global_action
        return action == status.global_action


def _known(last: StatusRow | None) -> Handover:
    if last is None:
        return Handover()
    return Handover(None, None, last.global_state, last.estimate, last.sampling_error, last.belief)
