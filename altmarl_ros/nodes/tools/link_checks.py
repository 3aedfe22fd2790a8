"""Asks links for the checks that they make themselves: of the link, and of the robot at its other end."""

from __future__ import annotations

import json
import time
from typing import Any

from rclpy.executors import Executor
from std_srvs.srv import Trigger

from altmarl_ros.deployment import Check
from altmarl_ros.nodes.common.guarded import GuardedNode

LONGEST = 60.0
"""Longest time that a link needs for its checks [s]."""


class LinkAsker(GuardedNode):
    """Calls one service of a link.

    Service call: the one that it is given, of type std_srvs/srv/Trigger.
    """

    def __init__(self, service: str, executor: Executor) -> None:
        """`service`: full name; `executor`: spun while the node waits."""
        super().__init__("altmarl_ask_link", start_parameter_services=False, enable_rosout=False)
        self._service, self._executor = service, executor
        executor.add_node(self)

    def ask(self, timeout: float) -> list[Check] | None:
        """Return the checks; None: nobody offers the service within `timeout` [s]."""
        client: Any = self.create_client(Trigger, self._service)
        if not self._wait(client.service_is_ready, timeout):
            return None
        future = client.call_async(Trigger.Request())
        if not self._wait(future.done, LONGEST):
            return [Check("link", "failed", f"{self._service} does not answer within {LONGEST:g} s")]
        return read_checks(future.result())

    def _wait(self, done: Any, timeout: float) -> bool:
        end = time.monotonic() + timeout
        while not done():
            if time.monotonic() > end:
                return False
            self._executor.spin_once(timeout_sec=0.05)
        return True


def read_checks(response: Trigger.Response | None) -> list[Check]:
    """Return the checks in a link's response; one that failed where there are none, with the link's reason."""
    told = response.message if response is not None else "no answer"
    try:
        return [Check(str(each["name"]), each["state"], str(each["detail"]), str(each["remedy"])) for each in json.loads(told)]
    except (ValueError, TypeError, KeyError):
        return [Check("link", "failed", told[:500] or "says nothing", "see the log of the link")]
