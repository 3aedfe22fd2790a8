"""Runs a web application on one socket, until SIGINT or SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from typing import AsyncIterator, Callable, Iterator

from aiohttp import web

from altmarl_ros.dashboard.connections import ConnectionLimits, gated
from altmarl_ros.errors import AltmarlError

_POLL_PERIOD = 0.2  # s between two looks for a failure
_SHUTDOWN = 2.0  # s that connections have to close


@contextlib.contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Context of a socket that is bound to the address; port 0: a free one.

    Raises:
        AltmarlError: the address is not this machine's, or the port is taken.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise AltmarlError(f"--host {host}: {error.strerror}") from None
    with bound:
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
        except OSError as error:
            why = f"cannot serve at {host}:{port}: {error.strerror}"
            raise AltmarlError(f"{why}; choose another --port (0: a free one)") from None
        yield bound


def serve(
    application: web.Application, bound: socket.socket, ready: Callable[[str], None], failed: Callable[[], BaseException | None]
) -> None:
    """Serve until SIGINT, SIGTERM or a failure.

    Args:
        application: to serve.
        bound: socket that it is served on.
        ready: called with the URL once it is served.
        failed: returns an error that ends serving, or None.

    Raises:
        AltmarlError: `failed` returned an error.
    """
    failure = asyncio.run(_serve(application, bound, ready, failed))
    if failure is not None:
        raise AltmarlError(f"the dashboard's node failed: {type(failure).__name__}: {failure}") from failure


async def _serve(
    application: web.Application, bound: socket.socket, ready: Callable[[str], None], failed: Callable[[], BaseException | None]
) -> BaseException | None:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with running(application, bound, ConnectionLimits()):
        ready(_url(bound))
        while not stopping.is_set() and failed() is None:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(stopping.wait(), _POLL_PERIOD)
        return failed()


@contextlib.asynccontextmanager
async def running(application: web.Application, bound: socket.socket, limits: ConnectionLimits) -> AsyncIterator[None]:
    """Serve on a bound socket within the limits, until left."""
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=_SHUTDOWN)
    await runner.setup()
    try:
        assert runner.server is not None
        server = await asyncio.get_running_loop().create_server(gated(runner.server, limits), sock=bound)
        try:
            yield
        finally:
            server.close()
    finally:
        await runner.cleanup()


def _url(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = socket.gethostname()
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
