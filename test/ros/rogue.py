"""A hostile participant: an ordinary rclpy node in the domain of a running fleet that says whatever it likes.

Run it against a fleet of your own, in the fleet's ROS domain:

    python test/ros/rogue.py --seconds 10                 # everything
    python test/ros/rogue.py --only larger_sessions       # one thing; --list says what there is
    python test/ros/rogue.py --asked                      # what standard input names, line by line: larger_sessions 3.0

It prints what it said. What that achieves is seen on the fleet: test_rogue.py measures it, and `docs/how-to/security.md` has
the table (`TRIES`). Each try is a method of `Rogue`, which is called again and again.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from typing import Any, Callable, Iterator

import numpy as np
import rclpy
from geometry_msgs.msg import Twist
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import Parameter as ParameterMsg
from rcl_interfaces.msg import ParameterValue
from rcl_interfaces.srv import SetParametersAtomically
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from std_msgs.msg import Bool
from std_srvs.srv import SetBool

from altmarl_ros.msg import BodyCommand, CoordinatorStatus, FleetConfiguration, FleetTick, LocalPolicy, RobotHello, RobotReport
from altmarl_ros.nodes.common import conversions, qos
from altmarl_ros.policies import LocalPolicy as Policy

_PATIENCE = 5.0  # s to hear the fleet


class Rogue:
    """The participant. It listens too, so that it knows session, tick, policy and game.

    Attributes:
        said: number of messages and requests by kind.
    """

    def __init__(self, fleet_prefix: str = "/fleet", robots: int = 8, coordinator: str = "/coordinator") -> None:
        self.node = rclpy.create_node("rogue")
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self._rng = np.random.default_rng(0)
        self._robots, self._coordinator, self._prefix = robots, coordinator, fleet_prefix
        self.said: dict[str, int] = {}
        self._tick = FleetTick()
        self._policy: LocalPolicy | None = None
        self._hellos: dict[int, RobotHello] = {}
        self._configuration: FleetConfiguration | None = None
        self._clients: dict[tuple[type, str], Any] = {}
        self._turn = 0
        make = self.node.create_publisher
        self._publishers = {
            FleetTick: make(FleetTick, f"{fleet_prefix}/tick", qos.tick_qos(0.1, 0.1)),
            LocalPolicy: make(LocalPolicy, f"{fleet_prefix}/policy", qos.policy_qos()),
            RobotHello: make(RobotHello, f"{fleet_prefix}/hello", qos.latched_qos(20)),
            RobotReport: make(RobotReport, f"{fleet_prefix}/report", qos.report_qos(1000)),
            CoordinatorStatus: make(CoordinatorStatus, f"{fleet_prefix}/status", qos.account_qos()),
            FleetConfiguration: make(FleetConfiguration, f"{fleet_prefix}/configuration", qos.account_qos()),
            BodyCommand: make(BodyCommand, "/world/command", qos.command_qos()),
        }
        listen = self.node.create_subscription
        listen(FleetTick, f"{fleet_prefix}/tick", self._hear_tick, qos.tick_qos())
        listen(LocalPolicy, f"{fleet_prefix}/policy", self._hear_policy, qos.policy_qos())
        listen(RobotHello, f"{fleet_prefix}/hello", self._hear_hello, qos.latched_from_many_qos())
        listen(FleetConfiguration, f"{fleet_prefix}/configuration", self._hear_configuration, qos.account_qos())

    @property
    def is_ready(self) -> bool:
        """Whether it has heard a tick and a policy of the fleet."""
        return self._tick.session > 0 and self._policy is not None

    def listen(self, seconds: float) -> None:
        """Receive for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._executor.spin_once(timeout_sec=max(0.0, min(0.02, end - time.monotonic())))

    def run(self, attempt: Callable[[Rogue], None], seconds: float, pause: float = 0.02) -> None:
        """Try one thing again and again for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._turn += 1
            attempt(self)
            self.listen(pause)

    def close(self) -> None:
        """Leave."""
        self._executor.shutdown()
        self.node.destroy_node()

    # What it tries.

    def larger_sessions(self) -> None:
        """Tick in sessions of ever larger numbers."""
        self._say_tick(session=(self._tick.session + 1 + int(self._rng.integers(2**31 - 2))) % 2**32, tick=self._turn)

    def one_larger_session(self) -> None:
        """Tick steadily, as a coordinator does, in one session of a larger number."""
        self._say_tick(session=(self._tick.session + 1000) % 2**32, tick=self._turn)

    def own_session_far_ahead(self) -> None:
        """Tick in the fleet's own session with numbers that leap far ahead, each once."""
        self._say_tick(session=self._tick.session, tick=int(self._rng.integers(2**31, 2**32)))

    def false_resignations(self) -> None:
        """Say for the coordinator that it gives its session up."""
        self._say_tick(session=self._tick.session, tick=self._tick.tick, mark=self._tick.mark, secret=self._number(64))

    def other_policy_of_the_same_id(self) -> None:
        """Announce another policy under the id that ticks name, and valid ones of other ids."""
        if self._policy is None:
            return
        true = self._policy
        wrong = np.zeros((true.n_local_states, true.n_global_states, true.n_local_actions))
        wrong[..., self._turn % true.n_local_actions] = 1.0
        policy_id = true.policy_id if self._turn % 2 else self._number(32)
        self._say(conversions.policy_to_message(Policy(wrong), policy_id, true.game_hash))

    def goodbyes_of_others(self) -> None:
        """Say for every robot that it leaves, and for ranges of them."""
        for robot_id, hello in list(self._hellos.items())[: self._robots]:
            self._say(RobotHello(event=RobotHello.LEAVE, robot_id=robot_id, name=hello.name, mark=hello.mark))
            secret = self._number(64)
            self._say(RobotHello(event=RobotHello.LEAVE, robot_id=robot_id, name=hello.name, mark=hello.mark, secret=secret))
        self._say(RobotHello(event=RobotHello.LEAVE, robot_id=0, count=RobotHello.MAX_COUNT))

    def hellos_and_goodbyes_under_their_ids(self) -> None:
        """Claim the ids of robots, and give them back."""
        robot_id = self._turn % self._robots
        self._say(RobotHello(robot_id=robot_id, name="/rogue"))
        self._say(RobotHello(event=RobotHello.LEAVE, robot_id=robot_id, name="/rogue"))

    def robots_that_do_not_exist(self) -> None:
        """Say hello for 5000 robots at a time, a hundred thousand in all."""
        turn = self._turn % 20
        self._say(RobotHello(robot_id=1000 + 5000 * turn, count=RobotHello.MAX_COUNT, name="/rogue", mark=1 + turn))

    def reports_for_others(self) -> None:
        """Report states that no robot is in, for robots that are polled, for others, and for other sessions."""
        for _ in range(20):
            self._say(
                RobotReport(
                    session=self._number(32) if self._turn % 2 else self._tick.session,
                    tick=self._tick.tick + int(self._rng.integers(-5, 6)) if self._tick.tick > 5 else 0,
                    robot_id=int(self._rng.integers(self._robots, 2**31)),
                    local_state=self._number(16),
                    game_tag=self._number(16),
                )
            )

    def parameters_beyond_ceilings(self) -> None:
        """Set speeds, margins, timeouts and the laser of robots, and names of files that others own."""
        for robot_id in range(self._robots):
            node = f"/robot_{robot_id}/robot"
            self._set(node, {"limits.forward": 19.6})
            self._set(node, {"margin.ahead": 0.0, "timeout.tick": 7200.0, "scan.required": False})
            self._set(node, {"safety.locked": False})
            self._set(node, {"emergency_stop.release": "second_word"})
        self._set("/robots_0", {"limits.forward": 19.6})
        self._set(self._coordinator, {"state_file": "/tmp/rogue_state", "policy.file": "/dev/zero"})

    def release_of_the_emergency_stop(self) -> None:
        """Release the fleet's and the robots' emergency stops with one word."""
        publisher = self._other(Bool, f"{self._prefix}/emergency_stop", qos.latched_qos())
        publisher.publish(Bool(data=False))
        self._count("Bool")
        for robot_id in range(self._robots):
            self._request(SetBool, f"/robot_{robot_id}/robot/emergency_stop", SetBool.Request(data=False))

    def life_cycle_of_robots(self) -> None:
        """Take robots through their life cycle, which may stop them but must not make them forget a stop."""
        steps = (Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP, Transition.TRANSITION_CONFIGURE)
        step = (*steps, Transition.TRANSITION_ACTIVATE)[self._turn % 4]  # some of which are not possible just then
        for robot_id in range(self._robots):
            request = ChangeState.Request(transition=Transition(id=step))
            self._request(ChangeState, f"/robot_{robot_id}/robot/change_state", request)

    def odd_messages(self) -> None:
        """Send values at the edge of their types, arrays of lengths that do not fit, and bytes that are no message."""
        kinds = (FleetTick, RobotHello, RobotReport, LocalPolicy, CoordinatorStatus, FleetConfiguration, BodyCommand)
        kind = kinds[self._turn % len(kinds)]
        self._publishers[kind].publish(self._rng.bytes(int(self._rng.integers(1, 13))))
        self._count("bytes")
        self._say(RobotHello(robot_id=2**32 - 1, count=2**32 - 1, name="x" * 10_000))
        self._say(FleetTick(session=2**32 - 1, tick=2**32 - 1, roster_last=2**32 - 1, run_first=[1, 2], run_count=[1]))
        self._say(BodyCommand(body_topic="\n//x y", robot_id=[1, 2, 3], local_action=[65535]))
        self._say(LocalPolicy(policy_id=1, n_local_states=65535, n_global_states=65535, n_local_actions=65535))
        for node in (self._coordinator, "/robots_0", "/robot_7/robot"):
            odd = ParameterMsg(name="sampling.k", value=ParameterValue(type=99))
            service = f"{node}/set_parameters_atomically"
            self._request(SetParametersAtomically, service, SetParametersAtomically.Request(parameters=[odd]))
            request = ChangeState.Request(transition=Transition(id=self._turn % 256, label="x" * 1000 * (self._turn % 2)))
            if not 1 <= request.transition.id <= 7 or request.transition.label:  # no transition that there is
                self._request(ChangeState, f"{node}/change_state", request)
        if self._configuration is not None:
            self._say(FleetConfiguration(session=2**32 - 1, game_hash=self._configuration.game_hash))

    # What remains possible without DDS-Security.

    def next_ticks_of_the_session(self) -> None:
        """Go on ticking in the coordinator's own numbers, always a little ahead of it."""
        self._say_tick(
            session=self._tick.session,
            tick=self._tick.tick + 1,
            mark=self._tick.mark,
            policy_id=self._tick.policy_id,
            policy_digest=self._tick.policy_digest,
        )

    def presses_of_the_emergency_stop(self) -> None:
        """Press the fleet's emergency stop."""
        self._other(Bool, f"{self._prefix}/emergency_stop", qos.latched_qos()).publish(Bool(data=True))
        self._count("Bool")

    def velocities(self) -> None:
        """Send velocities to the bases, past the robots."""
        for robot_id in range(self._robots):
            twist = Twist()
            twist.linear.x = 5.0
            self._other(Twist, f"/robot_{robot_id}/cmd_vel", qos.velocity_qos()).publish(twist)
            self._count("Twist")

    # How it says it.

    def _say(self, message: Any) -> None:
        self._publishers[type(message)].publish(message)
        self._count(type(message).__name__)

    def _say_tick(self, **fields: int) -> None:
        polled = list(range(self._robots))
        known = {"policy_id": self._policy.policy_id} if self._policy is not None else {}
        self._say(FleetTick(**{"global_state": self._turn % 5, "polled": polled, **known, **fields}))

    def _other(self, kind: type, topic: str, profile: Any) -> Any:
        if (kind, topic) not in self._clients:
            self._clients[kind, topic] = self.node.create_publisher(kind, topic, profile)
            self.listen(0.5)
        return self._clients[kind, topic]

    def _request(self, kind: type, service: str, request: Any) -> None:
        if (kind, service) not in self._clients:
            self._clients[kind, service] = self.node.create_client(kind, service)
            self.listen(0.2)
        if self._clients[kind, service].service_is_ready():
            self._clients[kind, service].call_async(request)
            self._count(kind.__name__)

    def _set(self, node: str, values: dict[str, Any]) -> None:
        given = [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
        request = SetParametersAtomically.Request(parameters=given)
        self._request(SetParametersAtomically, f"{node}/set_parameters_atomically", request)

    def _count(self, kind: str) -> None:
        self.said[kind] = self.said.get(kind, 0) + 1

    def _number(self, bits: int) -> int:
        return int.from_bytes(self._rng.bytes(bits // 8), "big")

    def _hear_tick(self, message: FleetTick) -> None:
        genuine = self._configuration is not None and message.session == self._configuration.session
        if genuine and not message.secret and message.mark:
            self._tick = message

    def _hear_policy(self, message: LocalPolicy) -> None:
        self._policy = self._policy or message

    def _hear_hello(self, message: RobotHello) -> None:
        if message.event != RobotHello.LEAVE and message.mark > 100:
            self._hellos[message.robot_id] = message

    def _hear_configuration(self, message: FleetConfiguration) -> None:
        if message.session != 2**32 - 1:
            self._configuration = message


@dataclass(frozen=True)
class Try:
    """One thing that the rogue tries.

    Attributes:
        name: of the method of `Rogue`.
        achieves: what it achieves, for the table in docs/how-to/security.md.
        harmless: whether the fleet goes on as if nothing had been said.
    """

    name: str
    achieves: str
    harmless: bool = True

    def __call__(self, rogue: Rogue) -> None:
        getattr(rogue, self.name)()

    @property
    def what(self) -> str:
        """What is tried."""
        return str(getattr(Rogue, self.name).__doc__)


TRIES = (
    Try("larger_sessions", "nothing: robots, standby and coordinator keep to the session that they know"),
    Try("one_larger_session", "nothing while the coordinator ticks; an alarm on it (`/diagnostics`, log)"),
    Try("own_session_far_ahead", "nothing: a leap counts once a second tick confirms it"),
    Try("false_resignations", "nothing: the secret of the coordinator's pledge is not known"),
    Try("other_policy_of_the_same_id", "nothing: ticks name the digest of the policy that is meant"),
    Try("goodbyes_of_others", "nothing: the secret of the robot's pledge is not known"),
    Try("hellos_and_goodbyes_under_their_ids", "an alarm about ids that are used twice; the robots stay on the roster"),
    Try("robots_that_do_not_exist", "at most half of the polls for a minute, then they are forgotten"),
    Try("reports_for_others", "nothing: counted as refused"),
    Try("parameters_beyond_ceilings", "nothing: refused by name"),
    Try("release_of_the_emergency_stop", "nothing: the stop stays until the second word"),
    Try("life_cycle_of_robots", "robots stop and start again; a stop that is pressed stays pressed", harmless=False),
    Try("odd_messages", "nothing: dropped and counted"),
    Try("next_ticks_of_the_session", "robots act on its ticks while it sends them, within their limits", harmless=False),
    Try("presses_of_the_emergency_stop", "all robots stop, until somebody releases it with the second word", harmless=False),
    Try("velocities", "a base that takes them moves past the robot's governor", harmless=False),
)
"""What a participant of the same domain tries, and what it achieves without DDS-Security."""


def table() -> str:
    """Return the table of docs/how-to/security.md."""
    rows = [f"| {each.what.rstrip('.')} | {each.achieves} |" for each in TRIES]
    return "\n".join(["| a participant of the domain tries to | it achieves |", "| --- | --- |", *rows])


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="for each thing")
    parser.add_argument("--only", choices=[each.name for each in TRIES], help="one thing")
    parser.add_argument("--asked", action="store_true", help="what standard input names: a name and seconds a line")
    parser.add_argument("--robots", type=int, default=8, help="robots 0 .. so many are spoken for")
    parser.add_argument("--fleet-prefix", default="/fleet")
    parser.add_argument("--list", action="store_true", help="print the table, and do nothing")
    given = parser.parse_args()
    if given.list:
        print(table())
        return
    rclpy.init(args=[])
    rogue = Rogue(given.fleet_prefix, given.robots)
    end = time.monotonic() + _PATIENCE
    while not rogue.is_ready and time.monotonic() < end:
        rogue.listen(0.1)
    for each, seconds in asked() if given.asked else chosen(given.only, given.seconds):
        rogue.listen(1.0)  # what was said meanwhile, such as while it waited to be asked
        rogue.said.clear()
        rogue.run(each, seconds)
        print(f"{each.name}: said {rogue.said}", flush=True)
    rogue.close()
    rclpy.try_shutdown()


def asked() -> Iterator[tuple[Try, float]]:
    """What standard input asks for, each with its seconds, as soon as it does."""
    by_name = {each.name: each for each in TRIES}
    for line in sys.stdin:
        name, seconds = line.split()
        yield by_name[name], float(seconds)


def chosen(only: str | None, seconds: float) -> Iterator[tuple[Try, float]]:
    """The one thing, or all that do no harm."""
    for each in TRIES:
        if each.name == only or (only is None and each.harmless):
            yield each, seconds


if __name__ == "__main__":
    main()
