"""A client of a trainer: sets its parameters, calls its services and follows its progress."""

from __future__ import annotations

import time
from typing import Any, Callable, Mapping

from rclpy.executors import SingleThreadedExecutor
from std_srvs.srv import Trigger

from altmarl_ros.errors import ResourceError
from altmarl_ros.msg import TrainingProgress
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.common.guarded import GuardedNode
from altmarl_ros.nodes.common.remote_parameters import Answer, RemoteParameters, Value
from altmarl_ros.policy_updates import BUSY, Stage

SERVICES = ("train", "cancel", "deploy", "rollback")
_BACKLOG = 50  # messages
_FLEET_TIMEOUT = 3.0  # s; for a trainer that was just started to receive the fleet's status
_SILENCE_TIMEOUT = 30.0  # s; a trainer at work publishes twice a second, unless it compiles


class TrainerClient(GuardedNode):
    """A node that spins itself while it waits for a trainer.

    Attributes:
        trainer: fully qualified name of the trainer's node.
        progress: the last progress message; None: none yet.

    Topics: subscribes to `<trainer>/progress`.
    Services: calls `<trainer>/train`, `cancel`, `deploy` and `rollback`, and the trainer's parameter services.
    """

    def __init__(self, trainer: str, on_progress: Callable[[TrainingProgress], None] = lambda message: None) -> None:
        """`on_progress` is called with each progress message."""
        super().__init__("retrain", start_parameter_services=False)
        self.trainer = trainer
        self.progress: TrainingProgress | None = None
        self._on_progress = on_progress
        self._received_at = time.monotonic()
        self._changed, self._state = False, int(Stage.IDLE)  # since the last call, from that state
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self)
        self._remote = RemoteParameters(self, trainer)
        self._triggers: dict[str, Any] = {name: self.create_client(Trigger, f"{trainer}/{name}") for name in SERVICES}
        self.create_subscription(TrainingProgress, f"{trainer}/progress", self._on_progress_message, qos.latched_qos(_BACKLOG))

    def connect(self, seconds: float) -> None:
        """Wait until the trainer is discovered, at most `seconds`.

        Raises:
            ResourceError: it was not found in time.
        """

        def found() -> bool:
            ready = all(client.service_is_ready() for client in self._triggers.values())
            return ready and self._remote.ready and self.progress is not None

        if not self._wait(found, seconds):
            raise ResourceError(
                f"no trainer at {self.trainer} within {seconds:g} s: `altmarl fleet --trainer` starts one, in your ROS domain"
            )
        self._wait(lambda: bool(self.last.policy_id), _FLEET_TIMEOUT)

    def change(self, values: Mapping[str, Value], seconds: float = 10.0) -> Answer:
        """Set several of the trainer's parameters, all or none; setting none succeeds.

        Raises:
            ResourceError: it did not answer in time.
        """
        task: Any = self._executor.create_task(self._remote.change, values)
        if not self._wait(task.done, seconds):
            raise ResourceError(f"{self.trainer} did not answer within {seconds:g} s")
        answer: Answer = task.result()
        return answer

    def call(self, name: str, seconds: float = 10.0) -> Answer:
        """Call one of SERVICES.

        Raises:
            ResourceError: it did not answer in time.
        """
        self._changed, self._state = False, self.last.state
        future: Any = self._triggers[name].call_async(Trigger.Request())
        if not self._wait(future.done, seconds):
            raise ResourceError(f"{self.trainer} did not answer within {seconds:g} s")
        response = future.result()
        if response.success:  # its state comes by a topic, later than the answer
            self._wait(lambda: self._changed, _SILENCE_TIMEOUT)
        return Answer(response.success, response.message)

    def listen(self) -> None:
        """Process the messages that have arrived, without waiting."""
        self._executor.spin_once(timeout_sec=0.0)

    def follow(self) -> TrainingProgress:
        """Wait until the work that is under way has ended; returns the last progress message.

        Raises:
            ResourceError: the trainer fell silent.
        """
        self._received_at = time.monotonic()
        while Stage(self.last.state) in BUSY:
            self._executor.spin_once(timeout_sec=0.1)
            if time.monotonic() - self._received_at > _SILENCE_TIMEOUT:
                raise ResourceError(f"{self.trainer} fell silent")
        return self.last

    def close(self) -> None:
        """Destroy the node."""
        self._executor.shutdown()
        self.destroy_node()

    @property
    def last(self) -> TrainingProgress:
        """The last progress message, once the client is connected."""
        assert self.progress is not None, "not connected"
        return self.progress

    def _on_progress_message(self, message: TrainingProgress) -> None:
        self.progress = message
        self._changed |= message.state != self._state
        self._received_at = time.monotonic()
        self._on_progress(message)

    def _wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            self._executor.spin_once(timeout_sec=0.05)
        return condition()
