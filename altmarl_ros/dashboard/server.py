"""The web server: one page, and one WebSocket on which each browser gets what has changed, at its own pace.

Nothing is queued for a browser: at most ten times a second, and not before its last message is out, it gets what has
changed since then. A slow browser gets fewer messages, and misses the ticks that are no longer kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import deque
from typing import Any, Awaitable, Callable, Protocol

from aiohttp import WSCloseCode, WSMsgType, web

from altmarl_ros.dashboard.access import Access
from altmarl_ros.dashboard.commands import Command, Operations, Outcome, parse_command
from altmarl_ros.dashboard.connections import Gate
from altmarl_ros.dashboard.events import INFO, WARNING
from altmarl_ros.dashboard.guesses import GuessLimiter
from altmarl_ros.dashboard.page import Page
from altmarl_ros.dashboard.view import Cursor, FleetView
from altmarl_ros.errors import AltmarlError

MOST_CLIENTS = 32
LARGEST_MESSAGE = 16_384
"""Longest message of a browser [B]."""

_PERIOD = 0.1  # s between two messages to a browser
_HEARTBEAT = 10.0  # s between two pings
_SEND = 10.0  # s after which a browser that takes nothing is disconnected
_MOST_PENDING = 8  # commands of one browser at a time
_MOST_WRONG = 5  # wrong tokens after which a browser has to connect again
_WRONG_DELAY = 0.5  # s before the reply to a wrong token

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Seekable(Protocol):
    """A record of which a view shows one tick."""

    def seek(self, at: int) -> None:
        """Show the `at`-th tick, or the last one if there are fewer."""
        ...


class _Client:
    """One connected browser."""

    def __init__(self, socket: web.WebSocketResponse, address: str) -> None:
        self.socket, self.address = socket, address
        self.cursor = Cursor()
        self.control = False
        self.wrong = 0
        self.replies: deque[dict[str, Any]] = deque(maxlen=2 * _MOST_PENDING)
        self.pending: set[asyncio.Task[None]] = set()

    def reply(self, number: int | None, outcome: Outcome, **further: Any) -> None:
        """Keep a reply for the next message; `further` are more fields of it."""
        self.replies.append({"id": number, "ok": outcome.successful, "text": outcome.text, **further})


class DashboardServer:
    """Serves a view of a fleet, and carries out commands of browsers that gave the token."""

    def __init__(
        self, view: FleetView, operations: Operations, access: Access, page: Page, seekable: Seekable | None = None
    ) -> None:
        """Serve a view; `seekable`: the record that it shows, None: it shows a running fleet."""
        self._seekable = seekable
        self._view, self._operations, self._access, self._page = view, operations, access, page
        self._clients: set[_Client] = set()
        self._guesses = GuessLimiter()
        view.put("access", {"token": bool(access.token)})

    def application(self) -> web.Application:
        """Return the application that aiohttp runs."""
        application = web.Application(middlewares=[self._guard], client_max_size=LARGEST_MESSAGE)
        application.router.add_get("/", self._send_page)
        application.router.add_get("/ws", self._serve)
        application.on_shutdown.append(self._say_goodbye)
        return application

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not self._access.addressed(request.host):
            raise web.HTTPForbidden(text="this server is addressed by an IP address, localhost or the name given with --host\n")
        return await handler(request)

    async def _send_page(self, request: web.Request) -> web.StreamResponse:
        response = web.Response(
            body=self._page.content,
            content_type="text/html",
            charset="utf-8",
            headers={
                "Content-Security-Policy": self._page.content_security_policy(request.host),
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "no-referrer",
                "Cache-Control": "no-store",
                "Cross-Origin-Opener-Policy": "same-origin",
                "Cross-Origin-Resource-Policy": "same-origin",
            },
        )
        response.force_close()  # nothing else is asked for on this connection
        return response

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if not self._access.same_origin(request.headers.get("Origin"), request.host):
            raise web.HTTPForbidden(text="another site's page may not connect\n")
        if len(self._clients) >= MOST_CLIENTS:
            raise web.HTTPServiceUnavailable(text=f"{MOST_CLIENTS} browsers are connected already\n")
        socket = web.WebSocketResponse(max_msg_size=LARGEST_MESSAGE, heartbeat=_HEARTBEAT, compress=False)
        client = _Client(socket, request.remote or "?")
        self._clients.add(client)  # before the first await, so that their number stays limited
        sender: asyncio.Task[None] | None = None
        try:
            await socket.prepare(request)
            gate = request.transport.get_protocol() if request.transport is not None else None
            if isinstance(gate, Gate):
                gate.keep()
            sender = asyncio.create_task(self._send(client))
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await self._hear(client, message.data)
                else:
                    client.reply(None, Outcome(False, "the message is not a text"))
        finally:
            self._clients.discard(client)
            tasks = [*client.pending, *([sender] if sender else [])]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return socket

    async def _send(self, client: _Client) -> None:
        with contextlib.suppress(ConnectionError, asyncio.TimeoutError):
            while not client.socket.closed:
                replies = list(client.replies)
                client.replies.clear()
                frame = self._view.take(client.cursor, replies)
                if frame is not None:
                    await asyncio.wait_for(client.socket.send_bytes(frame), _SEND)
                await asyncio.sleep(_PERIOD)
            return
        await client.socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"too slow")

    async def _hear(self, client: _Client, text: str) -> None:
        try:
            command = parse_command(text)
        except AltmarlError as error:
            client.reply(None, Outcome(False, str(error)))
            return
        if command.verb == "unlock":
            await self._unlock(client, command)
        elif command.verb == "seek":
            client.reply(command.number, self._seek(*command.arguments))
        elif not client.control:
            client.reply(command.number, Outcome(False, "read-only: control needs the token that was printed at start"))
        elif command.verb == "acknowledge":
            (number,) = command.arguments
            new = self._view.acknowledge(number, client.address)
            client.reply(command.number, Outcome(True, f"{new} acknowledged"))
        elif len(client.pending) >= _MOST_PENDING:
            client.reply(command.number, Outcome(False, f"{_MOST_PENDING} commands are under way: wait for an answer"))
        else:
            task = asyncio.create_task(self._run(client, command))
            client.pending.add(task)
            task.add_done_callback(client.pending.discard)

    def _seek(self, at: int) -> Outcome:
        """Show another tick of a record: to all browsers, since nothing in a fleet changes by it."""
        if self._seekable is None:
            return Outcome(False, "this dashboard shows a running fleet, which cannot be turned back")
        self._seekable.seek(at)
        return Outcome(True)

    async def _run(self, client: _Client, command: Command) -> None:
        try:
            outcome = await command.run(self._operations)
        except AltmarlError as error:
            outcome = Outcome(False, str(error))
        if not outcome.successful:
            self._view.note(WARNING, "control", f"refused: {outcome.text}")
        client.reply(command.number, outcome)

    async def _unlock(self, client: _Client, command: Command) -> None:
        wait = self._guesses.wait(client.address)
        if wait > 0.0:
            await asyncio.sleep(_WRONG_DELAY)
            text = f"too many wrong tokens came from {client.address}: the next is looked at in {math.ceil(wait)} s"
            client.reply(command.number, Outcome(False, text), retry=math.ceil(wait))
            return
        client.control = self._access.unlocks(*command.arguments)
        if client.control:
            self._view.note(INFO, "control", f"a browser at {client.address} has control")
            client.reply(command.number, Outcome(True, "control"))
            return
        client.wrong += 1
        self._guesses.wrong(client.address)
        await asyncio.sleep(_WRONG_DELAY)
        why = "the token is wrong" if self._access.token else "this dashboard is read-only: it was started so"
        client.reply(command.number, Outcome(False, why))
        if client.wrong == 1 and self._access.token:
            self._view.note(WARNING, "control", f"a browser at {client.address} gave a wrong token")
        if client.wrong >= _MOST_WRONG:
            await client.socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"wrong tokens")

    async def _say_goodbye(self, application: web.Application) -> None:
        closing = [client.socket.close(code=WSCloseCode.GOING_AWAY, message=b"the dashboard ends") for client in self._clients]
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.gather(*closing, return_exceptions=True), 2.0)
