"""Nodes with a life cycle (design.ros2.org/articles/node_lifecycle.html): unconfigured, inactive, active, finalized.

A subclass says what `configure` and `activate` do. The publishers, subscriptions, timers and services that they make are
destroyed by the steps back. A step back never fails, so a node in trouble is unconfigured afterwards. The reason why a step
failed is logged where a service asked for it, and raised by `start` at the start of a process.
"""

from __future__ import annotations

from collections import deque
from itertools import chain
from typing import Any, Callable, Iterable

from lifecycle_msgs.msg import State
from rclpy.lifecycle import LifecycleNodeMixin, LifecycleState, TransitionCallbackReturn

from altmarl_ros.errors import AltmarlError
from altmarl_ros.nodes.common.guarded import GuardedNode
from altmarl_ros.nodes.common.parameters import Parameter

_KEPT = 500  # destroyed entities
_SERVICES = ("change_state", "get_state", "get_available_states", "get_available_transitions", "get_transition_graph")

AUTOSTART = Parameter("autostart", True, "Configure and activate at the start of the process; false: when a service says so.")


class ManagedNode(LifecycleNodeMixin, GuardedNode):
    """Base class of the managed nodes."""

    def __init__(self, name: str, services: bool = True, **options: Any) -> None:
        """`services`: whether other nodes can ask for transitions."""
        GuardedNode.__init__(self, name, **options)
        LifecycleNodeMixin.__init__(self, enable_communication_interface=services)
        for service in self.services:
            if service.srv_name.rpartition("/")[2] in _SERVICES:  # rclpy raises where a transition is not possible
                service.callback = self.guard_service(service.srv_name, service.callback)
        self._made: list[set[Any]] = []  # the entities that existed before each step that was taken
        self._destroyed: deque[Any] = deque(maxlen=_KEPT)  # which the EventsExecutor may still have in its queue
        self._failure: Exception | None = None
        self._starting = False

    def configure(self) -> None:
        """Load what the parameters name, and make what the node has while it is inactive or active.

        Raises:
            AltmarlError: with the reason why that is impossible.
        """

    def activate(self) -> None:
        """Begin to work.

        Raises:
            AltmarlError: with the reason why that is impossible.
        """

    def deactivate(self) -> None:
        """Stop working; the entities that `activate` made are destroyed afterwards."""

    def cleanup(self) -> None:
        """Drop what `configure` loaded; the entities that it made are destroyed afterwards."""

    @property
    def state_id(self) -> int:
        """The present state, as in lifecycle_msgs/State."""
        return int(self._state_machine.current_state[0])

    @property
    def configured(self) -> bool:
        """Whether the node has what `configure` makes."""
        return bool(self._made)

    def start(self) -> None:
        """Configure and activate.

        Raises:
            Exception: what the step raised that failed.
        """
        self._starting = True
        try:
            for step in (self.trigger_configure, self.trigger_activate):
                if step() is not TransitionCallbackReturn.SUCCESS:
                    assert self._failure is not None, "a step fails by its exception only"
                    raise self._failure
        finally:
            self._starting = False

    def stop(self) -> None:
        """Shut down, at the end of the process."""
        if self.state_id != State.PRIMARY_STATE_FINALIZED:
            self.trigger_shutdown()

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """From unconfigured to inactive."""
        return self._step("configure", self.configure, self.cleanup)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """From inactive to active."""
        return self._step("activate", self.activate, self.deactivate)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """From active to inactive."""
        return self._back(1)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """From inactive to unconfigured."""
        return self._back(0)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """From any to finalized."""
        return self._back(0)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """From any to unconfigured, after an unforeseen exception."""
        return self._back(0)

    def _step(self, name: str, do: Callable[[], None], undo: Callable[[], None]) -> TransitionCallbackReturn:
        before = self._entities()
        try:
            do()
        except Exception as error:
            undo()
            self._destroy_since(before)
            self._failure = error
            foreseen = isinstance(error, AltmarlError)
            if not self._starting:
                self.get_logger().error(f"cannot {name}: " + (str(error) if foreseen else f"{type(error).__name__}: {error}"))
            return TransitionCallbackReturn.FAILURE if foreseen else TransitionCallbackReturn.ERROR
        self._made.append(before)
        return TransitionCallbackReturn.SUCCESS

    def _back(self, steps_left: int) -> TransitionCallbackReturn:
        while len(self._made) > steps_left:
            try:
                (self.deactivate if len(self._made) == 2 else self.cleanup)()
            except Exception as error:  # the entities that it leaves behind are destroyed all the same
                self.get_logger().error(f"{type(error).__name__}: {error}")
            self._destroy_since(self._made.pop())
        return TransitionCallbackReturn.SUCCESS

    def _entities(self) -> set[Any]:
        return set(chain(self.all_timers, self.subscriptions, self.publishers, self.clients, self.services))

    def _destroy_since(self, before: set[Any]) -> None:
        kinds: tuple[tuple[Callable[[Any], Any], Iterable[Any]], ...] = (
            (self.destroy_timer, self.all_timers),
            (self.destroy_subscription, self.subscriptions),
            (self.destroy_publisher, self.publishers),
            (self.destroy_client, self.clients),
            (self.destroy_service, self.services),
        )
        for destroy, entities in kinds:
            for entity in set(entities) - before:
                self._destroyed.append(entity)
                destroy(entity)
