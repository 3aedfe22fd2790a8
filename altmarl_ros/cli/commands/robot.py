"""`altmarl robot`: take single robots of a running fleet in hand, and give them back."""

import getpass
import socket
import time
from typing import Annotated, Any, Callable

import typer

from altmarl_ros.cli import console
from altmarl_ros.cli.optional_imports import import_rclpy
from altmarl_ros.cli.options import FleetPrefix, Json, Timeout
from altmarl_ros.protocol.operated import LONGEST_NAME, check_operator

app = typer.Typer(
    name="robot",
    help="Send, hold or remove single robots of a running fleet by hand, and give them back.",
    no_args_is_help=True,
    add_completion=False,
)

RobotId = Annotated[int, typer.Argument(metavar="ID", min=0, max=2**32 - 1, help="Id of the robot.")]
Zone = Annotated[str, typer.Argument(metavar="ZONE", help="Zone to drive to, by its name or its number.")]
Operator = Annotated[
    str, typer.Option("--as", metavar="NAME", help="Name under which the fleet lists the robot. Default: user@host.")
]


@app.command()
def send(
    robot_id: RobotId,
    zone: Zone,
    *,
    operator: Operator = "",
    fleet_prefix: FleetPrefix = "/fleet",
    timeout: Timeout = 10.0,
    as_json: Json = False,
) -> None:
    """Send a robot to a zone, where it waits in its own slot; it stops for all that it stops for otherwise.

    It leaves the draw, and the coordinator reckons without it until it is released.

    Example: altmarl robot send 7 dock
    """
    _operate(("send", zone), robot_id, operator, prefix=fleet_prefix, timeout=timeout, as_json=as_json)


_WITHOUT_ZONE = {
    "hold": """Stop a robot by its ordinary deceleration and hold it where it is. This is no emergency stop.

    It leaves the draw, and the coordinator reckons without it until it is released.

    Example: altmarl robot hold 7 --as anna
    """,
    "release": """Let a robot that was held or sent act by its policy again, from the next tick on.

    No emergency stop is released by it.

    Example: altmarl robot release 7
    """,
    "remove": """Stop a robot and take it out of the fleet: its base gets no more commands, so that a person can drive it.

    Its process goes on, and `altmarl robot return` takes it back.

    Example: altmarl robot remove 7
    """,
    "return": """Take a robot that was removed back into the fleet; it acts from the next tick on.

    Example: altmarl robot return 7
    """,
}
"""Help of the commands that need no zone; all have the same options."""


def _command(word: str) -> Callable[..., None]:
    def operate(
        robot_id: RobotId,
        *,
        operator: Operator = "",
        fleet_prefix: FleetPrefix = "/fleet",
        timeout: Timeout = 10.0,
        as_json: Json = False,
    ) -> None:
        _operate((word, ""), robot_id, operator, prefix=fleet_prefix, timeout=timeout, as_json=as_json)

    return operate


for _word, _help in _WITHOUT_ZONE.items():
    app.command(_word, help=_help)(_command(_word))


def _operate(command: tuple[str, str], robot_id: int, operator: str, *, prefix: str, timeout: float, as_json: bool) -> None:
    """Tell a robot a command, (word, zone); ends with exit code 1 where it refuses or is not found."""
    name = check_operator(operator or _own_name())
    rclpy = import_rclpy()
    rclpy.init(args=[])
    try:
        successful, text = _ask(rclpy, robot_id, (*command, name), prefix, timeout)
    finally:
        rclpy.try_shutdown()
    if as_json:
        console.document({"robot": robot_id, "command": command[0], "done": successful, "message": text})
    elif successful:
        console.out.print(f"robot {robot_id} {text}")
    if not successful:
        console.fail(f"robot {robot_id}: {text}")
        raise typer.Exit(1)


def _own_name() -> str:
    """Return user and host, which need not be set in a container."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "operator"
    return f"{user}@{socket.gethostname()}"[:LONGEST_NAME]


def _ask(rclpy: Any, robot_id: int, told: tuple[str, str, str], prefix: str, timeout: float) -> tuple[bool, str]:
    from altmarl_ros.nodes.tools.operator_client import COMMANDS, OperatorNode
    from altmarl_ros.srv import OperateRobot

    word, zone, operator = told
    request = OperateRobot.Request(command=COMMANDS[word], robot_id=robot_id, zone=zone, operator_name=operator)
    node = OperatorNode(prefix)
    executor = rclpy.executors.SingleThreadedExecutor()
    executor.add_node(node)
    end = time.monotonic() + timeout
    try:
        while time.monotonic() < end:
            executor.spin_once(timeout_sec=0.05)
            ready = node.ready(robot_id) if robot_id in node.names else []
            if not ready:
                continue
            task = executor.create_task(node.client.ask(ready, request))
            executor.spin_until_future_complete(task, timeout_sec=max(0.0, end - time.monotonic()))
            if not task.done():
                return False, f"its process does not answer within {timeout:g} s"
            response = task.result()
            if response is not None:
                return bool(response.success), str(response.message)
        return False, _not_found(node.names, robot_id, timeout, prefix)
    finally:
        executor.shutdown()
        node.destroy_node()


def _not_found(names: dict[int, str | None], robot_id: int, timeout: float, prefix: str) -> str:
    if robot_id in names:
        if names[robot_id] is None:
            return "is one of a simulated crowd, whose robots cannot be operated one by one"
        return f"said hello as {names[robot_id]}, and no process offers the service to operate it within {timeout:g} s"
    if not names:
        return f"no robot said hello on {prefix}/hello within {timeout:g} s: check the domain, and --fleet-prefix"
    from altmarl_ros.protocol.admission import IdRanges

    return f"did not say hello on {prefix}/hello within {timeout:g} s; those that did are {str(IdRanges.of(names))[:200]}"
