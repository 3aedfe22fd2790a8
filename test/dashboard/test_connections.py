"""Connections that are too many, too slow or too large, over real sockets; WebSockets last."""

import asyncio
import contextlib
import socket

import pytest
from aiohttp import ClientSession, web

from altmarl_ros.dashboard.access import Access
from altmarl_ros.dashboard.connections import ConnectionLimits
from altmarl_ros.dashboard.page import load_page
from altmarl_ros.dashboard.server import DashboardServer
from altmarl_ros.dashboard.serving import running
from altmarl_ros.dashboard.view import FleetView

LIMITS = ConnectionLimits(connections=6, of_one_address=4, seconds=1.0, request_bytes=20_000)
PATIENCE = 10.0  # s
WRITERS = []
"""Of the connections of a scenario, which are closed with it."""


def served(scenario, limits=LIMITS, application=None):
    """Run a scenario against a server on a port of its own."""

    async def run():
        given = application or DashboardServer(FleetView("/fleet"), None, Access("127.0.0.1", ""), load_page()).application()
        with socket.create_server(("127.0.0.1", 0)) as bound:
            async with running(given, bound, limits):
                try:
                    await asyncio.wait_for(scenario(bound.getsockname()[1]), 60)
                finally:
                    while WRITERS:
                        WRITERS[-1].close()
                        with contextlib.suppress(ConnectionError):
                            await WRITERS.pop().wait_closed()

    asyncio.run(run())


async def connect(port, address="127.0.0.1"):
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    WRITERS.append(writer)
    return reader, writer


async def is_cut(reader):
    """Whether the other side ends the connection before patience does."""
    with contextlib.suppress(ConnectionError):
        return await asyncio.wait_for(reader.read(), PATIENCE) == b""
    return True


async def is_served(port, address="127.0.0.1"):
    reader, writer = await connect(port, address)
    writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    with contextlib.suppress(ConnectionError):
        answer = await asyncio.wait_for(reader.read(), PATIENCE)
        return answer.startswith(b"HTTP/1.1 200")
    return False


@pytest.mark.slow
def test_a_head_that_does_not_come_is_not_waited_for():
    async def scenario(port):
        for begin in (b"", b"GET / HTTP/1.1\r\nHost: 127", b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n"):
            reader, writer = await connect(port)
            writer.write(begin)
            began = asyncio.get_running_loop().time()
            with contextlib.suppress(ConnectionError):
                await asyncio.wait_for(reader.read(), PATIENCE)
            assert asyncio.get_running_loop().time() - began < 5.0

    served(scenario)


@pytest.mark.slow
def test_dripping_a_head_gains_no_time():
    async def scenario(port):
        reader, writer = await connect(port)
        cut = asyncio.create_task(is_cut(reader))
        for number in range(100):
            writer.write(b"GET / HTTP/1.1\r\n" if number == 0 else b"X-%d: y\r\n" % number)
            await asyncio.sleep(0.05)
            if cut.done():
                break
        assert cut.done()
        assert await cut

    served(scenario)


def test_a_head_that_is_too_large_is_refused_and_others_are_served():
    async def scenario(port):
        reader, writer = await connect(port)
        writer.write(b"GET / HTTP/1.1\r\n" + b"X-Long: " + 1_000_000 * b"x")
        with contextlib.suppress(ConnectionError):
            assert b" 431 " in await asyncio.wait_for(reader.read(), PATIENCE)
        assert await is_served(port)

    served(scenario)


@pytest.mark.slow
def test_connections_are_bounded_in_all_and_from_one_address():
    async def scenario(port):
        open_ones = [await connect(port) for _ in range(4)]
        await asyncio.sleep(0.1)
        assert not await is_served(port), "no fifth from one address"
        assert await is_served(port, "127.0.0.2")
        open_ones += [await connect(port, "127.0.0.2") for _ in range(2)]
        await asyncio.sleep(0.1)
        assert not await is_served(port, "127.0.0.3"), "no seventh in all"
        assert all([await is_cut(reader) for reader, _ in open_ones])
        assert await is_served(port)

    served(scenario)


@pytest.mark.slow
def test_a_reader_that_takes_nothing_does_not_stay():
    async def answer(request):
        return web.Response(body=bytes(50_000_000))

    application = web.Application()
    application.router.add_get("/", answer)

    async def scenario(port):
        reader, writer = await connect(port)
        reader._transport.pause_reading()
        writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        await asyncio.sleep(2.0 * LIMITS.seconds)
        reader._transport.resume_reading()
        with contextlib.suppress(ConnectionError):
            assert len(await asyncio.wait_for(reader.read(), PATIENCE)) < 50_000_000

    served(scenario, application=application)


@pytest.mark.slow
def test_a_websocket_lasts():
    async def scenario(port):
        async with ClientSession() as session, session.ws_connect(f"http://127.0.0.1:{port}/ws") as socket_:
            await asyncio.sleep(2.0 * LIMITS.seconds)
            await socket_.send_str("{" + 3 * LIMITS.request_bytes // 4 * " ")
            message = await socket_.receive(timeout=PATIENCE)
            assert not socket_.closed, message

    served(scenario)
