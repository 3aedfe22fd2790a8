"""A node whose callbacks survive whatever is sent to them, and whose timers follow a simulated clock.

It checks a set of its table's parameters by the table before rclpy does: a whole number is accepted for a float, and a refusal
names the culprit, which rclpy's own does not always do.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from functools import wraps
from typing import Any, Callable, Iterable, Iterator, Mapping, Sequence

from rcl_interfaces.msg import SetParametersResult
from rclpy.action.client import ActionClient
from rclpy.clock import Clock
from rclpy.exceptions import InvalidTopicNameException
from rclpy.node import Node
from rclpy.parameter import Parameter as RclParameter
from rclpy.publisher import Publisher
from rclpy.service import Service
from rclpy.subscription import Subscription

from altmarl_ros.deployment.shared_memory import remove_half_made_ports
from altmarl_ros.errors import AltmarlError, shown
from altmarl_ros.nodes.common.allowed_paths import AllowedPaths
from altmarl_ros.nodes.common.clock_timers import ClockTimer, ClockTimers
from altmarl_ros.nodes.common.parameter_services import ParameterServices
from altmarl_ros.nodes.common.parameters import Parameter, unknown_parameter

_THROTTLE = 5.0  # s
_LONGEST_REASON = 300  # characters


class EndOfNode(AltmarlError):
    """Raised by a callback to end its process; the guard lets it pass."""


class BrokenNode(RuntimeError):
    """Raised by a callback after a mistake of our own, of which no message is the cause; the guard lets it pass."""


@contextmanager
def _valid_name(topic: str) -> Iterator[None]:
    """Make an AltmarlError of what rclpy raises for a topic's name."""
    try:
        yield
    except (InvalidTopicNameException, ValueError) as error:
        if topic not in str(error):  # it is about something else
            raise
        rule = str(error).replace(topic, "...").partition("\n")[0].removesuffix(":")
        raise AltmarlError(f"topic {shown(topic)}: {rule}") from None


class GuardedNode(Node):
    """Guards the callbacks of subscriptions and services: a message that makes one fail is dropped, counted and logged.

    With `use_sim_time` timers of the node's own clock are ClockTimers. Services that set parameters which name files are
    answered once a thread has read these (`parameter_services`).

    Attributes:
        dropped: number of dropped messages and requests, by topic or service.
        table: parameters declared by `parameter_sets.declare`, by name.
        paths: where the files may be that parameters name.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.dropped: Counter[str] = Counter()  # first: rclpy's own constructor may subscribe, and set parameters
        self.table: dict[str, Parameter] = {}
        self.paths = AllowedPaths((), {})
        self._files: Any = None  # what `read_files` gave for the set that is being taken
        self._action_clients: dict[str, Any] = {}
        left = remove_half_made_ports()
        try:
            super().__init__(*arguments, **options)
        except ValueError as error:  # of parameters that rclpy declares itself, such as an empty list for use_sim_time
            raise AltmarlError(f"a parameter that was given cannot be declared: {error}") from None
        if left:
            self.get_logger().warning(f"removed shared memory that a killed process left half made: {', '.join(left[:10])}")
        self._clock_timers = ClockTimers(self) if self.get_parameter("use_sim_time").value else None
        self._parameter_services = ParameterServices(self, self) if options.get("start_parameter_services", True) else None

    @property
    def all_timers(self) -> list[Any]:
        """The timers of rclpy and those of a simulated clock, without that by which the node waits for files."""
        waiting = self._parameter_services.timer if self._parameter_services is not None else None
        return [timer for timer in (*self.timers, *(self._clock_timers or ())) if timer is not waiting]

    def set_parameters_atomically(self, parameter_list: list[RclParameter]) -> SetParametersResult:
        """Set several parameters, all or none, as rclpy does, after a check by the table."""
        return self.take_set(parameter_list, None)

    def take_set(self, parameters: Sequence[RclParameter], files: Any) -> SetParametersResult:
        """Take a set of parameters, all or none.

        `files`: what the reader of `file_reader` gave, or the AltmarlError that it raised; None: nothing was read yet.
        """
        if isinstance(files, AltmarlError):
            return SetParametersResult(successful=False, reason=str(files))
        self._files = files
        try:
            accepted = [self._accept(parameter) for parameter in parameters]
            if files is None:
                self.paths.check({parameter.name: parameter.value for parameter in accepted})
            return super().set_parameters_atomically([parameter for parameter in accepted if not self._is_fixed(parameter)])
        except AltmarlError as error:
            return SetParametersResult(successful=False, reason=str(error))
        except Exception as error:  # whatever it is, one set must not end the node
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:_LONGEST_REASON]}"
            self.get_logger().error(f"a set of parameters failed: {reason}", throttle_duration_sec=_THROTTLE)
            return SetParametersResult(successful=False, reason=reason)
        finally:
            self._files = None

    def set_parameters_later(self, parameters: Sequence[RclParameter], done: Callable[[SetParametersResult], None]) -> None:
        """Set several parameters, all or none, and call `done` with the result once the files that they name are read."""
        assert self._parameter_services is not None, "a node without parameter services"
        self._parameter_services.set_later(parameters, done)

    def reads_files(self, names: Iterable[str]) -> bool:
        """Whether files are read where these parameters are set."""
        return self.paths.names(names)

    def read_files(self, values: Mapping[str, Any], names: frozenset[str]) -> Any:
        """Read what the node needs of the files that its parameters would name; called in a thread, changes nothing.

        Args:
            values: all parameters by name, as they would be.
            names: of those that are set.

        Raises:
            AltmarlError: with the reason for a refusal.
        """
        return None

    def files_read(self, values: Mapping[str, Any], names: frozenset[str]) -> Any:
        """Return what `read_files` gave for the set that is being taken; reads it now where no thread has."""
        return self._files[0] if self._files else self.read_files(values, names)

    def file_reader(self, parameters: Sequence[RclParameter]) -> Callable[[], tuple[Any]]:
        """Return what reads the files of a set, in any thread; it raises AltmarlError with the reason for a refusal."""
        values = {name: self.get_parameter(name).value for name in self.table}

        def read() -> tuple[Any]:
            given = {parameter.name: parameter.value for parameter in map(self._accept, parameters)}
            self.paths.check(given)
            return (self.read_files({**values, **given}, frozenset(given)),)

        return read

    def _is_fixed(self, parameter: RclParameter) -> bool:
        """Whether a parameter is read-only and has that value, so that a dump can be loaded again."""
        return self.describe_parameter(parameter.name).read_only and self.get_parameter(parameter.name).value == parameter.value

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

        An executor may have queued a timer that is destroyed or reset before its turn: its callback is not called any more, or
        a period after the reset and not before.
        """
        if self._clock_timers is not None and clock in (None, self.get_clock()):
            return self._clock_timers.create(timer_period_sec, callback)

        def call_when_due() -> None:
            if timer not in self.timers:
                return
            if (timer.time_until_next_call() or 0) > timer.timer_period_ns:  # its call counts for the time after the reset
                timer.reset()
            else:
                callback()

        timer = super().create_timer(timer_period_sec, call_when_due, callback_group, clock, **options)
        return timer

    def destroy_timer(self, timer: Any) -> bool:
        """Destroy a timer of either kind."""
        if isinstance(timer, ClockTimer):
            timer.cancel()
            return True
        return super().destroy_timer(timer)

    def action_client(self, action_type: Any, name: str) -> Any:
        """Return the client of an action, the same one each time; it lives as long as the node.

        rclpy's EventsExecutor crashes when an action client is destroyed while one of its events, such as the feedback of any
        goal of its server, is queued (observed in Jazzy's wheels).
        """
        if name not in self._action_clients:
            self._action_clients[name] = ActionClient(self, action_type, name)
        return self._action_clients[name]

    def create_subscription(
        self, msg_type: Any, topic: str, callback: Callable[..., None], *arguments: Any, **options: Any
    ) -> Subscription:
        """Make a subscription as rclpy does, with a guarded callback.

        Raises:
            AltmarlError: the topic's name, which parameters make, is none.
        """
        with _valid_name(topic):
            return super().create_subscription(msg_type, topic, self.guard(topic, callback), *arguments, **options)

    def create_publisher(self, msg_type: Any, topic: str, *arguments: Any, **options: Any) -> Publisher:
        """Make a publisher as rclpy does.

        Raises:
            AltmarlError: the topic's name, which parameters make, is none.
        """
        with _valid_name(topic):
            return super().create_publisher(msg_type, topic, *arguments, **options)

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
            except (EndOfNode, BrokenNode):
                raise
            except Exception as error:  # whatever it is, the next request must be answered
                self._note_failure(f"dropped a request to {name}", name, error)
                return type(response)()  # what it was filled with so far is no answer

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
            except (EndOfNode, BrokenNode):
                raise
            except Exception as error:  # whatever it is, the next message must be received
                self._note_failure(f"dropped a message of {topic}", topic, error)

        return guarded
