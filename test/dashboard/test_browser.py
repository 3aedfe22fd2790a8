"""The page in a real browser, without ROS: a fleet that is made up, on a desk and on a phone."""

from dataclasses import replace

import numpy as np
import pytest

from altmarl_ros.dashboard.access import Access
from altmarl_ros.dashboard.commands import Outcome
from altmarl_ros.dashboard.page import load_page
from altmarl_ros.dashboard.recorded import RecordedFleet
from altmarl_ros.dashboard.server import DashboardServer
from altmarl_ros.dashboard.view import FleetView
from altmarl_ros.games.tabular import TabularGame

playwright = pytest.importorskip("playwright.sync_api", reason="NO PLAYWRIGHT HERE: nothing of the dashboard's page was tested")
expect = playwright.expect

TOKEN = "a-token-of-this-test"
ZONES = ("loading dock north", "loading dock south", "high-bay storage aisle 12", "packing", "charging")
DESK, LAPTOP = {"width": 1440, "height": 900}, {"width": 1400, "height": 900}
TABLET, PHONE = {"width": 900, "height": 1100}, {"width": 375, "height": 667}

# Nothing of the page is below its last part, and nothing beside it.
EMPTINESS = """() => {
  const page = document.scrollingElement, main = document.getElementById('main').getBoundingClientRect();
  return [page.scrollHeight - (main.bottom + page.scrollTop), page.scrollWidth - page.clientWidth];
}"""

# Names of which a part is cut away, or that are outside of what can be scrolled to.
CUT = """selector => [...document.querySelectorAll(selector)].filter(node => node.checkVisibility() && node.textContent)
  .filter(node => node.scrollWidth > node.clientWidth + 1 || node.scrollHeight > node.clientHeight + 1)
  .map(node => node.textContent)"""

ASIDE = "() => { const box = document.querySelector('#roster'); box.scrollLeft = 1e6; return box.scrollLeft; }"

# The children that ARIA allows of lists, and the parents of their items.
LISTS = """() => [...document.querySelectorAll('li, [role=listitem]')].filter(node => {
  const list = node.parentElement, role = list.getAttribute('role');
  return node.matches('li') ? !list.matches('ol, ul, menu') || (role && role !== 'list') : role !== 'list';
}).map(node => node.outerHTML.slice(0, 100))"""


# Points at one place of the map after the other, until a robot's name comes.
WHERE = """name => {
  const map = document.getElementById('floor'), box = map.getBoundingClientRect(), tip = document.getElementById('robot-tip');
  for (let y = box.top + 3; y < box.bottom; y += 4) for (let x = box.left + 3; x < box.right; x += 4) {
    map.dispatchEvent(new PointerEvent('pointermove', { clientX: x, clientY: y, bubbles: true }));
    if (!tip.hidden && tip.textContent.includes(name)) return [x, y];
  }
  return null;
}"""


pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def view(browser):  # a new one for each browser, whose tests would find what was done in the other one
    made = FleetView("/fleet")
    stay = np.ones((5, 1, 1, 1)) * np.eye(5)[:, None, None, :]
    game = TabularGame(
        "hall", np.ones((1, 1, 1)), stay, np.zeros((1, 1)), np.zeros((5, 1, 1)), gamma=0.9, local_state_names=ZONES
    )
    made.set_game(game, None, {"name": "hall", "hash": "", "note": ""})
    for robot_id in range(40):
        made.robots.join(robot_id, 1, f"/warehouse_robot_{robot_id:04d}/robot")
    for number in range(250):
        made.note("warning", "robot", f"robot {number} suspended: no answer")
    return made


class Told:
    """What browsers with the token told robots."""

    def __init__(self):
        self.robots = []

    async def operate(self, *told):
        self.robots.append(told)
        return Outcome(True, "robot 3 held by dashboard")


@pytest.fixture(scope="module")
def told(browser):
    return Told()


@pytest.fixture(scope="module")
def address(view, told, serving):
    with serving(DashboardServer(view, told, Access("127.0.0.1", TOKEN), load_page())) as served:
        yield served


@pytest.fixture
def open_page(browser, address, view, account):
    """Opens the page in a window of a size, with a tick on it."""

    def make(size):
        page = browser.new_context(viewport=size).new_page()
        page.set_default_timeout(20_000)
        expect.set_options(timeout=20_000)
        page.goto(address)
        view.hear_status(account, (3, 5), {3: 1, 5: 2})
        expect(page.locator("#roster .body .row").first).to_be_visible()
        expect(page.locator("#events li").first).to_be_attached()
        return page

    return make


@pytest.mark.parametrize("size", [DESK, TABLET, PHONE], ids=["desk", "tablet", "phone"])
def test_the_page_does_not_scroll_into_emptiness(open_page, size):
    below, beside = open_page(size).evaluate(EMPTINESS)
    assert below <= 1
    assert beside <= 0


def test_lists_have_items_and_items_a_list(open_page):
    page = open_page(DESK)
    assert page.evaluate(LISTS) == []
    log = page.get_by_role("log", name="Events, newest first")
    expect(log.get_by_role("listitem").filter(has_text="robot 249 suspended")).to_have_count(1)
    expect(log.get_by_role("listitem").filter(has_text="session 1")).to_have_count(1)
    page.check("#events-warnings")
    expect(log.get_by_role("listitem").filter(has_text="robot 249 suspended")).to_be_visible()
    expect(log.get_by_role("listitem").filter(has_text="session 1")).to_have_count(0)


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("names", ["#roster .body .id", "#roster .body .zone"])
def test_names_in_the_table_are_whole(open_page, size, names):
    page = open_page(size)
    assert page.evaluate(CUT, names) == []
    reach = page.evaluate(
        "() => { const box = document.getElementById('roster'); box.scrollLeft = 1e6; return box.scrollLeft; }"
    )
    assert reach > 0 or size is DESK, "what is beside the screen can be scrolled to"
    cell = page.locator(names).filter(visible=True, has_text="dock" if "zone" in names else "warehouse").first
    cell.scroll_into_view_if_needed()
    left, width = page.evaluate("node => [node.getBoundingClientRect().x, innerWidth]", cell.element_handle())
    assert 0 <= left < width


def test_the_table_says_who_stands_and_why(open_page, view):
    page = open_page(DESK)
    expect(page.locator("#roster .head .drive")).to_be_hidden()
    try:
        view.hear_drive(3, 2, "stopped: no fresh pose")
        view.hear_drive(5, 1, "blocked: obstacle in the protective field")
        view.hear_drive(7, 0, "moving")
        view.hear_drive(9, 0, "stopped")
        rows = page.locator("#roster .body .row:visible")
        expect(rows.filter(has_text="warehouse_robot_0003").locator(".drive")).to_have_text("stopped: no fresh pose")
        page.select_option("#roster-show", "stopped")
        expect(page.locator("#roster-count")).to_have_text("2 of 40")
        expect(rows).to_have_count(2)
        expect(rows.filter(has_text="blocked: obstacle in the protective field")).to_have_count(1)
        page.select_option("#roster-show", "all")
        page.get_by_role("button", name="Motion").click()
        expect(rows.first).to_contain_text("stopped: no fresh pose")
    finally:
        view.robots.drives.clear()
        view.robots.driven += 1


def test_a_robot_that_is_chosen_is_operated_with_the_token_alone(open_page, view, told, account):
    page = open_page(DESK)
    row = page.locator("#roster .body .row:visible").filter(has_text="warehouse_robot_0003")
    row.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#operate-robot")).to_have_text("warehouse_robot_0003")
    expect(page.locator("#operate-hold")).to_be_disabled()
    page.click("#unlock")
    page.fill("#token", TOKEN)
    page.keyboard.press("Enter")
    page.click("#operate-hold")
    expect(page.locator("#operate .answer")).to_have_text("robot 3 held by dashboard")
    page.select_option("#operate-zone", ZONES[3])
    page.click("#operate-send")
    expect(page.locator("#operate .answer")).to_have_class("answer taken")
    assert told.robots == [(3, "hold", ""), (3, "send", ZONES[3])]
    view.hear_status(replace(account, tick=2, live=account.live - 1, operated={3: "held by anna"}, on_roster=1), (), {})
    expect(row.locator(".mark")).to_have_text("held by anna")
    page.select_option("#roster-show", "operated")
    expect(page.locator("#roster-count")).to_have_text("1 of 40")


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_names_of_zones_are_whole_beside_their_shares(open_page, size):
    page = open_page(size)
    assert page.evaluate(CUT, "#shares .name") == []
    expect(page.locator("#shares .name").nth(2)).to_have_text(ZONES[2])


def test_the_belief_of_a_hidden_state_is_shown_above_the_zones(open_page, view, account):
    page = open_page(DESK)
    assert not page.locator("#belief-title").is_visible()
    view.hear_status(replace(account, tick=11, stamp=account.stamp + 11, belief=(0.25, 0.75)), (), {})
    rows = page.locator("#belief .share")
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("hidden 1")
    expect(rows.nth(1)).to_contain_text("75.0 %")
    expect(page.locator("#decision")).to_contain_text("believes hidden 1")
    assert page.locator("#belief-title").is_visible()
    assert page.evaluate(LISTS) == []
    view.hear_status(replace(account, tick=12, stamp=account.stamp + 12), (), {})
    expect(rows).to_have_count(0)
    expect(page.locator("#decision")).not_to_contain_text("believes")


def test_the_map_is_zoomed_and_a_robot_on_it_is_read_and_chosen(open_page, view, account):
    page = open_page(DESK)
    expect(page.locator("#zoom-out")).to_be_disabled()
    before = page.locator("#floor").screenshot()
    page.click("#zoom-in")
    expect(page.locator("#zoom-out")).to_be_enabled()
    assert page.locator("#floor").screenshot() != before
    page.locator("#floor").focus()
    page.keyboard.press("0")
    expect(page.locator("#zoom-all")).to_be_disabled()
    page.mouse.move(0, 0)
    x, y = page.wait_for_function(WHERE, arg="robot_0003").json_value()
    page.mouse.move(x, y)
    expect(page.locator("#robot-tip")).to_contain_text("warehouse_robot_0003")
    expect(page.locator("#robot-tip")).to_contain_text(ZONES[1])
    page.mouse.click(x, y)
    expect(page.locator("#operate-robot")).to_have_text("warehouse_robot_0003")
    view.note("warning", "robot", "robot 3 suspended: no answer", (3,))
    expect(page.locator(".robot-events")).to_contain_text("suspended: no answer")


def test_warnings_stay_marked_until_they_are_acknowledged(open_page, view):
    page = open_page(DESK)
    view.note("warning", "battery", "robot 8: battery at 20 % or less", (8,))
    line = page.locator("#event-lines li").filter(has_text="robot 8: battery")
    expect(line).to_have_class("warning open")
    expect(page.locator("#acknowledge")).to_be_disabled()
    page.click("#unlock")
    page.fill("#token", TOKEN)
    page.keyboard.press("Enter")
    page.click("#acknowledge")
    expect(page.locator("#acknowledge")).to_have_text("All acknowledged")
    expect(line).to_have_class("warning")


def test_low_batteries_are_told_above_all_and_listed(open_page, view):
    page = open_page(DESK)
    flat = np.zeros(2, np.float32)
    try:
        view.hear_floor(np.array([3, 4], np.uint32), 0, 1.0, x=flat, y=flat, yaw=flat, charge=np.float32([0.1, 0.8]))
        expect(page.locator("#alerts")).to_contain_text("Battery low: warehouse_robot_0003.")
        page.select_option("#roster-show", "low")
        expect(page.locator("#roster-count")).to_have_text("1 of 40")
    finally:
        view.hear_floor(np.array([3], np.uint32), 0, 1.0, charge=np.float32([np.nan]), x=flat[:1] * np.nan)
        view.robots.low.clear()
        view.put("low", [])


def test_training_is_out_of_reach_where_there_is_no_trainer(open_page, view):
    page = open_page(DESK)
    expect(page.locator("#tab-trainer")).to_be_disabled()
    view.put("trainer", {"train": True, "cancel": True, "deploy": True, "rollback": True})
    page.click("#tab-trainer")
    expect(page.locator("#panel-trainer")).to_be_visible()
    view.put("trainer", None)
    expect(page.locator("#panel-robots")).to_be_visible()


def test_the_slider_goes_to_any_tick_of_a_record(browser, make_run, serving):
    game, record = make_run("deliveries")
    view = FleetView("run.npz")
    fleet = RecordedFleet(view, record, game)
    with serving(DashboardServer(view, fleet, Access("127.0.0.1", ""), load_page(), fleet)) as address:
        page = browser.new_context(viewport=DESK).new_page()
        page.goto(address)
        slider = page.get_by_role("slider", name="Tick of the record")
        expect(page.locator("#record-text")).to_have_text("tick 399, 400 of 400")
        expect(page.locator("#stop")).to_be_hidden()
        slider.fill("120")
        expect(page.locator("#record-text")).to_have_text("tick 120, 121 of 400")
        expect(page.locator("#tick")).to_have_text("120")
        slider.press("ArrowRight")
        expect(page.locator("#tick")).to_have_text("121")
        page.click("#record-play")
        expect(page.locator("#record-text")).to_contain_text("tick 12")
        expect(page.locator("#record-play")).to_have_text("Stop")
        page.wait_for_function("() => Number(document.getElementById('tick').textContent) > 122")


def test_of_a_record_the_table_shows_what_a_record_knows_and_cuts_nothing(browser, make_run, serving):
    game, record = make_run("deliveries")
    view = FleetView("run.npz")
    fleet = RecordedFleet(view, record, game)
    with serving(DashboardServer(view, fleet, Access("127.0.0.1", ""), load_page(), fleet)) as address:
        page = browser.new_context(viewport=LAPTOP).new_page()
        page.goto(address)
        expect(page.locator("#record-text")).to_have_text("tick 399, 400 of 400")
        heads = page.locator("#roster").get_by_role("columnheader").filter(visible=True)
        expect(heads).to_have_text(["Robot", "State", "Zone", "Age"])
        assert page.evaluate(CUT, "#roster span") == []
        assert page.evaluate(ASIDE) == 0


def test_a_rung_is_shown_where_it_is_not_the_number_of_reports(open_page, view, account):
    page = open_page(DESK)
    rung = page.locator("#charts .values span", has_text="rung")
    expect(page.locator("#charts .values span", has_text="heard")).to_be_visible()
    expect(rung).to_be_hidden()
    view.hear_status(replace(account, tick=account.tick + 500, rung=25), (3, 5), {3: 1, 5: 2})
    expect(rung).to_have_text("25 rung")
