"""The dashboard in a real browser, beside a real fleet."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from own_domain import own_domain

from altmarl_ros.dashboard.token_sources import VARIABLE
from altmarl_ros.deployment.fleet_plan import FleetPlan
from altmarl_ros.resources import executable

pytestmark = [pytest.mark.ros, pytest.mark.untimed]

playwright = pytest.importorskip("playwright.sync_api", reason="NO PLAYWRIGHT HERE: nothing of the dashboard's page was tested")
expect = playwright.expect

TOKEN = "a-token-of-this-test"
ROBOTS = 12
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
)
PATIENCE = 20.0  # s
START = 90.0  # s; what is compiled for the first time takes its time

# What stands for axe: whatever can be reached or is read out as a picture has a name.
NAMELESS = """() => [...document.querySelectorAll('button, input, select, summary, [tabindex="0"], [role=img], [role=table]')]
  .filter(node => node.checkVisibility() && !(
    node.getAttribute('aria-label') || (node.labels && [...node.labels].some(label => label.textContent.trim())) ||
    document.getElementById(node.getAttribute('aria-labelledby'))?.textContent.trim() || node.textContent.trim()))
  .map(node => node.outerHTML.slice(0, 200))"""

# Messages that a browser could send whatever its page allows, and the answers.
SEND = """messages => new Promise(done => {
  const socket = new WebSocket(`ws://${location.host}/ws`), answers = [];
  socket.binaryType = 'arraybuffer';
  socket.onopen = () => messages.forEach(message => socket.send(message));
  socket.onmessage = ({ data }) => {
    const length = new DataView(data).getUint32(0, true);
    answers.push(...(JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length))).replies ?? []));
    if (answers.length >= messages.length) { socket.close(); done(answers); }
  };
})"""


class Server:
    """`altmarl dashboard` as a process."""

    def __init__(self, environment: dict[str, str], port: int, *options: str) -> None:
        command = [str(Path(sys.executable).with_name("altmarl")), "dashboard", "--port", str(port), *options]
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        line = self.process.stdout.readline()
        assert "http" in line, line + self.process.stdout.read()
        self.url = re.search(r"http://\S+", line)[0]
        self.port = int(re.search(r":(\d+)/", self.url)[1])

    def stop(self) -> int:
        """By Ctrl-C; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=15)
        return self.process.returncode


class Scene:
    """A fleet, its dashboard and a browser."""

    def __init__(self, fleet, browser):
        from std_msgs.msg import Bool

        from altmarl_ros.nodes.common import qos

        self.fleet, self.browser = fleet, browser
        self._environment = dict(os.environ)  # every test has a domain of its own; this one is for all of them
        self.start_server(0)
        self.stopped = None
        fleet.observer.create_subscription(Bool, "/fleet/emergency_stop", self._hear_stop, qos.latched_qos())

    def _hear_stop(self, message):
        self.stopped = message.data

    def start_server(self, port):
        self.server = Server({**self._environment, VARIABLE: TOKEN}, port)

    def open(self, control=True, **options):
        """A browser of its own, with the page."""
        page = self.browser.new_context(viewport={"width": 1440, "height": 900}, **options).new_page()
        page.set_default_timeout(1000 * PATIENCE)
        self.errors = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        page.goto(self.server.url + (f"#token={TOKEN}" if control else ""))
        expect(page.locator("#robots")).to_have_text(re.compile(f"^({ROBOTS}|.* of {ROBOTS}.*)$"))
        expect(page.locator("#link-text")).to_have_text("live, control" if control else "live, read-only")
        return page

    def until(self, condition, what):
        """Wait for a status."""
        self.fleet.wait_until(lambda: self.fleet.observer.latest and condition(self.fleet.observer.latest), PATIENCE, what)

    def status(self):
        """The newest one."""
        self.fleet.listen(0.5)
        return self.fleet.observer.latest


@pytest.fixture(scope="module")
def scene(policy, running_fleet, tmp_path_factory):
    if CHROMIUM is None:
        pytest.skip("NO CHROMIUM ON THIS MACHINE: nothing of the dashboard's page was tested")
    expect.set_options(timeout=1000 * PATIENCE)
    folder = tmp_path_factory.mktemp("dashboard")
    with (
        pytest.MonkeyPatch.context() as environment,
        own_domain(environment),
        playwright.sync_playwright() as driver,
    ):
        environment.setenv("ROS_HOME", str(folder))
        fleet = running_fleet(FleetPlan("warehouse", policy, robots=ROBOTS, k=4, period=0.2, processes=2), folder)
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        made = None
        try:
            fleet.start()
            made = Scene(fleet, browser)
            fleet.wait_until(lambda: fleet.observer.latest, START, "the first tick")
            yield made
        finally:
            if made is not None:
                made.server.stop()
            browser.close()
            fleet.close()


def parameter(page, name):
    """Control of a parameter and the answer beside it."""
    row = page.locator(".parameter", has=page.locator(f"[id='p-{name}']"))
    return row.locator(f"[id='p-{name}']"), row.locator(".answer")


def test_an_operator_tunes_and_stops_the_fleet(scene):
    page = scene.open()
    assert TOKEN not in page.url
    page.click("#tab-parameters")
    control, answer = parameter(page, "sampling.k")
    for wanted in ("2", "3"):
        control.fill(wanted)
        control.press("Enter")
        scene.until(lambda status, k=int(wanted): status.asked == k, f"k = {wanted}")
    control.fill("99")
    control.press("Enter")
    expect(answer).to_contain_text("k is 99, must be in 0..6")
    expect(control).to_have_value("3")
    model, answer = parameter(page, "sampling.model")
    model.select_option("fresh")
    scene.until(lambda status: status.rung == 3, "rung 3 of a fleet that remembers nothing")
    model.select_option("filtered")
    scene.until(lambda status: status.rung == 6, "the top rung")
    expect(page.locator("#events")).to_contain_text("sampling.k: 4 → 2")
    expect(page.locator("#events")).to_contain_text("refused: k is 99")

    page.click("#pause")
    expect(page.locator("#alerts")).to_contain_text("Paused")
    tick = scene.status().tick
    assert scene.status().tick == tick
    page.click("#pause")
    expect(page.locator("#alerts")).not_to_contain_text("Paused")
    scene.until(lambda status: status.tick > tick + 3, "ticks after the pause")

    page.click("#stop")
    scene.until(lambda _: scene.stopped is True, "the emergency stop")
    expect(page.locator("#alerts")).to_contain_text("Emergency stop pressed")
    page.click("#stop")
    page.click("#release-cancel")
    assert scene.stopped is True
    page.click("#stop")
    page.click("#release")
    scene.until(lambda _: scene.stopped is False, "the release")
    expect(page.locator("#alerts")).not_to_contain_text("Emergency stop")
    assert scene.errors == []


def test_a_browser_without_the_token_can_change_nothing(scene):
    page = scene.open(control=False)
    expect(page.locator("#stop")).to_be_disabled()
    expect(page.locator("#pause")).to_be_disabled()
    page.click("#tab-parameters")
    expect(parameter(page, "sampling.k")[0]).to_be_disabled()
    assert page.locator("#parameters :is(input, select):enabled").count() == 0
    messages = (
        {"do": "set", "node": "/coordinator", "values": {"sampling.k": 1}},
        {"do": "stop", "pressed": True},
        {"do": "trainer", "verb": "deploy"},
        {"do": "unlock", "token": "a-guess-of-this-test"},
        {"do": "set", "node": "/coordinator", "values": {"paused": True}},
    )
    before, stopped = scene.status(), scene.stopped
    answers = page.evaluate(SEND, [json.dumps({"id": i, **message}) for i, message in enumerate(messages)])
    assert not any(answer["ok"] for answer in answers)
    scene.until(lambda status: status.tick > before.tick + 5, "further ticks")
    assert scene.status().asked == before.asked
    assert scene.stopped is stopped
    page.click("#unlock")
    page.fill("#token", "a-guess-of-this-test")
    page.keyboard.press("Enter")
    expect(page.locator("#unlock-answer")).to_contain_text("the token is wrong")
    page.fill("#token", TOKEN)
    page.keyboard.press("Enter")
    expect(page.locator("#stop")).to_be_enabled()


def test_all_can_be_reached_and_read_without_a_pointer(scene):
    page = scene.open(reduced_motion="reduce", color_scheme="dark")
    focused = "document.activeElement.id || document.activeElement.className || document.activeElement.tagName"
    page.keyboard.press("Tab")
    assert page.evaluate(focused) == "skip"
    seen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(focused))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none" or seen[-1] in ("BODY", "main"), seen[-1]
    for wanted in ("pause", "theme", "stop", "tab-robots", "roster-find", "roster-show", "roster", "events-warnings", "events"):
        assert wanted in seen, wanted
    assert "tab-parameters" not in seen, "one tab is a stop, the arrow keys go on from it"
    page.focus("#tab-robots")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#panel-parameters")).to_be_visible()
    assert page.evaluate(NAMELESS) == []
    control, _ = parameter(page, "roster.probe_interval")
    control.focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("7")
    page.keyboard.press("Tab")
    expect(page.locator("#events")).to_contain_text("roster.probe_interval: 10 → 7")
    page.locator(".chart canvas").first.focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    expect(page.locator("#charts-at")).to_contain_text("3 before the last")
    expect(page.locator(".chart canvas").first).to_have_attribute("aria-label", re.compile("Team reward.*estimated now"))
    expect(page.locator("#floor")).to_have_attribute("aria-label", re.compile(f"{ROBOTS} robots in 5 zones.*coordinator in"))
    page.focus("#theme")
    page.keyboard.press("Enter")
    assert page.evaluate("getComputedStyle(document.body).colorScheme || document.documentElement.dataset.theme") == "light"


def test_the_table_of_robots_can_be_searched_and_sorted(scene):
    page = scene.open(control=False)
    rows = page.locator("#roster .body .row:visible")
    expect(rows).to_have_count(ROBOTS)
    page.fill("#roster-find", "robot_7")
    expect(rows).to_have_count(1)
    page.fill("#roster-find", "")
    page.click("#roster .age button")
    expect(page.locator("#roster .head .age")).to_have_attribute("aria-sort", "descending")
    page.select_option("#roster-show", "polled")
    expect(page.locator("#roster-count")).to_have_text(re.compile(rf"^[1-6] of {ROBOTS}$"))


def test_training_is_steered_from_the_page(scene, policy):
    from altmarl_ros.msg import TrainingProgress
    from altmarl_ros.nodes.common import qos

    page = scene.open()
    expect(page.locator("#tab-trainer")).to_be_disabled()
    expect(page.locator("#tab-trainer")).to_have_attribute("title", "No trainer is running")
    rewards = "{previous_reward: 3}"
    settings = {
        "game": "warehouse",
        "folder": str(policy.parent / "page"),
        "runs": 50,
        "shadow.ticks": 5,
        "reward.parameters": rewards,
    }
    arguments = [item for name, value in settings.items() for item in ("-p", f"{name}:={json.dumps(value)}")]
    trainer = scene.fleet.group.start("trainer", [str(executable("trainer")), "--ros-args", *arguments])
    first = scene.status().policy_id
    heard = []
    scene.fleet.observer.create_subscription(TrainingProgress, "/trainer/progress", heard.append, qos.latched_qos())
    try:
        scene.fleet.wait_until(lambda: heard and heard[-1].policy_id == first, PATIENCE, "the trainer hearing the fleet")
        page.click("#tab-trainer")
        expect(page.locator("#trainer")).to_contain_text("Nothing to roll the fleet /fleet back to")
        for verb in ("deploy", "rollback", "cancel"):
            expect(page.locator(f"#trainer-{verb}")).to_be_disabled()
        page.click("#trainer-train")
        expect(page.locator("#trainer .state")).to_contain_text("Ready to deploy", timeout=1000 * START)
        expect(page.locator("#trainer table")).to_contain_text("of 5")
        page.click("#trainer-deploy")
        expect(page.locator("#trainer .state")).to_contain_text("Deployed")
        scene.until(lambda status: status.policy_id != first, "the candidate in force")
        expect(page.locator("#trainer")).to_contain_text(f"Roll back gives the fleet /fleet its policy {first:08x} back")
        page.click("#trainer-rollback")
        scene.until(lambda status: status.policy_id == first, "the policy before")
        expect(page.locator("#trainer")).to_contain_text("is in force again")
        page.click("#trainer-train")
        expect(page.locator("#trainer .state")).to_contain_text("Training")
        page.click("#trainer-cancel")
        expect(page.locator("#trainer .state")).to_contain_text("Cancelled")
        page.click("#tab-parameters")
        page.select_option("#parameter-node", "/trainer")
        control, answer = parameter(page, "rounds")
        control.fill("9")
        control.press("Enter")
        expect(answer).to_have_text("set")
    finally:
        trainer.process.terminate()
    expect(page.locator("#events")).to_contain_text("/trainer is gone")


def test_the_page_comes_back_with_the_server(scene):
    page = scene.open()
    assert scene.server.stop() == 0
    expect(page.locator("#alerts")).to_contain_text("Disconnected")
    expect(page.locator("#stop")).to_be_disabled()
    scene.start_server(scene.server.port)
    expect(page.locator("#alerts")).not_to_contain_text("Disconnected")
    expect(page.locator("#link-text")).to_have_text("live, control")
    expect(page.locator("#stop")).to_be_enabled()


def test_robots_that_fall_silent_are_shown_as_suspended(scene):
    page = scene.open(control=False)
    child = next(child for child in scene.fleet.group.children if child.name == "robots_1")
    child.process.kill()
    expect(page.locator("#robots")).to_have_text(f"{ROBOTS // 2} of {ROBOTS} live")
    page.select_option("#roster-show", "suspended")
    expect(page.locator("#roster-count")).to_have_text(f"{ROBOTS // 2} of {ROBOTS}")
    expect(page.locator("#events")).to_contain_text("suspended: no answer")


def test_the_token_is_in_no_list_of_processes(tmp_path):
    """Neither the server's nor that of the browser that it opens."""
    seen, browser, token = tmp_path / "seen", tmp_path / "browser", tmp_path / "token"
    browser.write_text(f'#!/bin/sh\ntr "\\0" " " < /proc/$$/cmdline > {seen}.part\nenv >> {seen}.part\nmv {seen}.part {seen}\n')
    browser.chmod(0o700)
    token.touch(mode=0o600)
    token.write_text(TOKEN)
    environment = {**os.environ, "BROWSER": f"{browser} %s", "ROS_HOME": str(tmp_path), VARIABLE: "a-token-for-no-child"}
    server = Server(environment, 0, "--open", "--token-file", str(token))
    try:
        for _ in range(200):
            if seen.exists():
                break
            time.sleep(0.1)
        opened = seen.read_text()
        page = Path(re.search(r"file://(\S+)", opened)[1])
        assert f"{server.url}#token={TOKEN}" in page.read_text()
        for shown in (opened, Path(f"/proc/{server.process.pid}/cmdline").read_bytes().decode()):
            assert TOKEN not in shown
            assert "a-token-for-no-child" not in shown
    finally:
        assert server.stop() == 0
    assert not page.exists()


def test_a_taken_port_is_one_line_and_exit_code_2():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [str(Path(sys.executable).with_name("altmarl")), "dashboard", "--port", str(port)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert f"127.0.0.1:{port}" in ended.stderr
