"""A bag of robots that drive is as good without what only a simulation knows, recorded and read by real processes."""

import json
import signal
from collections import Counter

import numpy as np
import pytest
from rosbags.rosbag2 import Reader
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from typer.testing import CliRunner

from altmarl_ros.cli.main import app
from altmarl_ros.cli.runs import load_log, load_run
from altmarl_ros.dashboard.frames import decode
from altmarl_ros.dashboard.recorded import RecordedFleet
from altmarl_ros.dashboard.robots import GONE
from altmarl_ros.dashboard.view import Cursor, FleetView
from altmarl_ros.deployment.fleet_plan import FleetPlan
from altmarl_ros.games import load_floor_map, load_game
from altmarl_ros.games.trajectory import UNKNOWN
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.policies import save_bundle
from altmarl_ros.records.bag import BagWriter
from altmarl_ros.records.bag_reader import BagReader

pytestmark = [pytest.mark.ros, pytest.mark.untimed]

ROBOTS, TICKS = 3, 16
OF_SIMULATIONS = ("/fleet/truth", "/world/floor")
DRIVES = {f"/robot_{i}/robot/drive" for i in range(ROBOTS)}


def altmarl(*arguments):
    """The output of a command line in this process, which has to succeed."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture
def recorded(fleet, recorder, tmp_path):
    """A bag of a simulated fleet on wheels."""
    policy = save_bundle(
        train(load_game("hall"), TrainingOptions(K=2, runs=20, n=20, certificate_runs=0)), tmp_path / "hall.npz"
    )
    process = recorder(tmp_path / "whole")
    plan = FleetPlan("hall", policy, ROBOTS, 1, period=5.0, processes=1, ticks=TICKS, backend="physical", real_time_factor=0.0)
    running = fleet(plan)
    running.start()
    running.wait_until(lambda: len(running.log.truths.keys() & running.log.statuses.keys()) >= TICKS - 2, 150, "the ticks")
    running.listen(2.0)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 0, output
    return tmp_path / "whole"


def without(bag, to, topics):
    """A copy of a bag without these topics."""
    reader, known = BagReader(bag), set()
    with BagWriter(to) as writer:
        for message in reader:
            if message.topic not in topics:
                if message.topic not in known:
                    known.add(message.topic)
                    writer.add_topic(reader.topics[message.topic])
                writer.write(message.topic, message.data, message.received, message.sent)
    return to


def test_a_bag_without_truth_tells_what_one_with_it_tells(recorded, tmp_path):
    check_drives(recorded)
    bare = without(recorded, tmp_path / "bare", OF_SIMULATIONS)
    true, told = load_run(recorded), load_run(bare)
    assert told.about["states"]["told_ticks"] == len(told.tick) >= TICKS - 2
    assert told.about["robot_ids"] == true.about["robot_ids"] == list(range(ROBOTS))
    _, at, there = np.intersect1d(true.tick, told.tick, return_indices=True)
    assert len(at) >= TICKS - 2
    states, actions = (getattr(true, name)[at] for name in ("local_state", "local_action"))
    assert (told.local_action[there] == actions).mean() > 0.95
    known = told.local_state[there] != UNKNOWN
    assert known.mean() > 0.95
    assert (told.local_state[there] == states)[known].mean() > 0.95
    assert (np.diff(states, axis=0) != 0).any(), "robots that never move would agree in anything"

    page = altmarl("report", bare, "--runs", "10", "--out", tmp_path / "page.html").output
    assert "from the robots' own drive states and reports: 3 robots" in page
    assert json.loads(altmarl("report", bare, "--runs", "10", "--json").stdout)["robot_ticks_not_acted_once"] == 0
    seen = [json.loads(altmarl("identify", bag, "--game", "hall", "--json").stdout) for bag in (recorded, bare)]
    assert seen[1]["transitions"] == pytest.approx(seen[0]["transitions"], rel=0.1)
    for command in ("identify", "compare"):
        assert "drive states" in altmarl(command, bare, "--game", "hall").output
    assert "0 different" in altmarl("replay", bare).output
    film = ("--seconds", "0.3", "--width", "320", "--out", tmp_path / "film.gif", "--json")
    assert json.loads(altmarl("film", bare, *film).stdout)["view"] == "board"
    check_dashboard(bare, told)

    nothing = without(bare, tmp_path / "nothing", DRIVES)
    result = CliRunner().invoke(app, ["report", str(nothing)])
    assert result.exit_code != 0
    assert "/robot_1/robot/drive" in str(result.exception)


def check_drives(bag):
    """One message of each robot and tick, with its definition."""
    with Reader(bag) as reader:
        drives = [connection for connection in reader.connections if connection.topic.endswith("/drive")]
        assert {connection.topic for connection in drives} == DRIVES
        store = get_typestore(Stores.EMPTY)
        store.register(get_types_from_msg(drives[0].msgdef.data, drives[0].msgtype))
        assert store.hash_rihs01(drives[0].msgtype) == drives[0].digest
        acted = Counter()
        for connection, _, data in reader.messages(drives):
            message = store.deserialize_cdr(data, connection.msgtype)
            acted[message.robot_id, message.session, message.tick, message.local_action != message.UNKNOWN] += 1
    assert max(count for (*_, action), count in acted.items() if action) == 1


def check_dashboard(bag, record):
    view = FleetView(str(bag))
    RecordedFleet(view, record, load_game("hall"), load_floor_map("hall"), load_log(bag)).seek(len(record.tick) - 1)
    head, columns = decode(view.take(Cursor()))
    assert len(head["rows"]) == len(record.tick)
    gone = dict(zip(columns["id"].tolist(), (columns["mark"] & GONE) != 0, strict=True))
    assert gone == dict(enumerate(record.local_state[-1] == UNKNOWN))
