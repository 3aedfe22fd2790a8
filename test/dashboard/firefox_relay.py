"""Runs a Firefox that is older than Playwright asks for: what it knows no command for counts as done.

    python firefox_relay.py /usr/bin/firefox ARGUMENT ...

Playwright starts Firefox and speaks WebDriver BiDi with it. It begins by commands for downloads and bodies of answers, which
Firefox ESR 140 lacks and no test here needs. All else is passed on as it is.
"""

import asyncio
import json
import re
import signal
import sys

from aiohttp import ClientSession, WSMsgType, web

LISTENS = re.compile(r"(?<=WebDriver BiDi listening on )ws://\S+")
LARGEST = 256 * 2**20  # bytes of a message, such as a picture


async def pass_on(source, target, change=lambda text: text):
    async for message in source:
        if message.type is WSMsgType.TEXT:
            await target.send_str(change(message.data))
    await target.close()


def known(text):
    """An answer; a success where it says that the command is unknown."""
    if '"unknown command"' not in text[:200]:
        return text
    answer = json.loads(text)
    print(f"unknown to this Firefox: {answer['message']}", file=sys.stderr)
    return json.dumps({"type": "success", "id": answer["id"], "result": {"collector": ""}})


async def main(command):
    firefox = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, firefox.terminate)
    address = ""

    async def relay(request):
        playwright = web.WebSocketResponse(max_msg_size=LARGEST)
        await playwright.prepare(request)
        async with ClientSession() as session, session.ws_connect(address + request.path, max_msg_size=LARGEST) as browser:
            await asyncio.gather(pass_on(playwright, browser), pass_on(browser, playwright, known))
        return playwright

    application = web.Application()
    application.router.add_get("/session", relay)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async for line in firefox.stderr:
        text = line.decode(errors="replace")
        if found := LISTENS.search(text):
            address = found[0]
            text = LISTENS.sub("ws://{}:{}".format(*runner.addresses[0]), text)
        print(text, end="", file=sys.stderr, flush=True)
    await runner.cleanup()
    return await firefox.wait()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
