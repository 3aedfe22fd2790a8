"""`altmarl dashboard`: a running fleet in a web browser."""

import contextlib
import os
import secrets
import socket
import webbrowser
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from altmarl_ros.cli import console
from altmarl_ros.cli.optional_imports import import_rclpy, import_web_server
from altmarl_ros.cli.options import FleetPrefix
from altmarl_ros.deployment import discovery_variables
from altmarl_ros.errors import AltmarlError

_TOKEN_BYTES = 24


def dashboard(
    *,
    fleet_prefix: FleetPrefix = "/fleet",
    world_prefix: Annotated[str, typer.Option(help="Prefix of a simulated world's topics.")] = "/world",
    host: Annotated[
        str, typer.Option(help="Address to serve at; any but a loopback address opens the page to the network.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to serve at; 0: a free one.")] = 8420,
    token_file: Annotated[
        Optional[Path],
        typer.Option(
            help="File with the token that gives control, which nobody else may read; default: the variable "
            "ALTMARL_DASHBOARD_TOKEN, or a new token at each start."
        ),
    ] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Let nobody change anything, with or without a token.")
    ] = False,
    record: Annotated[
        Optional[Path],
        typer.Option(
            "--record", "-r", help="Recorded run (.npz or bag) to show instead of a running fleet: any tick of it, by a slider."
        ),
    ] = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in this machine's browser.")] = False,
) -> None:
    """Show a running fleet of your ROS domain in a web browser, until Ctrl-C: floor, charts, robots, parameters, training.

    Two addresses are printed: the first only shows the fleet, the second has the token and also gives control.

    With --record it shows a recorded run, needs no ROS for an .npz file, and changes nothing.

    Example: altmarl dashboard --open, beside altmarl fleet
    """
    if record is not None:
        if token_file is not None:
            raise typer.BadParameter("a record cannot be changed: give either --record or --token-file")
        _serve_record(record, host, port, open_browser)
        return
    if read_only and token_file is not None:
        raise typer.BadParameter("give either --token-file or --read-only")
    rclpy = import_rclpy()
    serving = import_web_server()
    from altmarl_ros.dashboard import Access, FleetView, load_page
    from altmarl_ros.dashboard.server import DashboardServer
    from altmarl_ros.dashboard.token_sources import given_token
    from altmarl_ros.nodes.tools.dashboard import DashboardNode
    from altmarl_ros.nodes.tools.dashboard_thread import NodeThread

    token = given_token(token_file, os.environ) or secrets.token_urlsafe(_TOKEN_BYTES)
    access = Access(host, "" if read_only else token, (socket.gethostname(),))
    page, view = load_page(), FleetView(fleet_prefix)
    os.environ.update(discovery_variables())
    with serving.listening(host, port) as bound, contextlib.ExitStack() as opened:
        rclpy.init(args=[], signal_handler_options=rclpy.signals.SignalHandlerOptions.NO)
        try:
            try:
                node = DashboardNode(view, fleet_prefix, world_prefix, control=bool(access.token))
            except (ValueError, rclpy.exceptions.InvalidTopicNameException) as error:
                raise AltmarlError(f"prefix {fleet_prefix!r} or {world_prefix!r}: {error}") from None
            thread = NodeThread(node)
            thread.start()
            try:
                application = DashboardServer(view, node, access, page).application()
                told = opened if open_browser else None
                serving.serve(application, bound, lambda url: _announce(url, access, told), lambda: thread.failure)
            finally:
                thread.stop()
        finally:
            rclpy.try_shutdown()


def _serve_record(path: Path, host: str, port: int, open_browser: bool) -> None:
    """Serve a recorded run until Ctrl-C.

    Raises:
        AltmarlError: it cannot be read, or does not name its game.
    """
    serving = import_web_server()
    from altmarl_ros.cli.runs import is_bag, load_log, load_run
    from altmarl_ros.dashboard import Access, FleetView, load_page
    from altmarl_ros.dashboard.recorded import RecordedFleet
    from altmarl_ros.dashboard.server import DashboardServer
    from altmarl_ros.games import find_floor_map, load_game

    run = load_run(path)
    source = run.about.get("game")
    if not isinstance(source, str) or not len(run.tick):
        raise AltmarlError(f"{path}: does not say its game, or holds no tick")
    view, access = FleetView(str(path)), Access(host, "", (socket.gethostname(),))
    fleet = RecordedFleet(view, run, load_game(source), find_floor_map(source), load_log(path) if is_bag(path) else None)
    application = DashboardServer(view, fleet, access, load_page(), fleet).application()
    with serving.listening(host, port) as bound, contextlib.ExitStack() as opened:
        told = opened if open_browser else None
        serving.serve(application, bound, lambda url: _announce(url, access, told), lambda: None)


def _announce(url: str, access: Any, opened: Optional[contextlib.ExitStack]) -> None:
    """Say where the page is; `opened`: open it, and keep there what the browser needs to find it."""
    with_token = f"{url}#token={access.token}" if access.token else url
    console.out.print(f"look:    {url}")
    if access.token:
        console.out.print(f"control: {with_token}")
    if not access.local:
        note = "note: whoever reaches this address may look, and traffic is not encrypted"
        console.err.print(f"{note}; see docs/how-to/dashboard.md")
    if opened is not None:
        from altmarl_ros.dashboard.token_sources import private_link

        webbrowser.open(opened.enter_context(private_link(with_token)) if access.token else url)
