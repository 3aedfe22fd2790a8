"""A coordinator's account of a tick, to be varied, a recorded run, and browsers that look at a server."""

import asyncio
import contextlib
import shlex
import shutil
import socket
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from altmarl_ros.dashboard.connections import ConnectionLimits
from altmarl_ros.dashboard.serving import running
from altmarl_ros.dashboard.ticks import TickAccount
from altmarl_ros.games import load_game
from altmarl_ros.records.run_record import RunRecord

BROWSERS = {
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "firefox": ("firefox", "firefox-esr"),
}


@pytest.fixture
def account():
    return TickAccount(
        stamp=100.0,
        session=1,
        tick=0,
        policy_id=7,
        next_policy_id=7,
        robots=4,
        live=4,
        k=2,
        k_eff=2,
        asked=2,
        heard=2,
        rung=2,
        late=0,
        missed_ticks=0,
        report_bytes=388,
        bandwidth_limit=0.0,
        latency=0.01,
        age_mean=1.0,
        age_p95=2,
        global_state=1,
        global_action=2,
        estimate=(0.2, 0.2, 0.2, 0.2, 0.2),
        sampling_error=0.1,
        reward=5.0,
    )


@pytest.fixture
def at(account):
    """The account of a later tick."""

    def make(tick, seconds=0.5, **changes):
        return replace(account, tick=tick, stamp=100.0 + seconds * tick, **changes)

    return make


def run_of(game):
    """A run in which robot 5 goes round the states, robot 6 leaves at tick 200, and robot 7 stays in state 1."""
    game, T, N = load_game(game), 400, 3
    per_tick = {name: np.full(T, 2) for name in ("session", "asked", "heard", "rung", "reports", "report_bytes")}
    states = np.ones((T, N), dtype=np.int64)
    states[:, 0] = np.arange(T) % game.n_local_states
    states[200:, 1] = -1
    hidden = np.arange(T) // 100 if game.hidden is not None else None
    return game, RunRecord(
        **per_tick,
        tick=np.arange(T),
        global_state=np.arange(T) % game.n_global_states,
        global_action=np.zeros(T, dtype=np.int64),
        latency=np.full(T, 0.01),
        estimate=np.full((T, game.n_local_states), 1 / game.n_local_states),
        local_state=states,
        local_action=np.where(states < 0, -1, 0),
        actions=np.ones((T, N), dtype=np.int64),
        hidden_state=hidden,
        belief=np.full((T, game.n_hidden_states), 1 / game.n_hidden_states) if hidden is not None else None,
        about={"game": game.name, "k": 2, "period": 0.5, "robot_ids": [5, 6, 7]},
    )


@pytest.fixture(scope="session")
def make_run():
    """Makes a game and a record of 400 ticks of it."""
    return run_of


@pytest.fixture(scope="module", params=BROWSERS)
def browser(request, tmp_path_factory):
    """The browsers of this machine, one after the other: Chromium, and Firefox as its maker or the distribution builds it."""
    playwright = pytest.importorskip("playwright.sync_api", reason="NO PLAYWRIGHT: nothing of the dashboard's page was tested")
    path = next(filter(None, map(shutil.which, BROWSERS[request.param])), None)
    if path is None:
        pytest.skip(f"NO {request.param.upper()} ON THIS MACHINE: nothing of the dashboard's page was tested in it")
    with playwright.sync_playwright() as driver:
        if request.param == "firefox":
            relayed = tmp_path_factory.mktemp("firefox") / "firefox"
            command = shlex.join([sys.executable, str(Path(__file__).with_name("firefox_relay.py")), path])
            relayed.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
            relayed.chmod(0o755)
            started = driver.firefox.launch(channel="moz-firefox", executable_path=relayed)
        else:
            started = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@contextlib.contextmanager
def serve(server, eval_allowed):
    """The address of a dashboard's server in a thread."""
    ready, ended = threading.Event(), threading.Event()
    application = server.application()
    if eval_allowed:
        application.on_response_prepare.append(allow_eval)
    with socket.create_server(("127.0.0.1", 0)) as bound:

        async def run():
            async with running(application, bound, ConnectionLimits()):
                ready.set()
                while not ended.is_set():
                    await asyncio.sleep(0.05)

        thread = threading.Thread(target=asyncio.run, args=(run(),))
        thread.start()
        assert ready.wait(20)
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}/"
        finally:
            ended.set()
            thread.join(20)


async def allow_eval(_, response):
    policy = response.headers.get("Content-Security-Policy", "")
    if policy:
        response.headers["Content-Security-Policy"] = policy.replace("script-src", "script-src 'unsafe-eval'")


@pytest.fixture(scope="module")
def serving(browser):
    """Serves for a browser; through Firefox Playwright evaluates what it asks of the page by `eval`, which the page forbids."""
    return lambda server: serve(server, eval_allowed=browser.browser_type.name == "firefox")
