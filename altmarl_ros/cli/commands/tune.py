"""`altmarl tune`: show and set the parameters of a running node, as `ros2 param` does where it is installed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Dict, List, Optional, Sequence

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from altmarl_ros.cli import console
from altmarl_ros.cli.optional_imports import import_rclpy
from altmarl_ros.cli.options import Json, Timeout
from altmarl_ros.deployment import parameter_files
from altmarl_ros.errors import AltmarlError
from altmarl_ros.files import write_output

_LONG = "qos_overrides."  # parameters with names too long for a table

if TYPE_CHECKING:
    from altmarl_ros.nodes.common.remote_parameters import RemoteParameter
    from altmarl_ros.nodes.tools.parameter_tool import ParameterTool


def tune(
    node: Annotated[
        Optional[str], typer.Argument(help="A node, such as coordinator or robot_7/robot; without one all nodes are listed.")
    ] = None,
    parameters: Annotated[
        Optional[List[str]], typer.Argument(metavar="[NAME | NAME=VALUE]...", help="Parameters to show, or to set all at once.")
    ] = None,
    *,
    dump: Annotated[
        Optional[Path], typer.Option("--dump", help="Write all parameters to this file, as ros2 param dump does.")
    ] = None,
    load: Annotated[
        Optional[Path], typer.Option("--load", help="Set all parameters that such a file changes, or none.")
    ] = None,
    timeout: Timeout = 5.0,
    as_json: Json = False,
) -> None:
    """List, describe, get, set, dump and load the parameters of a running node; several are set all or none.

    Exits with 2 and the node's reason if it refuses; nothing has changed then.

    Examples: altmarl tune;  altmarl tune coordinator;  altmarl tune coordinator sampling.k;
    altmarl tune coordinator sampling.k=10 bandwidth_limit=2000;  altmarl tune coordinator --dump coordinator.yaml
    """
    wanted = parameters or []
    shown, given = [word for word in wanted if "=" not in word], [word for word in wanted if "=" in word]
    if bool(shown) + bool(given) + (dump is not None) + (load is not None) > 1:
        raise typer.BadParameter("give names, or settings NAME=VALUE, or --dump, or --load, and only one of these")
    if node is None and (dump or load):
        raise typer.BadParameter("--dump and --load need the name of a node")
    rclpy = import_rclpy()
    from altmarl_ros.nodes.tools.parameter_tool import ParameterTool

    rclpy.init(args=[])
    try:
        tool = ParameterTool(timeout)
        try:
            if node is None:
                _list(tool, as_json)
                return
            target = "/" + node.strip("/")
            there = {parameter.name: parameter for parameter in tool.read(target)}
            if load is not None or given:
                _set(tool, target, there, _loaded(target, there, load) if load else _typed(target, there, given), as_json)
            elif dump is not None:
                _dump(target, there, dump, as_json)
            else:
                parameter_files.check_known(target, there, shown)
                _show(target, [there[name] for name in shown or there], as_json, brief=bool(shown))
        finally:
            tool.close()
    finally:
        rclpy.try_shutdown()


def _list(tool: ParameterTool, as_json: bool) -> None:
    nodes = tool.nodes()
    if not nodes:
        raise AltmarlError("no node with parameters is there; is it in this ROS domain? `altmarl fleet` prints its own")
    if as_json:
        console.document({"nodes": nodes})
    for name in nodes:
        console.out.print(name, markup=False)


def _show(target: str, parameters: Sequence[RemoteParameter], as_json: bool, brief: bool) -> None:
    if as_json:
        console.document({"node": target, "parameters": parameters})
    if brief:
        for each in parameters:
            console.out.print(f"{each.name} = {_text(each.value)}", markup=False)
            limits = [part for part in (_limits(each), "live" if each.live else "not while it runs") if part]
            console.out.print(f"  {each.description} ({'; '.join(limits)})", markup=False)
        return
    table = Table(title=target, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("name", no_wrap=True)
    for column, most in (("value", 24), ("range", 20), ("live", None), ("description", None)):
        table.add_column(column, max_width=most, overflow="fold")
    listed = [each for each in parameters if not each.name.startswith(_LONG)]
    for each in listed:
        cells = (each.name, _text(each.value), _limits(each), "yes" if each.live else "", each.description)
        table.add_row(*map(escape, cells))
    console.out.print(table, soft_wrap=False)
    if len(listed) < len(parameters):
        console.out.print(f"and {len(parameters) - len(listed)} of {_LONG}*, which --json and --dump have too", markup=False)


def _typed(target: str, there: Dict[str, RemoteParameter], settings: Sequence[str]) -> Dict[str, Any]:
    """Parse NAME=VALUE words into values of the parameters' types."""
    from altmarl_ros.nodes.common.remote_parameters import typed

    words = [word.partition("=") for word in settings]
    parameter_files.check_known(target, there, [name for name, _, _ in words])
    twice = [name for i, (name, _, _) in enumerate(words) if name in [other for other, _, _ in words[:i]]]
    if twice:
        raise AltmarlError(f"parameter {twice[0]!r} is set twice")
    return {name: _number(name, typed(there[name], parameter_files.parse(text, there[name].value))) for name, _, text in words}


def _loaded(target: str, there: Dict[str, RemoteParameter], path: Path) -> Dict[str, Any]:
    """Read the values in a file that differ from those of the node."""
    from altmarl_ros.nodes.common.remote_parameters import typed

    given = parameter_files.values_for(target, there, parameter_files.load(path), path)
    try:
        different = {name: value for name, value in given.items() if value != _plain(there[name].value)}
        values = {name: _number(name, typed(there[name], value)) for name, value in different.items()}
    except AltmarlError as error:
        raise AltmarlError(f"{path}: {error}") from None
    return values


def _set(
    tool: ParameterTool,
    target: str,
    before: Dict[str, RemoteParameter],
    values: Dict[str, Any],
    as_json: bool,
) -> None:
    successful, reason = True, ""
    if values:
        answer = tool.change(target, values)
        successful, reason = answer.successful, answer.reason
    after = {parameter.name: parameter.value for parameter in tool.read(target)} if successful else {}
    changed = [
        {"name": name, "before": _plain(before[name].value), "after": _plain(after[name])} for name in values if name in after
    ]
    if as_json:
        console.document({"node": target, "successful": successful, "reason": reason, "changed": changed})
    if not successful:
        console.fail(f"{target} refused, and nothing has changed: {reason}")
        raise typer.Exit(2)
    for each in changed:
        console.out.print(f"{each['name']}: {_text(each['before'])} -> {_text(each['after'])}", markup=False)
    if not changed:
        console.out.print("nothing to change")


def _dump(target: str, there: Dict[str, RemoteParameter], path: Path, as_json: bool) -> None:
    values = {name: _plain(parameter.value) for name, parameter in there.items() if parameter.value is not None}
    write_output(path, parameter_files.dump(target, values).encode())
    if as_json:
        console.document({"node": target, "file": path, "parameters": len(values)})
    console.out.print(f"{len(values)} parameters of {target} in {path}; back with --load", markup=False)


def _number(name: str, value: Any) -> Any:
    if isinstance(value, float) and math.isnan(value):
        raise AltmarlError(f"parameter {name!r} is nan, must be a number")
    return value


def _plain(value: Any) -> Any:
    """Convert a value for YAML and JSON; the middleware gives arrays in types of its own."""
    return value if value is None or isinstance(value, (bool, int, float, str)) else list(value)


def _limits(parameter: RemoteParameter) -> str:
    if parameter.choices:
        return ", ".join(parameter.choices)
    low, high = parameter.minimum, parameter.maximum
    ends = ["" if end is None else f"{end:.10g}" for end in (low, high)]
    return " .. ".join(ends).strip() if any(ends) else ""


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "''" if value == "" else str(_plain(value))
