"""What a browser is told, and what is noted, as a fleet goes on."""

from dataclasses import replace

import numpy as np
import pytest

from altmarl_ros.dashboard.frames import decode
from altmarl_ros.dashboard.view import Cursor, FleetView
from altmarl_ros.games import load_floor_map, load_game


@pytest.fixture
def view():
    made = FleetView("/fleet")
    made.set_game(load_game("warehouse"), None, {"name": "warehouse", "hash": "", "note": ""})
    return made


def texts(view):
    return [event["text"] for event in view.events.since(0)]


def test_a_browser_is_told_all_at_first_and_then_what_changed(view, account):
    cursor = Cursor()
    head, columns = decode(view.take(cursor))
    assert head["game"]["zones"][0] == "zone A"
    assert view.take(cursor) is None
    view.hear_status(account, (3, 5), {3: 1})
    head, columns = decode(view.take(cursor))
    assert "game" not in head
    assert len(head["rows"]) == 1
    assert columns["id"].tolist() == [3, 5]
    assert columns["state"].tolist() == [1, 65535]
    assert view.take(cursor) is None
    view.hear_tick(1, 1, (7,))
    head, columns = decode(view.take(cursor))
    assert "rows" not in head
    assert columns["mark"].tolist() == [0, 0, 1]
    late, _ = decode(view.take(Cursor()))
    assert len(late["rows"]) == 1
    assert late["game"]["zones"][0] == "zone A"


def test_a_slow_browser_gets_one_message_of_all_that_it_missed(view, account):
    cursor = Cursor()
    view.take(cursor)
    for tick in range(5000):
        view.hear_status(replace(account, tick=tick, stamp=float(tick)), (tick % 9,), {tick % 9: 0})
    frame = view.take(cursor)
    assert len(decode(frame)[0]["rows"]) == 600
    assert len(frame) < 200_000
    assert view.take(cursor) is None


def test_a_browser_is_told_what_robots_say_of_their_motion(view):
    cursor = Cursor()
    view.take(cursor)
    view.hear_drive(7, 1, "blocked: obstacle in the protective field")
    assert decode(view.take(cursor))[0]["drives"] == {"7": [1, "blocked: obstacle in the protective field"]}
    view.hear_drive(7, 1, "blocked: obstacle in the protective field")
    assert view.take(cursor) is None
    assert "drives" in decode(view.take(Cursor()))[0]


def test_a_browser_is_told_who_has_which_robot(view, account):
    cursor = Cursor()
    view.hear_status(account, (3, 5), {3: 1})
    view.take(cursor)
    held = replace(account, tick=1, live=account.live - 1, operated={5: "held by anna"}, on_roster=1)
    view.hear_status(held, (), {})
    assert decode(view.take(cursor))[0]["operated"] == {"5": "held by anna"}
    assert texts(view)[-1] == "robot 5 held by anna"
    view.hear_status(replace(account, tick=2), (), {})
    assert decode(view.take(cursor))[0]["operated"] == {}
    assert texts(view)[-1] == "robot 5 given back by its operator"
    assert not any("suspended" in text for text in texts(view))


def test_what_happens_is_noted_once(view, account):
    view.hear_status(account, (), {})
    view.hear_status(replace(account, tick=1, stamp=101.0, next_policy_id=9), (), {})
    view.hear_status(replace(account, tick=2, stamp=102.0, policy_id=9, next_policy_id=9, missed_ticks=2), (), {})
    view.hear_status(replace(account, session=2, stamp=103.0, policy_id=9, next_policy_id=9), (), {})
    assert texts(view) == [
        "session 1, policy 00000007",
        "policy 00000009 announced",
        "policy 00000009 from tick 2 on",
        "2 ticks began late",
        "session 2, policy 00000009",
    ]


def test_parameters_diagnoses_and_stops_are_noted_when_they_change(view):
    view.configure(1, {"sampling.k": 5, "paused": False})
    view.configure(1, {"sampling.k": 3, "paused": False})
    view.configure(2, {"sampling.k": 4, "paused": False})  # another coordinator's
    for level in (0, 1, 1, 0):
        view.hear_diagnosis("/coordinator: ticks", level, f"level {level}")
    for pressed in (False, True, True, False):
        view.set_stopped(pressed)
    assert texts(view) == [
        "sampling.k: 5 → 3",
        "/coordinator: ticks: level 1",
        "/coordinator: ticks: level 0",
        "emergency stop of the fleet pressed",
        "emergency stop of the fleet released",
    ]


def test_the_past_that_a_latecomer_is_told_is_no_event(view, account):
    view.hear_status(account, (), {}, live=False)
    assert texts(view) == []
    assert decode(view.take(Cursor()))[0]["rows"]


def test_suspended_robots_are_named(view, account):
    for tick in range(4):
        live = 2 if tick < 3 else 1
        view.hear_status(replace(account, tick=tick, stamp=100.0 + tick, robots=2, live=live), (0, 1), {0: 0})
    view.hear_status(replace(account, tick=4, stamp=104.0, robots=2, live=2), (1,), {1: 0})
    assert texts(view)[1:] == ["robot 1 suspended: no answer", "robot 1 back in the draw"]


def test_a_crowd_that_is_told_by_counts_gives_true_shares(view, account):
    view.hear_status(account, (), {})
    empty = np.array([], np.uint16)
    counts = np.array([[1, 1, 0], [2, 0, 0], [0, 0, 0], [0, 0, 4], [0, 0, 0]])
    view.hear_truth(1, 0, ids=empty.astype(np.uint32), states=empty, actions=empty, none=65535, counts=counts.ravel())
    head, _ = decode(view.take(Cursor()))
    assert head["truth"] == [0.25, 0.25, 0, 0.5, 0]


def test_a_fleet_whose_game_is_not_here_is_shown_by_numbers(account):
    view = FleetView("/fleet")
    view.set_game(None, None, {"name": "secret", "hash": "", "note": "not here"})
    view.hear_status(replace(account, estimate=(0.5, 0.5)), (1,), {1: 0})
    game = decode(view.take(Cursor()))[0]["game"]
    assert game["zones"] == ["zone 0", "zone 1"]
    assert game["note"] == "not here"
    assert game["served"] == []  # three global actions were seen


def test_a_floor_is_drawn_in_metres():
    view = FleetView("/fleet")
    view.set_game(load_game("hall"), load_floor_map("hall"), {})
    view.hear_floor(np.array([2], np.uint32), 1, 4.0, x=np.float32([3.0]), y=np.float32([2.0]), yaw=np.float32([0.0]))
    head, columns = decode(view.take(Cursor()))
    assert head["game"]["metres"]
    assert head["game"]["places"][0]["polygon"][0] in ([6.0, 0.0], [0.0, 0.0])
    assert columns["x"].tolist() == [3.0]
    assert texts(view) == ["1 contact on the floor, 1 so far"]


def test_a_browser_is_told_the_belief_of_a_hidden_state_and_the_true_one(loads, account):
    view, cursor = FleetView("/fleet"), Cursor()
    view.set_game(loads, None, {})
    assert decode(view.take(cursor))[0]["game"]["hidden"] == ["orders east", "orders west"]
    view.hear_status(replace(account, global_action=1, estimate=(0.5, 0.25, 0.25), belief=(0.125, 0.875)), (), {})
    head, _ = decode(view.take(cursor))
    assert (head["belief"], head["hidden_state"]) == ([0.125, 0.875], None)
    robots, states, actions = np.arange(2, dtype=np.uint32), np.array([0, 2], np.uint16), np.ones(2, np.uint16)
    truth = {"ids": robots, "states": states, "actions": actions, "none": 65535, "counts": np.zeros(0, np.int64)}
    view.hear_truth(1, 0, **truth, hidden_state=1)
    head, _ = decode(view.take(cursor))
    assert head["hidden_state"] == 1
    reward = dict(zip(view._parts["fleet"][1]["fields"], head["rows"][0], strict=True))["true_reward"]
    assert reward == pytest.approx(0.45)


def test_an_operator_acknowledges_events_for_all_browsers(view):
    cursor = Cursor()
    for text in ("one", "two", "three"):
        view.note("warning", "robot", text, (7,))
    view.note("info", "robot", "four")
    assert view.acknowledge(2, "10.0.0.7") == 2
    head, _ = decode(view.take(cursor))
    assert head["acknowledged"] == {"number": 2, "who": "10.0.0.7"}
    assert head["events"][0]["robots"] == [7]
    assert view.acknowledge(10**6, "10.0.0.7") == 1, "what has not happened yet is not known"
    view.note("error", "robot", "five")
    assert view.acknowledge(1, "10.0.0.7") == 0
    assert decode(view.take(cursor))[0]["acknowledged"]["number"] == 4


def test_a_battery_is_low_once_until_it_has_recovered(view):
    def charged(*shares):
        ids = np.arange(len(shares), dtype=np.uint32)
        flat = np.zeros(len(shares), np.float32)
        view.hear_floor(ids, 0, 1.0, x=flat, y=flat, yaw=flat, charge=np.float32(shares))

    charged(0.9, 0.19, np.nan)
    charged(0.9, 0.22, np.nan)
    assert decode(view.take(Cursor()))[0]["low"] == [1]
    charged(0.0, 0.26, np.nan)
    assert decode(view.take(Cursor()))[0]["low"] == [0]
    assert texts(view) == [
        "robot 1: battery at 20 % or less",
        "robot 0: battery at 20 % or less",
        "robot 0: battery empty",
    ]


def test_a_robot_without_a_simulation_tells_its_battery_itself(view):
    view.robots.join(4, 1, "/robot_4/robot")
    view.hear_charge(4, 0.15)
    head, columns = decode(view.take(Cursor()))
    assert (head["low"], texts(view)) == ([4], ["robot 4: battery at 20 % or less"])
    assert columns["charge"].tolist() == pytest.approx([0.15])
    assert np.isnan(columns["x"]).all()


def test_loaded_and_empty_robots_are_drawn_at_one_place(view):
    view.set_game(load_game("deliveries"), None, {})
    game = decode(view.take(Cursor()))[0]["game"]
    assert len(game["places"]) == len(game["place_names"]) == 9
    assert game["places"][8]["centre"] == [0.0, 0.0], "the hub is amid the others"
    assert game["place_of"][:4] == [0, 0, 1, 1]
    assert game["kinds"] == ["", "loaded"]
    assert [game["place_names"][p] for p in game["served"]] == [f"drop {i}" for i in range(1, 5)]
    assert [game["place_names"][p] for p in game["demanded"]] == [f"pick-up {i}" for i in range(1, 5)]
