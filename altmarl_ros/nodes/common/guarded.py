"""A node whose callbacks survive whatever is sent to them, and whose timers follow a simulated clock.

It checks a set of its table's parameters by the table before rclpy does: a whole number is accepted for a float, and a refusal
names the culprit, which rclpy's own does not always do.
"""

from __future__ import annotations

from collections import Counter
from functools import wraps
from typing import Any, Callable

from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock
from rclpy.node import Node
from rclpy.parameter import Parameter as RclParameter
from rclpy.service import Service
from rclpy.subscription import Subscription

from altmarl_ros.errors import AltmarlError
from altmarl_ros.nodes.common.clock_timers import ClockTimer, ClockTimers
from altmarl_ros.nodes.common.parameters import Parameter, unknown_parameter

_THROTTLE = 5.0  # s


class EndOfNode(AltmarlError):
    """Raised by a callback to end its process; the guard lets it pass."""


class GuardedNode(Node):
    """Guards the callbacks of subscriptions and services: what makes one fail is dropped, counted and logged.

    With `use_sim_time` timers of the node's own clock are ClockTimers.

    Attributes:
        dropped: number of dropped messages and requests, by topic or service.
        table: parameters declared by `parameter_sets.declare`, by name.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.dropped: Counter[str] = Counter()  # first: rclpy's own constructor may subscribe, and set parameters
        self.table: dict[str, Parameter] = {}
        super().__init__(*arguments, **options)
        self._clock_timers = ClockTimers(self) if self.get_parameter("use_sim_time").value else None

    @property
    def all_timers(self) -> list[Any]:
        """The timers of rclpy and those of a simulated clock."""
        return [*self.timers, *(self._clock_timers or ())]

    def set_parameters_atomically(self, parameter_list: list[RclParameter]) -> SetParametersResult:
        """Set several parameters, all or none, as rclpy does, after a check by the table."""
        try:
            accepted = [self._accept(parameter) for parameter in parameter_list]
        except AltmarlError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return super().set_parameters_atomically(accepted)

    def _accept(self, parameter: RclParameter) -> RclParameter:
        known = self.table.get(parameter.name)
        if known is not None:
            return RclParameter(parameter.name, value=known.accept(parameter.value))
        if not self.has_parameter(parameter.name):
            raise unknown_parameter(parameter.name, self.table)
        return parameter

    def create_timer(  # type: ignore[override]
        self,
        timer_period_sec: float,
        callback: Callable[[], None],
        callback_group: Any = None,
        clock: Clock | None = None,
        **options: Any,
    ) -> Any:
        """Make a timer as rclpy does; of a simulated clock it is a ClockTimer.

        An executor may have queued a timer that is destroyed before its turn; its callback is not called any more.
        """
        if self._clock_timers is not None and clock in (None, self.get_clock()):
            return self._clock_timers.create(timer_period_sec, callback)

        def call_unless_destroyed() -> None:
            if timer in self.timers:
                callback()

        timer = super().create_timer(timer_period_sec, call_unless_destroyed, callback_group, clock, **options)
        return timer

    def destroy_timer(self, timer: Any) -> bool:
        """Destroy a timer of either kind."""
        if isinstance(timer, ClockTimer):
            timer.cancel()
            return True
        return super().destroy_timer(timer)

    def create_subscription(
        self, msg_type: Any, topic: str, callback: Callable[..., None], *arguments: Any, **options: Any
    ) -> Subscription:
        """Make a subscription as rclpy does, with a guarded callback."""
        return super().create_subscription(msg_type, topic, self.guard(topic, callback), *arguments, **options)

    def create_service(
        self, srv_type: Any, srv_name: str, callback: Callable[[Any, Any], Any], *arguments: Any, **options: Any
    ) -> Service:
        """Make a service as rclpy does, with a guarded callback."""
        return super().create_service(srv_type, srv_name, self.guard_service(srv_name, callback), *arguments, **options)

    def guard_service(self, name: str, callback: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        """Wrap a service's callback so that it does not fail: a request that makes it fail gets an answer without content."""

        @wraps(callback)
        def guarded(request: Any, response: Any) -> Any:
            try:
                return callback(request, response)
            except EndOfNode:
                raise
            except Exception as error:  # whatever it is, the next request must be answered
                self._note_failure(f"dropped a request to {name}", name, error)
                return response

        return guarded

    def _note_failure(self, what: str, name: str, error: Exception) -> None:
        self.dropped[name] += 1
        self.get_logger().error(
            f"{what} ({self.dropped[name]} so far): {type(error).__name__}: {str(error)[:200]}",
            throttle_duration_sec=_THROTTLE,
        )

    def guard(self, topic: str, callback: Callable[..., None]) -> Callable[..., None]:
        """Wrap a callback for messages of a topic so that it does not fail."""

        @wraps(callback)
        def guarded(*message: Any) -> None:
            if isinstance(message[0], tuple):  # the EventsExecutor hands over message and info as one (observed)
                (message,) = message
            try:
                callback(*message)
            except EndOfNode:
                raise
            except Exception as error:  # whatever it is, the next message must be received
                self._note_failure(f"dropped a message of {topic}", topic, error)

        return guarded
