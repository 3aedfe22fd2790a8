"""Every view of the page in every browser, light, dark and on a phone: no error, nothing beside the screen, nothing for axe.

    pytest test/dashboard/test_views.py --axe axe.min.js --pictures pictures

`axe.min.js` comes with axe-core from npm; pictures of all views are written where they are asked for.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from altmarl_ros.dashboard.access import Access
from altmarl_ros.dashboard.commands import Outcome
from altmarl_ros.dashboard.page import load_page
from altmarl_ros.dashboard.recorded import RecordedFleet
from altmarl_ros.dashboard.server import DashboardServer
from altmarl_ros.dashboard.view import FleetView
from altmarl_ros.games import find_floor_map, load_game

playwright = pytest.importorskip("playwright.sync_api", reason="NO PLAYWRIGHT HERE: nothing of the dashboard's page was tested")
expect = playwright.expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TOKEN = "a-token-of-this-test"
OFFICE = Path(__file__).parents[2] / "examples" / "office" / "deliveries.yaml"
ROBOTS = 24
LOOKS = {
    "light": ({"width": 1440, "height": 900}, "light"),
    "dark": ({"width": 1440, "height": 900}, "dark"),
    "phone": ({"width": 375, "height": 667}, "light"),
}
AXE = """async () => (await axe.run(document, { resultTypes: ['violations'] })).violations.map(
  found => [found.id, ...found.nodes.slice(0, 3).map(node => node.html.slice(0, 160))].join(': '))"""
# Firefox ESR 140 crashes soon after a script reads elements by the reflection of ARIA attributes; axe reads attributes, too.
NO_REFLECTION = """() => Object.getOwnPropertyNames(Element.prototype)
  .filter(name => /^aria.*Elements?$/.test(name)).forEach(name => delete Element.prototype[name])"""
BESIDE = "() => document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"


class Obedient:
    """Does all that browsers ask."""

    async def change(self, node, values):
        return Outcome(True, "")

    async def stop(self, pressed):
        self.view.set_stopped(pressed)
        return Outcome(True, "")

    async def train(self, verb):
        return Outcome(True, f"{verb} accepted")

    async def operate(self, robot, command, zone):
        return Outcome(False, f"robot {robot}: no way to {zone or 'anywhere'} from where it stands")


def parameter(name, value, description, minimum=None, maximum=None, choices=(), live=True):
    kind = {bool: "bool", int: "int", float: "float", str: "text"}[type(value)]
    return {
        "name": name,
        "value": value,
        "kind": kind,
        "description": description,
        "minimum": minimum,
        "maximum": maximum,
        "choices": list(choices),
        "live": live,
    }


PARAMETERS = {
    "/coordinator": [
        parameter("paused", False, "Begin no tick until it is false again."),
        parameter("sampling.k", 5, "Robots that are asked in each tick.", 0, 1000),
        parameter("sampling.model", "filtered", "What is remembered of reports.", choices=("fresh", "sticky", "filtered")),
        parameter("bandwidth_limit", 0.0, "Most bytes of reports per second; 0: no limit. [B/s]", 0.0, 1e9),
        parameter("tick.period", 0.5, "Time between ticks. [s]", 0.01, 3600.0),
        parameter("policy.file", "office.npz", "Bundle that is acted by."),
        parameter("game", "office_deliveries", "Game that is played.", live=False),
    ],
    "/trainer": [parameter("fleet_prefix", "/fleet", "Prefix of the fleet's topics.", live=False)],
}
PROGRESS = {
    "message": "the candidate decides as the policy in force in 93 % of ticks",
    "fraction": 1.0,
    "elapsed": 34.0,
    "game": "office_deliveries",
    "policy_id": 7,
    "policy_file": "office.npz",
    "candidate_id": 0xBEEF,
    "candidate_file": "candidate.npz",
    "value": 31.4,
    "value_half_width": 0.6,
    "candidate_value": 33.1,
    "candidate_value_half_width": 0.7,
    "gain": 1.7,
    "gain_half_width": 0.4,
    "shadow_ticks": 120,
    "shadow_agreed": 112,
    "state": "ready",
    "kept": [7, 5],
}


@pytest.fixture(scope="module")
def office():
    return load_game(str(OFFICE)), find_floor_map(str(OFFICE))


@pytest.fixture
def fleet(office, account):
    """A fleet in the office at tick 80: robots drive, stand, are low and held; there are demand, a trainer and events."""
    game, floor = office
    rng = np.random.default_rng(3)
    view = FleetView("/fleet")
    view.set_game(game, floor, {"name": game.name, "hash": game.content_hash, "note": ""})
    for robot_id in range(ROBOTS):
        view.robots.join(robot_id, 1, f"/robot_{robot_id}/robot")
    states = rng.integers(0, game.n_local_states, ROBOTS).astype(np.uint16)
    estimate = tuple(np.bincount(states, minlength=game.n_local_states) / ROBOTS)
    belief = np.full(game.n_hidden_states, 0.1 / (game.n_hidden_states - 1))
    belief[1] = 0.9
    shown = replace(account, robots=ROBOTS, live=ROBOTS, k=5, asked=5, k_eff=5, estimate=estimate, belief=tuple(belief))

    def tick(number):
        polled = rng.permutation(ROBOTS)[:5].tolist()
        ids = np.arange(ROBOTS, dtype=np.uint32)
        told = replace(
            shown,
            tick=number,
            stamp=100.0 + 0.5 * number,
            heard=4,
            latency=0.02 + 0.01 * rng.random(),
            reward=5.0 + rng.random(),
            operated={3: "held by anna"},
            on_roster=1,
            live=ROBOTS - 1,
        )
        view.hear_status(told, polled, {robot_id: int(states[robot_id]) for robot_id in polled[:4]})
        view.hear_truth(
            1,
            number,
            ids=ids,
            states=states,
            actions=np.zeros(ROBOTS, np.uint16),
            none=0xFFFF,
            counts=np.zeros(0, np.int64),
            hidden_state=1,
        )
        places = np.array([zone.goal for zone in floor.plan.zones])[rng.integers(0, len(floor.plan.zones), ROBOTS)]
        x, y = (places + rng.normal(0.0, 0.4, places.shape)).T.astype(np.float32)
        charge = np.linspace(0.12, 1.0, ROBOTS, dtype=np.float32)
        view.hear_floor(ids, 0, 1.0, x=x, y=y, yaw=rng.uniform(-3, 3, ROBOTS).astype(np.float32), charge=charge)

    view.tick = tick
    for number in range(80):
        tick(number)
    for robot_id in range(ROBOTS):
        view.hear_drive(robot_id, 0, "moving")
    view.hear_drive(6, 2, "stopped: no fresh pose")
    view.hear_drive(9, 1, "blocked: obstacle in the protective field")
    view.note("error", "diagnosis", "robot 6: no pose for 3 s", (6,))
    view.put("coordinators", [{"name": "/coordinator", "deciding": True}])
    view.put("parameters", PARAMETERS)
    view.put("trainer", {"train": True, "cancel": True, "deploy": True, "rollback": True})
    view.put("progress", PROGRESS)
    return view


@pytest.fixture
def record(make_run):
    game, run = make_run("deliveries")
    view = FleetView("run.npz")
    return view, RecordedFleet(view, run, game)


class Watched:
    """A page, what went wrong on it, and what was found in each of its views."""

    def __init__(self, browser, look, request):
        size, self.theme = LOOKS[look]
        self.name = f"{browser.browser_type.name}-{look}"
        self.page = browser.new_context(viewport=size).new_page()
        self.page.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        self.wrong, self.found = [], {}
        self.page.on("console", lambda message: message.type in ("error", "warning") and self.hear(message.text))
        self.page.on("pageerror", lambda error: self.hear(str(error)))
        axe, self.pictures = request.config.getoption("--axe"), request.config.getoption("--pictures")
        self.axe = Path(axe).read_text(encoding="utf-8") if axe else ""

    def hear(self, text):
        if not (self.pictures and "blocked an inline style" in text):  # by Playwright, for a picture
            self.wrong.append(text)

    def open(self, address):
        self.page.goto(address)
        if self.page.get_attribute("#theme", "aria-pressed") != str(self.theme == "dark").lower():
            self.page.click("#theme")
        if self.axe:
            self.page.evaluate(NO_REFLECTION)
            self.page.evaluate(self.axe)

    def see(self, view):
        """Look at a view."""
        if self.pictures:
            Path(self.pictures).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=Path(self.pictures) / f"{self.name}-{view}.png", full_page=True)
        found = [] if self.page.evaluate(BESIDE) <= 0 else ["something is beside the screen"]
        self.found[view] = found + (self.page.evaluate(AXE) if self.axe else [])

    def unlock(self):
        self.page.click("#unlock")
        self.see("unlock")
        self.page.fill("#token", TOKEN)
        self.page.keyboard.press("Enter")
        expect(self.page.locator("#unlock")).to_be_hidden()

    def check(self):
        assert {view: found for view, found in self.found.items() if found} == {}
        assert self.wrong == []


@pytest.fixture(params=LOOKS)
def watched(request, browser):
    return Watched(browser, request.param, request)


def test_every_view_of_a_fleet(watched, fleet, serving):
    operations = Obedient()
    operations.view = fleet
    page = watched.page
    with serving(DashboardServer(fleet, operations, Access("127.0.0.1", TOKEN), load_page())) as address:
        watched.open(address)
        expect(page.locator("#tick")).to_have_text("79")
        fleet.tick(80)
        expect(page.locator("#tick")).to_have_text("80")
        expect(page.locator("#alerts")).to_contain_text("Battery low")
        watched.see("robots")
        watched.unlock()
        page.locator("#roster .body .row:visible").filter(has_text="robot_6").first.click()
        expect(page.locator("#operate-robot")).to_have_text("robot_6")
        page.click("#operate-send")
        expect(page.locator("#operate .answer")).to_contain_text("no way to")
        watched.see("robot")
        page.click("#tab-parameters")
        expect(page.get_by_label("sampling.k")).to_have_value("5")
        watched.see("parameters")
        page.click("#tab-trainer")
        expect(page.locator("#trainer-deploy")).to_be_enabled()
        watched.see("training")
        page.click("#stop")
        expect(page.locator("#alerts")).to_contain_text("Emergency stop pressed")
        watched.see("stopped")
        page.click("#stop")
        expect(page.locator("#release-dialog")).to_be_visible()
        watched.see("release")
        page.click("#release")
        expect(page.locator("#alerts")).not_to_contain_text("Emergency stop pressed")
        watched.check()


def test_every_view_without_a_fleet(watched, record, serving):
    page = watched.page
    view, fleet = record
    with serving(DashboardServer(FleetView("/fleet"), Obedient(), Access("127.0.0.1", TOKEN), load_page())) as address:
        watched.open(address)
        expect(page.locator("#floor-empty")).to_contain_text("No fleet is heard")
        watched.see("nothing")
    with serving(DashboardServer(view, fleet, Access("127.0.0.1", ""), load_page(), fleet)) as address:
        watched.open(address)
        expect(page.locator("#record-text")).to_contain_text("400 of 400")
        watched.see("record")
        watched.check()
    expect(page.locator("#alerts")).to_contain_text("Disconnected")
    watched.see("disconnected")
    assert watched.found["disconnected"] == []
