"""The dashboard's node in a fleet: it puts what it hears into a `dashboard.view.FleetView` and carries out commands.

The node spins in a thread of its own, beside the web server. It only listens until somebody with control gives a command.
"""

from __future__ import annotations

import asyncio
import math
import queue
import socket
import time
from concurrent.futures import Future
from functools import partial
from typing import Any, Awaitable, Callable, Mapping

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import Executor
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

from altmarl_ros.dashboard import FleetView, Outcome
from altmarl_ros.dashboard.commands import TRAINER_VERBS, Value
from altmarl_ros.dashboard.events import INFO, WARNING
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import find_floor_map, load_game
from altmarl_ros.msg import (
    CoordinatorStatus,
    FleetConfiguration,
    FleetTick,
    FleetTruth,
    FloorTruth,
    RobotHello,
    TrainingProgress,
)
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.common.conversions import configuration_from_message
from altmarl_ros.nodes.common.goodbyes import Goodbyes
from altmarl_ros.nodes.common.guarded import GuardedNode
from altmarl_ros.nodes.common.remote_parameters import RemoteParameter, RemoteParameters, typed
from altmarl_ros.nodes.robot.emergency_stop import TOPIC, FleetStop
from altmarl_ros.nodes.tools import dashboard_conversions
from altmarl_ros.nodes.tools.operator_client import COMMANDS, OperatorClient
from altmarl_ros.protocol.operated import LONGEST_NAME
from altmarl_ros.srv import OperateRobot

TRAINER = "/trainer"

_HOST = socket.gethostname()
_ANSWER = 5.0  # s; longest wait for a service
_GRAPH_PERIOD = 1.0  # s between two looks at which nodes there are
_READ_AGAIN = 5.0  # s between two readings of the trainer's parameters
_PAST = 3.0  # s; an older status is sent to late subscribers and makes no event


class DashboardNode(GuardedNode):
    """Listens to a fleet and implements `dashboard.commands.Operations` on it.

    Subscriptions: <fleet_prefix>/tick, status, configuration, truth, hello, emergency_stop; <world_prefix>/floor;
    /diagnostics; /trainer/progress.
    Publishers: <fleet_prefix>/emergency_stop (only with control).
    Service calls: the parameter services of coordinators and trainer; /trainer/train, cancel, deploy, rollback; the `operate`
    services of robots.
    """

    def __init__(
        self, view: FleetView, fleet_prefix: str = "/fleet", world_prefix: str = "/world", control: bool = True
    ) -> None:
        """Create the node; without `control` it publishes nothing."""
        super().__init__("dashboard", start_parameter_services=False)
        self._view, self._prefix = view, fleet_prefix
        self._jobs: queue.SimpleQueue[Callable[[Executor], object]] = queue.SimpleQueue()
        self._game: tuple[str, str] | None = None
        self._remotes: dict[str, RemoteParameters] = {}
        self._known: dict[str, dict[str, RemoteParameter]] = {}
        self._reading: dict[str, float] = {}  # since when, monotonic [s]
        self._read_again: set[str] = set()  # changed while they were read
        self._read_at: dict[str, float] = {}
        self._decided_at: dict[str, float] = {}  # when a coordinator last told of its ticks, monotonic [s]
        self._trainer_state = TrainingProgress.IDLE
        self._goodbyes = Goodbyes()
        self._operator = OperatorClient(self)
        self._stop = FleetStop(self, fleet_prefix)
        self._stop_publisher = self.create_publisher(Bool, f"{fleet_prefix}/{TOPIC}", qos.latched_qos()) if control else None
        self._trainer: dict[str, Any] = {verb: self.create_client(Trigger, f"{TRAINER}/{verb}") for verb in TRAINER_VERBS}
        for message_type, topic, hear, profile in (
            (FleetTick, f"{fleet_prefix}/tick", self._on_tick, qos.tick_qos()),
            (CoordinatorStatus, f"{fleet_prefix}/status", self._on_status, qos.account_qos()),
            (FleetConfiguration, f"{fleet_prefix}/configuration", self._on_configuration, qos.latched_qos()),
            (FleetTruth, f"{fleet_prefix}/truth", self._on_truth, qos.account_qos()),
            (RobotHello, f"{fleet_prefix}/hello", self._on_hello, qos.latched_from_many_qos()),
            (FloorTruth, f"{world_prefix}/floor", self._on_floor, qos.account_qos()),
            (DiagnosticArray, "/diagnostics", self._on_diagnostics, qos.command_qos()),
            (TrainingProgress, f"{TRAINER}/progress", self._on_progress, qos.latched_qos()),
        ):
            self.create_subscription(message_type, topic, hear, profile)
        self.create_timer(_GRAPH_PERIOD, self._update_graph)
        self._update_graph()

    def _on_tick(self, message: FleetTick) -> None:
        self._view.hear_tick(message.session, message.tick, message.polled)

    def _on_status(self, message: CoordinatorStatus, info: Any) -> None:
        account = dashboard_conversions.account_from_message(message)
        answers = dict(zip(message.heard_id, message.heard_state, strict=True))
        self._view.hear_status(account, message.polled, answers, live=_is_new(info))

    def _on_configuration(self, message: FleetConfiguration) -> None:
        configuration = configuration_from_message(message)
        self._view.configure(configuration.session, configuration.parameters)
        game = str(configuration.parameters.get("game", "")), configuration.game_hash
        if game != self._game:
            self._game = game
            self._load_game(configuration.game_name, *game)
        for node in self._remotes:
            if node != TRAINER:
                self._read(node)

    def _load_game(self, name: str, source: str, game_hash: str) -> None:
        about: dict[str, Any] = {"name": name, "hash": game_hash, "note": ""}
        game = None
        try:
            game = load_game(source)
            if game.content_hash != game_hash:
                game, about["note"] = None, f"{source} on this machine is another game than the fleet's"
        except AltmarlError:
            about["note"] = f"the game {source} is not on this machine: zones have numbers, true rewards are unknown"
        self._view.set_game(game, find_floor_map(source) if game is not None else None, about)

    def _on_truth(self, message: FleetTruth) -> None:
        ids = np.asarray(message.robot_id, dtype=np.uint32)
        states, actions = (np.asarray(column, dtype=np.uint16) for column in (message.local_state, message.local_action))
        if not len(ids) == len(states) == len(actions):
            raise ValueError(f"truth of tick {message.tick} has arrays of different lengths")
        counts = np.asarray(message.counts, dtype=np.int64)
        self._view.hear_truth(
            message.session,
            message.tick,
            ids=ids,
            states=states,
            actions=actions,
            none=FleetTruth.NO_ACTION,
            counts=counts,
            hidden_state=int(message.hidden_state[0]) if message.hidden_state else None,
        )

    def _on_hello(self, message: RobotHello) -> None:
        with self._view.lock:
            if self._goodbyes.leaves(message):
                self._view.robots.leave(message.robot_id, message.count)
            elif message.event != RobotHello.LEAVE:
                self._view.robots.join(message.robot_id, message.count, message.name)

    def _on_floor(self, message: FloorTruth) -> None:
        columns = {name: np.asarray(getattr(message, name), dtype=np.float32) for name in ("x", "y", "yaw", "charge")}
        ids = np.asarray(message.robot_id, dtype=np.uint32)
        if any(len(column) != len(ids) for column in columns.values()):
            raise ValueError("the floor's arrays have different lengths")
        self._view.hear_floor(ids, message.contacts, message.real_time_factor, **columns)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            self._view.hear_diagnosis(status.name, ord(status.level), status.message)
            node, _, finding = status.name.partition(": ")
            if finding == "ticks":
                self._decided_at[node] = time.monotonic()
            drive = dashboard_conversions.drive_of(status) if status.hardware_id == self._prefix else None
            if drive is not None:
                self._view.hear_drive(*drive)
                charge = dashboard_conversions.charge_of(status)
                if charge is not None:
                    self._view.hear_charge(*charge)

    def _on_progress(self, message: TrainingProgress) -> None:
        self._view.put("progress", dashboard_conversions.progress_from_message(message))
        if message.state != self._trainer_state:
            self._trainer_state = message.state
            level = WARNING if message.state == TrainingProgress.FAILED else INFO
            name = dashboard_conversions.TRAINER_STATES.get(message.state, str(message.state))
            self._view.note(level, "trainer", f"{name}: {message.message}" if message.message else name)

    def _update_graph(self) -> None:
        """Update which coordinators and trainer there are, and whether the emergency stop is pressed."""
        coordinators = sorted(
            {
                f"{info.node_namespace.rstrip('/')}/{info.node_name}"
                for info in self.get_publishers_info_by_topic(f"{self._prefix}/tick")
                if not info.node_name.startswith("_")
            }
        )
        ready = {verb: client.service_is_ready() for verb, client in self._trainer.items()}
        nodes = {*coordinators, *([TRAINER] if any(ready.values()) else [])}
        for node in [node for node in self._remotes if node not in nodes]:
            self._remotes.pop(node).destroy()
            self._known.pop(node, None)
            self._read_at.pop(node, None)
            self._decided_at.pop(node, None)
            self._reading.pop(node, None)
            self._view.note(WARNING, "session", f"{node} is gone")
        for node in nodes:
            if node not in self._remotes:
                self._remotes[node] = RemoteParameters(self, node)
                self._view.note(INFO, "session", f"{node} is here")
            since = time.monotonic() - self._read_at.get(node, -math.inf)
            if node not in self._known or node in self._read_again or (node == TRAINER and since > _READ_AGAIN):
                self._read(node)
        # A coordinator that was killed stays in the graph for a while: the one that diagnosed its ticks last decides.
        deciding = max(coordinators, key=lambda node: self._decided_at.get(node, -math.inf), default=None)
        self._view.put("coordinators", [{"name": node, "deciding": node == deciding} for node in coordinators])
        self._view.put("trainer", ready if any(ready.values()) else None)
        self._show_parameters()
        self._view.set_stopped(self._stop.pressed)
        self._view.forget_drives()

    def _show_parameters(self) -> None:
        listed = {
            node: [dashboard_conversions.parameter_to_dict(parameter) for parameter in parameters.values()]
            for node, parameters in self._known.items()
        }
        self._view.put("parameters", listed)

    def _read(self, node: str) -> None:
        remote, now = self._remotes[node], time.monotonic()
        if not remote.ready or self.executor is None:
            return
        if now - self._reading.get(node, -math.inf) < _ANSWER:
            self._read_again.add(node)
            return
        self._reading[node] = self._read_at[node] = now
        self._read_again.discard(node)

        async def read() -> None:
            try:
                parameters = await remote.read()
            except Exception as error:  # the node ended meanwhile; if it did not, it is read again
                self.get_logger().warning(f"parameters of {node}: {type(error).__name__}: {error}")
                return
            finally:
                if self._reading.get(node) == now:
                    del self._reading[node]
            if self._remotes.get(node) is remote:
                self._known[node] = {parameter.name: parameter for parameter in parameters}
                self._show_parameters()
                if node in self._read_again:
                    self._read(node)

        self.executor.create_task(read)

    async def change(self, node: str, values: Mapping[str, Value]) -> Outcome:
        """Set parameters of a node (see Operations)."""
        remote, known = self._remotes.get(node), self._known.get(node)
        if remote is None or known is None:
            here = ", ".join(self._known) or "none"
            raise AltmarlError(f"no node {node[:80]!r} whose parameters are known here; there are: {here}")
        for name in values:
            if name not in known:
                raise AltmarlError(f"{node} has no parameter {name[:80]!r}")
        wanted = {name: typed(known[name], value) for name, value in values.items()}
        answer = await self._answer(lambda: remote.change(wanted), node)
        if answer.successful:
            self._jobs.put(lambda _: self._read(node) if node in self._remotes else None)
        return Outcome(answer.successful, answer.reason)

    async def stop(self, pressed: bool) -> Outcome:
        """Press or release the emergency stop (see Operations)."""
        done: Future[Outcome] = Future()
        self._jobs.put(lambda _: done.set_result(self._press(pressed)))
        return await asyncio.wait_for(asyncio.wrap_future(done), _ANSWER)

    def _press(self, pressed: bool) -> Outcome:
        if self._stop_publisher is None:
            return Outcome(False, "this dashboard is read-only")
        own = sum(subscription.topic_name == self._stop_publisher.topic_name for subscription in self.subscriptions)
        self._stop_publisher.publish(Bool(data=pressed))
        subscribers = max(0, self._stop_publisher.get_subscription_count() - own)
        return Outcome(True, f"emergency stop {'pressed' if pressed else 'released'}: {subscribers} subscribers in the fleet")

    async def train(self, verb: str) -> Outcome:
        """Call a service of the trainer (see Operations)."""
        client = self._trainer[verb]
        if not client.service_is_ready():
            raise AltmarlError(f"no trainer offers {TRAINER}/{verb}")
        answer = await self._answer(partial(_call, client), TRAINER)
        if answer.success:
            self._view.note(INFO, "trainer", f"{verb}: {answer.message}" if answer.message else verb)
        return Outcome(bool(answer.success), str(answer.message))

    async def operate(self, robot_id: int, command: str, zone: str) -> Outcome:
        """Tell a robot what an operator wants (see Operations)."""
        request = OperateRobot.Request(
            command=COMMANDS[command], robot_id=robot_id, zone=zone, operator_name=f"dashboard@{_HOST}"[:LONGEST_NAME]
        )

        async def ask() -> OperateRobot.Response | None:
            with self._view.lock:
                names = dict(self._view.robots.names)
            clients = self._operator.ready(names.get(robot_id), names.values())
            return await self._operator.ask(clients, request)

        answer = await self._answer(ask, f"robot {robot_id}")
        if answer is None:
            raise AltmarlError(f"no process here offers to operate robot {robot_id}")
        text = f"robot {robot_id} {answer.message}"
        if answer.success:
            self._view.note(INFO, "control", text, (robot_id,))
        return Outcome(bool(answer.success), text)

    async def _answer(self, ask: Callable[[], Awaitable[Any]], node: str) -> Any:
        """Call a service in the thread of the node and return its answer.

        Raises:
            AltmarlError: it does not answer in time.
        """
        done: Future[Any] = Future()

        async def run() -> None:
            try:
                result = await ask()
            except Exception as error:
                if not done.done():
                    done.set_exception(AltmarlError(f"{node}: {type(error).__name__}: {error}"))
                return
            if not done.done():
                done.set_result(result)

        self._jobs.put(lambda executor: executor.create_task(run))
        try:
            return await asyncio.wait_for(asyncio.wrap_future(done), _ANSWER)
        except asyncio.TimeoutError:
            raise AltmarlError(f"{node} does not answer within {_ANSWER:g} s") from None

    def work(self, executor: Executor) -> None:
        """Do, in the thread of the node, what the web server's thread has put into the queue."""
        while not self._jobs.empty():
            self._jobs.get()(executor)


async def _call(client: Any) -> Any:
    return await client.call_async(Trigger.Request())


def _is_new(info: Any) -> bool:
    return time.time_ns() - int(info["source_timestamp"]) < _PAST * 1e9
