"""A dashboard over a record shows any tick of it, and changes nothing."""

import asyncio

import pytest

from altmarl_ros.dashboard.frames import decode
from altmarl_ros.dashboard.recorded import CHARTED, RecordedFleet
from altmarl_ros.dashboard.robots import GONE
from altmarl_ros.dashboard.view import Cursor, FleetView
from altmarl_ros.games import load_floor_map
from altmarl_ros.records.rows import FloorRow, StatusRow
from altmarl_ros.records.run_log import RunLog

T = 400  # ticks of a run that is made


def test_any_tick_is_shown_and_charts_end_there(make_run):
    game, record = make_run("deliveries")
    view, cursor = FleetView("run.npz"), Cursor()
    fleet = RecordedFleet(view, record, game)
    head, columns = decode(view.take(cursor))
    assert head["record"] == {"at": T - 1, "count": T}
    assert len(head["rows"]) == CHARTED
    assert [bool(mark & GONE) for mark in columns["mark"]] == [False, True, False], "robot 6 has left"
    assert head["hidden_state"] == 3
    fleet.seek(100)
    head, columns = decode(view.take(cursor))
    assert head["starts"] == 2
    fields = view._parts["fleet"][1]["fields"]
    rows = [dict(zip(fields, row, strict=True)) for row in head["rows"]]
    assert [row["tick"] for row in rows] == list(range(101))
    assert rows[-1]["true_reward"] == pytest.approx(record.rewards(game)[100], rel=1e-4)
    assert rows[-1]["reward"] is None, "a record does not say what the coordinator thought it earned"
    assert columns["state"].tolist() == [100 % game.n_local_states, 1, 1]
    assert head["hidden_state"] == 1
    assert not (columns["mark"] & GONE).any()
    fleet.seek(10**9)
    assert decode(view.take(cursor))[0]["record"]["at"] == T - 1
    assert view.take(cursor) is None


def test_a_bag_tells_who_was_heard_and_where_robots_were(make_run):
    game, record = make_run("hall")
    log = RunLog()
    for t in range(T):
        answers = ((5, t % 5),) if t == 150 else ()
        row = StatusRow(0.5 * t, 2, t, 9, 0, 0, 2, 1, 2, 100, 0.1, 3, 0.1, (0.2,) * 5, answers)
        log.statuses[2, t] = row
    log.floors = {time: FloorRow(time, 1.0, 0, {5: (time, 2.0)}, {5: 0.5}) for time in (0.0, 75.0, 190.0)}
    view = FleetView("run_bag")
    RecordedFleet(view, record, game, load_floor_map("hall"), log).seek(150)
    head, columns = decode(view.take(Cursor()))
    at = columns["id"].tolist().index(5)
    assert columns["x"][at] == 75.0
    assert columns["mark"][at] & 2
    assert columns["age"][at] == 0
    assert head["rows"][-1][head["fleet"]["fields"].index("policy")] == 9


def test_nothing_in_a_record_can_be_changed(make_run):
    game, record = make_run("warehouse")
    fleet = RecordedFleet(FleetView("run.npz"), record, game)
    refused = [fleet.change("/coordinator", {"k": 1}), fleet.stop(True), fleet.train("train"), fleet.operate(5, "hold", "")]

    async def answers():
        return await asyncio.gather(*refused)

    assert not any(outcome.successful for outcome in asyncio.run(answers()))
