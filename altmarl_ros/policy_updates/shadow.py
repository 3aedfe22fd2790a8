"""A policy that decides along with the one in force, and whose decisions nobody follows.

It hears what the coordinator heard: s_g(t), the accepted reports and how many robots are in the draw, from the
coordinator's own account of each tick. At first, where ticks are missing and in a new session it goes on from the
coordinator's estimate of the tick before, as far as that is known.
"""

from __future__ import annotations

from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.protocol.decision import Decider
from altmarl_ros.protocol.standby import Handover
from altmarl_ros.records.replay import check_row
from altmarl_ros.records.run_record import StatusRow


class Shadow:
    """Counts how often it agrees with the decisions in force.

    Attributes:
        ticks: it decided.
        agreed: of these, with the same global action.
    """

    def __init__(self, game: TabularGame, decider: Decider, last: StatusRow | None) -> None:
        """`decider` is the candidate's; `last` the newest tick before the first that it hears."""
        self._game, self._decider, self._last = game, decider, last
        self._follows = False  # the model decided the last tick
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
            self._decider.resume(_known(last))
        action = self._decider.decide(status.session, status.tick, status.global_state, states, status.live)
        self._last, self._follows = status, True
        self.ticks += 1
        self.agreed += action == status.global_action
        return action == status.global_action


def _known(last: StatusRow | None) -> Handover:
    if last is None:
        return Handover()
    return Handover(None, None, last.global_state, last.estimate, last.sampling_error)
