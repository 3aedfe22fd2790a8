"""The server over real sockets: who gets in, what is sent, what a browser can and cannot do."""

import asyncio
import json

import pytest
from aiohttp import ClientSession, WSMsgType, WSServerHandshakeError
from aiohttp.test_utils import TestClient, TestServer

from altmarl_ros.dashboard import guesses
from altmarl_ros.dashboard import server as serving
from altmarl_ros.dashboard.access import Access
from altmarl_ros.dashboard.commands import Outcome
from altmarl_ros.dashboard.frames import decode
from altmarl_ros.dashboard.page import load_page
from altmarl_ros.dashboard.server import LARGEST_MESSAGE, DashboardServer
from altmarl_ros.dashboard.view import FleetView
from altmarl_ros.errors import AltmarlError

TOKEN = "a-token-of-this-test"


class Fleet:
    """Does what it is told, and remembers it."""

    def __init__(self):
        self.done = []
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def change(self, node, values):
        await self.go_on.wait()
        if values.get("sampling.k") == 99:
            raise AltmarlError("k is 99, must be at most 6")
        self.done.append((node, values))
        return Outcome(True)

    async def stop(self, pressed):
        self.done.append(pressed)
        return Outcome(True, "told")

    async def train(self, verb):
        self.done.append(verb)
        return Outcome(False, "nothing to deploy")

    async def operate(self, robot_id, command, zone):
        self.done.append((robot_id, command, zone))
        return Outcome(True, "held by dashboard")


class Running:
    def __init__(self, client, fleet, view, server):
        self.client, self.fleet, self.view, self.server = client, fleet, view, server

    async def connect(self, **options):
        return await self.client.ws_connect("/ws", **options)

    async def ask(self, socket, **message):
        """The answer to a message."""
        await socket.send_str(json.dumps({"id": 1, **message}))
        return await self.answer(socket)

    async def answer(self, socket):
        while True:
            message = await socket.receive(timeout=10)
            assert message.type is WSMsgType.BINARY, message
            head, _ = decode(message.data)
            if "replies" in head:
                return head["replies"][0]


def served(scenario, token=TOKEN):
    """Run a scenario against a server."""

    async def run():
        fleet, view = Fleet(), FleetView("/fleet")
        server = DashboardServer(view, fleet, Access("127.0.0.1", token), load_page())
        async with TestClient(TestServer(server.application())) as client:
            await asyncio.wait_for(scenario(Running(client, fleet, view, server)), 60)

    asyncio.run(run())


def test_the_page_and_its_headers():
    async def scenario(running):
        response = await running.client.get("/")
        assert response.status == 200
        assert response.content_type == "text/html"
        assert (await response.read()) == load_page().content
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert (await running.client.get("/../pyproject.toml")).status == 404
        assert (await running.client.post("/")).status == 405

    served(scenario)


@pytest.mark.parametrize("path", ["/", "/ws"])
def test_a_request_under_another_name_is_refused(path):
    async def scenario(running):
        response = await running.client.get(path, headers={"Host": "rebound.example"})
        assert response.status == 403

    served(scenario)


def test_another_sites_page_cannot_connect():
    async def scenario(running):
        with pytest.raises(WSServerHandshakeError) as refused:
            await running.connect(origin="http://evil.example")
        assert refused.value.status == 403
        await running.connect(origin=str(running.client.make_url("/")).rstrip("/"))

    served(scenario)


def test_without_the_token_nothing_can_be_changed():
    async def scenario(running):
        socket = await running.connect()
        for message in (
            {"do": "set", "node": "/coordinator", "values": {"sampling.k": 1}},
            {"do": "stop", "pressed": True},
            {"do": "trainer", "verb": "deploy"},
        ):
            answer = await running.ask(socket, **message)
            assert not answer["ok"]
            assert "read-only" in answer["text"]
        assert running.fleet.done == []

    served(scenario)


def test_with_the_token_all_can_be_done_and_refusals_say_why():
    async def scenario(running):
        socket = await running.connect()
        assert (await running.ask(socket, do="unlock", token=TOKEN))["ok"]
        assert (await running.ask(socket, do="set", node="/coordinator", values={"sampling.k": 3}))["ok"]
        answer = await running.ask(socket, do="set", node="/coordinator", values={"sampling.k": 99})
        assert answer == {"id": 1, "ok": False, "text": "k is 99, must be at most 6"}
        assert (await running.ask(socket, do="stop", pressed=True))["text"] == "told"
        assert not (await running.ask(socket, do="trainer", verb="deploy"))["ok"]
        assert running.fleet.done == [("/coordinator", {"sampling.k": 3}), True, "deploy"]
        noted = [event["text"] for event in running.view.events.since(0)]
        assert "refused: k is 99, must be at most 6" in noted

    served(scenario)


def test_one_browsers_control_is_no_others():
    async def scenario(running):
        first, second = await running.connect(), await running.connect()
        assert (await running.ask(first, do="unlock", token=TOKEN))["ok"]
        assert not (await running.ask(second, do="stop", pressed=True))["ok"]
        assert running.fleet.done == []

    served(scenario)


def test_a_read_only_server_has_no_token_that_works():
    async def scenario(running):
        socket = await running.connect()
        answer = await running.ask(socket, do="unlock", token="anything")
        assert not answer["ok"]
        assert "read-only" in answer["text"]

    served(scenario, token="")


def test_wrong_tokens_are_slow_and_soon_end_the_connection(monkeypatch):
    monkeypatch.setattr(serving, "_WRONG_DELAY", 0.01)

    async def scenario(running):
        socket = await running.connect()
        for i in range(serving._MOST_WRONG):
            await socket.send_str(json.dumps({"id": i, "do": "unlock", "token": "guess"}))
        while (message := await socket.receive(timeout=10)).type is not WSMsgType.CLOSE:
            assert message.type is WSMsgType.BINARY
        assert message.data == 1008

    served(scenario)


@pytest.mark.slow
def test_guesses_are_slowed_across_connections(monkeypatch):
    monkeypatch.setattr(serving, "_WRONG_DELAY", 0.01)
    monkeypatch.setattr(guesses, "PAUSE", 1.0)

    async def scenario(running):
        for _ in range(guesses.FREE):
            async with await running.connect() as socket:
                assert "wrong" in (await running.ask(socket, do="unlock", token="guess"))["text"]
        socket = await running.connect()
        answer = await running.ask(socket, do="unlock", token=TOKEN)
        assert not answer["ok"], "not looked at: the answer would tell a guesser"
        assert 0 < answer["retry"] <= 1
        assert not (await running.ask(socket, do="stop", pressed=True))["ok"]
        await asyncio.sleep(1.1)
        assert (await running.ask(socket, do="unlock", token=TOKEN))["ok"]

    served(scenario)


def test_bad_messages_name_the_culprit_and_change_nothing():
    async def scenario(running):
        socket = await running.connect()
        await running.ask(socket, do="unlock", token=TOKEN)
        for text, culprit in (("{", "JSON"), ('{"id": 5, "do": "format"}', "'do'"), ('{"id": 5, "do": "stop"}', "'pressed'")):
            await socket.send_str(text)
            answer = await running.answer(socket)
            assert not answer["ok"]
            assert culprit in answer["text"]
        await socket.send_bytes(b"\0" * 100)
        assert "not a text" in (await running.answer(socket))["text"]
        assert running.fleet.done == []

    served(scenario)


def test_a_message_that_is_too_large_ends_the_connection():
    async def scenario(running):
        socket = await running.connect()
        await socket.send_str("x" * (LARGEST_MESSAGE + 1))
        while (message := await socket.receive(timeout=10)).type is WSMsgType.BINARY:
            pass
        assert message.data == 1009
        assert (await running.client.get("/")).status == 200

    served(scenario)


def test_browsers_and_their_commands_are_bounded(monkeypatch):
    monkeypatch.setattr(serving, "MOST_CLIENTS", 3)

    async def scenario(running):
        sockets = [await running.connect() for _ in range(3)]
        with pytest.raises(WSServerHandshakeError) as refused:
            await running.connect()
        assert refused.value.status == 503
        await sockets[0].close()
        await asyncio.sleep(0.3)
        socket = await running.connect()
        await running.ask(socket, do="unlock", token=TOKEN)
        running.fleet.go_on.clear()
        for i in range(serving._MOST_PENDING + 1):
            await socket.send_str(json.dumps({"id": i, "do": "set", "node": "/c", "values": {"a": i}}))
        answer = await running.answer(socket)
        assert (answer["id"], answer["ok"]) == (serving._MOST_PENDING, False)
        running.fleet.go_on.set()

    served(scenario)


@pytest.mark.slow
def test_a_browser_that_reads_nothing_costs_no_memory_and_holds_up_nobody(monkeypatch):
    monkeypatch.setattr(serving, "_PERIOD", 0.005)

    async def scenario(running):
        async with ClientSession() as session:
            stuck, reading = await session.ws_connect(running.client.make_url("/ws")), await running.connect()
            stuck._response.connection.transport.pause_reading()  # as a browser behind a dead link
            sent = newest = 0
            for _ in range(150):
                for _ in range(300):
                    running.view.note("info", "robot", 300 * "x")
                while newest < running.view.events.count:
                    message = await reading.receive(timeout=10)
                    sent += len(message.data)
                    newest = max([newest, *(event["number"] for event in decode(message.data)[0].get("events", []))])
            waiting = [client.socket._writer.transport.get_write_buffer_size() for client in running.server._clients]
            assert sent > 15e6
            assert len(waiting) == 2
            assert max(waiting) < 0.5e6
            stuck._response.connection.transport.abort()

    served(scenario)


def test_events_are_acknowledged_with_the_token_alone():
    async def scenario(running):
        running.view.note("warning", "robot", "robot 3 suspended")
        socket = await running.connect()
        assert not (await running.ask(socket, do="acknowledge", event=1))["ok"]
        await running.ask(socket, do="unlock", token=TOKEN)
        assert await running.ask(socket, do="acknowledge", event=1) == {"id": 1, "ok": True, "text": "1 acknowledged"}

    served(scenario)


def test_a_running_fleet_cannot_be_turned_back():
    async def scenario(running):
        socket = await running.connect()
        answer = await running.ask(socket, do="seek", at=0)
        assert not answer["ok"]
        assert "running fleet" in answer["text"]

    served(scenario)
