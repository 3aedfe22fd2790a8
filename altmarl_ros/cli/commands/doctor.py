"""`altmarl doctor`: which parts of ROS 2 are installed here, which are missing, and what they are needed for."""

import importlib
import os
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import typer
from rich.table import Table

from altmarl_ros.cli import console
from altmarl_ros.cli.options import Json
from altmarl_ros.deployment.shared_memory import remove_half_made_ports
from altmarl_ros.errors import ResourceError
from altmarl_ros.resources import executable, share_directory


@dataclass(frozen=True)
class Finding:
    """A part that was looked for.

    Attributes:
        name: of the part.
        found: whether it is installed and works.
        needed: whether nothing works without it.
        detail: its version or place; why it was not found.
    """

    name: str
    found: bool
    needed: bool
    detail: str


_ABSENT = "not installed"
_MODULES = (
    # module, needed, what for
    ("rclpy", True, "every node"),
    ("altmarl_ros.msg", True, "our messages, built by pip install or colcon build"),
    ("builtin_interfaces.msg", True, "our messages"),
    ("diagnostic_msgs.msg", True, "/diagnostics"),
    ("numba", True, "altmarl train"),
    ("matplotlib", True, "altmarl report"),
    ("joblib", True, "altmarl experiment"),
    ("launch", False, "launch files (they need a ROS installation; `altmarl fleet` and `altmarl deploy` do without)"),
    ("launch_ros", False, "launch files (they need a ROS installation; `altmarl fleet` and `altmarl deploy` do without)"),
    ("ros2cli", False, "the ros2 command (of a ROS installation; `altmarl tune` and `altmarl top` do without)"),
    ("tf2_msgs.msg", False, "poses from TF (of a ROS installation)"),
    ("nav2_msgs.action", False, "driving by Nav2 (of a ROS installation)"),
    ("mujoco", False, "simulated physics: --backend physical, films; pip install 'altmarl_ros[physics]'"),
    ("imageio_ffmpeg", False, "films as mp4; pip install 'altmarl_ros[physics]'"),
    ("mcap", False, "bags: altmarl record, replay, recover; pip install 'mcap>=1.6'"),
)


def doctor(as_json: Json = False) -> None:
    """List which parts of ROS 2 are installed and which are missing; exits with 1 if a needed one is missing.

    Example: altmarl doctor
    """
    findings = [_module(*module) for module in _MODULES]
    findings += [_executable(name) for name in ("coordinator", "robot", "robots", "world")]
    findings.append(_middleware())
    healthy = all(finding.found or not finding.needed for finding in findings)
    if as_json:
        console.document({"healthy": healthy, "findings": findings})
    else:
        table = Table(title=f"Python {sys.version.split()[0]}, {_share()}", title_justify="left")
        for column in ("", "name", "detail"):
            table.add_column(column)
        for finding in findings:
            mark = "[green]ok[/]" if finding.found else "[red]missing[/]" if finding.needed else "[yellow]absent[/]"
            table.add_row(mark, finding.name, finding.detail)
        for name in ("ROS_DISTRO", "ROS_DOMAIN_ID", "ROS_AUTOMATIC_DISCOVERY_RANGE", "RMW_IMPLEMENTATION", "AMENT_PREFIX_PATH"):
            table.add_row("", name, os.environ.get(name, "not set"))
        console.out.print(table)
    if not healthy:
        raise typer.Exit(1)


def _module(name: str, needed: bool, purpose: str) -> Finding:
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        absent = isinstance(error, ModuleNotFoundError) and name.startswith(str(error.name))
        return Finding(name, False, needed, f"{_ABSENT if absent else error}; for {purpose}")
    if getattr(module, "__file__", None) is None:  # a folder of that name, such as the checkout's launch/
        return Finding(name, False, needed, f"{_ABSENT}; for {purpose}")
    try:
        detail = version(name.split(".")[0])
    except PackageNotFoundError:
        detail = "installed"
    return Finding(name, True, needed, detail)


def _executable(name: str) -> Finding:
    try:
        return Finding(f"lib/altmarl_ros/{name}", True, True, str(executable(name)))
    except ResourceError as error:
        return Finding(f"lib/altmarl_ros/{name}", False, True, str(error))


def _middleware() -> Finding:
    try:
        import rclpy
        from rclpy.utilities import get_rmw_implementation_identifier

        remove_half_made_ports()
        rclpy.init(args=[])
        node = rclpy.create_node("altmarl_doctor")
        node.destroy_node()
        rclpy.shutdown()
        return Finding("middleware", True, True, f"{get_rmw_implementation_identifier()}, a node starts and stops")
    except Exception as error:  # whatever the middleware raises is the finding
        return Finding("middleware", False, True, f"no node starts: {error}")


def _share() -> str:
    try:
        return str(share_directory())
    except ResourceError as error:
        return str(error)
