"""Tells true goodbyes from those that somebody says for others, for tools that show who is in the fleet."""

from __future__ import annotations

from collections import OrderedDict

from altmarl_ros.msg import RobotHello
from altmarl_ros.protocol.pledge import NO_MARK, is_kept

_MOST = 100_000


class Goodbyes:
    """Remembers the pledges in hellos; the coordinator's `protocol/claims.py` does more, since robots come back to it."""

    def __init__(self) -> None:
        self._marks: OrderedDict[tuple[int, int], int] = OrderedDict()  # by first id and number of ids

    def leaves(self, message: RobotHello) -> bool:
        """Receive a hello; whether it is a goodbye of the sender that joined, or of ids that nobody joined with."""
        key = message.robot_id, message.count
        if message.event == RobotHello.LEAVE:
            return is_kept(self._marks.get(key, NO_MARK), message.secret)
        self._marks[key] = message.mark
        while len(self._marks) > _MOST:
            self._marks.popitem(last=False)
        return False
