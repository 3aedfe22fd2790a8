from dataclasses import fields, replace

import numpy as np
import pytest

from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import TabularGame
from altmarl_ros.games.identification import count_transitions
from altmarl_ros.games.trajectory import UNKNOWN
from altmarl_ros.records.robot_states import drawn_states, states_in_words
from altmarl_ros.records.rows import StatusRow
from altmarl_ros.records.run_log import RunLog
from altmarl_ros.records.run_record import RunRecord
from altmarl_ros.simulation.markov_world import Truth

S = 9  # session


def status(tick, global_state=0, global_action=0):
    return StatusRow(
        stamp=0.5,
        session=S,
        tick=tick,
        policy_id=1,
        global_state=global_state,
        global_action=global_action,
        asked=3,
        heard=2,
        rung=2,
        report_bytes=40,
        latency=0.125,
        live=3,
        sampling_error=0.5,
        estimate=(0.25, 0.75),
    )


def log_of(statuses, truths, reports=()):
    log = RunLog()
    log.statuses = {(row.session, row.tick): row for row in statuses}
    log.truths = {(truth.session, truth.tick): truth for truth in truths}
    log.reports.update((S, tick) for tick in reports)
    return log


@pytest.fixture
def record():
    """Two ticks; robot 4 joins for the second one, robot 2 misses it."""
    truths = [Truth(S, 0, (1, 2), (0, 1), (1, 0), (1, 1)), Truth(S, 1, (1, 2, 4), (1, 1, 0), (0, None, 1), (1, 0, 2))]
    return log_of([status(0, 1, 0), status(1, 0, 1)], truths, [0, 0, 1]).record({"game": "small"})


@pytest.mark.parametrize("at_hand", [1, 3, 7, 100])
def test_a_record_of_ticks_that_were_put_away_is_the_record_of_all(tmp_path, at_hand):
    rng = np.random.default_rng(0)
    whole, spilled = RunLog(), RunLog(at_hand, tmp_path / "runs" / "one")
    for tick in range(20):
        actions = tuple(None if rng.random() < 0.2 else int(rng.integers(3)) for _ in range(3))
        truth = Truth(S, tick, (1, 2, 4), tuple(rng.integers(2, size=3).tolist()), actions, (1, 0, 2))
        row = replace(status(tick, int(rng.integers(2)), 0), latency=float(rng.random()), answers=((1, 0), (4, 1)))
        for log in (whole, spilled):
            log.reports[S, tick] += 2
            log.forget_old()
            log.statuses[S, tick] = row
            log.forget_old()
            log.truths[S, tick] = truth
            log.forget_old()
        assert len(spilled.statuses) <= at_hand
    assert (spilled.heard_ticks, spilled.true_ticks, spilled.sessions) == (20, 20, 1)
    assert spilled.mean("latency") == pytest.approx(whole.mean("latency"))
    for ticks in (None, 5):
        one, other = (log.record({"game": "small"}, ticks) for log in (whole, spilled))
        for field in fields(one):
            if field.name != "about":
                np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), err_msg=field.name)
    assert one.about == other.about


def test_a_full_disk_is_told_when_the_record_is_made(tmp_path):
    (tmp_path / "folder").write_text("a file, in which no other can be")
    log = RunLog(1, tmp_path / "folder" / "runs")
    for tick in range(3):
        log.statuses[S, tick] = status(tick, 0, 0)
        log.truths[S, tick] = Truth(S, tick, (1,), (0,), (0,), (1,))
        log.forget_old()
    with pytest.raises(AltmarlError, match="the record is incomplete: "):
        log.record({})


@pytest.fixture
def game():
    half = np.full((2, 2, 2), 0.5)
    r_l = np.array([[[1.0, 2.0], [3.0, 4.0]], [[10.0, 20.0], [30.0, 40.0]]])  # [s_l, s_g, a_l]
    return TabularGame("small", half, np.full((2, 2, 2, 2), 0.5), np.array([[100.0, 200.0], [300.0, 400.0]]), r_l, gamma=0.9)


def test_record_lines_up_robots_that_come_and_go(record):
    np.testing.assert_array_equal(record.local_state, [[0, 1, UNKNOWN], [1, 1, 0]])
    np.testing.assert_array_equal(record.local_action, [[1, 0, UNKNOWN], [0, UNKNOWN, 1]])
    np.testing.assert_array_equal(record.actions, [[1, 1, 0], [1, 0, 2]])
    np.testing.assert_array_equal(record.reports, [2, 1])
    np.testing.assert_array_equal(record.global_state, [1, 0])
    assert record.about == {"game": "small", "robot_ids": [1, 2, 4]}


def test_rewards_are_those_of_the_robots_that_acted(record, game):
    first = 300.0 + (4.0 + 30.0) / 2
    second = 200.0 + (10.0 + 2.0) / 2
    np.testing.assert_allclose(record.rewards(game), [first, second])


def test_reward_is_the_global_one_where_nobody_acted(game):
    record = log_of([status(0, 1, 1)], [Truth(S, 0, (1,), (0,), (None,), (0,))]).record({})
    np.testing.assert_array_equal(record.rewards(game), [400.0])


def test_occupancy_counts_the_robots_that_are_there(record):
    np.testing.assert_array_equal(record.occupancy(2), [[1, 1], [1, 2]])


def test_ticks_known_from_one_side_only_are_left_out():
    truths = [Truth(S, tick, (1,), (0,), (0,), (1,)) for tick in (1, 2, 3)]
    record = log_of([status(tick) for tick in (0, 1, 2)], truths).record({})
    np.testing.assert_array_equal(record.tick, [1, 2])


def test_order_of_arrival_does_not_matter():
    truths = [Truth(S, tick, (1,), (tick % 2,), (0,), (1,)) for tick in range(4)]
    record = log_of([status(tick) for tick in (1, 0, 3, 2)], truths[::-1]).record({})
    np.testing.assert_array_equal(record.tick, [0, 1, 2, 3])
    np.testing.assert_array_equal(record.local_state[:, 0], [0, 1, 0, 1])


def test_only_the_ticks_asked_for_are_recorded():
    truths = [Truth(S, tick, (1,), (0,), (0,), (1,)) for tick in range(5)]
    assert len(log_of([status(tick) for tick in range(5)], truths).record({}, ticks=3).tick) == 3


def test_nothing_to_record_is_an_error():
    for drives in ({}, {(S, 7): {1: (0, 0)}}, {(S + 1, 0): {1: (0, 0)}}):  # of no tick, of another one, of another fleet
        log = log_of([replace(status(0), answers=((1, 0),))], [])
        log.drives = drives
        with pytest.raises(AltmarlError, match=r"no tick has both .* drive states of robots"):
            log.record({})


@pytest.fixture
def told():
    """Three ticks of robots that drive, of one without a drive that is heard in the second tick, and of one more tick."""
    rows = [replace(status(tick), answers=((1, 0), (7, 1)) if tick == 1 else ()) for tick in range(4)]
    log = log_of(rows, [])
    log.drives = {(S, 0): {1: (0, 1)}, (S, 1): {1: (1, 0), 4: (0, 1)}, (S, 2): {4: (1, 1)}}
    return log


def test_robots_tell_what_no_truth_tells(told):
    record = told.record({"game": "small"})
    np.testing.assert_array_equal(record.tick, [0, 1, 2])
    np.testing.assert_array_equal(record.local_state, [[0, UNKNOWN, UNKNOWN], [1, 0, 1], [UNKNOWN, 1, UNKNOWN]])
    np.testing.assert_array_equal(record.local_action, [[1, UNKNOWN, UNKNOWN], [0, 1, UNKNOWN], [UNKNOWN, 1, UNKNOWN]])
    np.testing.assert_array_equal(record.actions, np.where(record.local_action == UNKNOWN, UNKNOWN, 1))
    assert record.about["robot_ids"] == [1, 4, 7]
    assert record.about["states"] == {"told_ticks": 3, "ticks": 3, "robots": 3, "known": 0.5556, "acted": 0.4444}
    said = "3 robots, 55.6 % of robot-ticks known, 44.4 % with the action"
    assert states_in_words(record.about) == f"from the robots' own drive states and reports: {said}"


def test_the_truth_counts_where_it_is_known(told):
    told.truths[S, 1] = Truth(S, 1, (1, 4), (0, 1), (1, None), (2, 0))
    record = told.record({})
    np.testing.assert_array_equal(record.local_state, [[0, UNKNOWN], [0, 1], [UNKNOWN, 1]])
    np.testing.assert_array_equal(record.local_action, [[1, UNKNOWN], [1, UNKNOWN], [UNKNOWN, 1]])
    np.testing.assert_array_equal(record.actions, [[1, UNKNOWN], [2, 0], [UNKNOWN, 1]])
    assert states_in_words(record.about).startswith("in 2 of 3 ticks from the robots' own")
    for tick in (0, 2):
        told.truths[S, tick] = Truth(S, tick, (1,), (0,), (0,), (1,))
    assert states_in_words(told.record({}).about) == ""


def test_robots_of_types_tell_their_state_within_their_type(told):
    record = told.record({}, first_states={1: 0, 4: 2, 7: 2})
    np.testing.assert_array_equal(record.local_state[1], [1, 2, 1])  # reports were told with their type


def test_a_robot_that_is_silent_for_a_while_is_drawn_where_it_was():
    about = {"states": {"told_ticks": 5, "ticks": 5, "robots": 2, "known": 0.5, "acted": 0.5}}
    states = np.array([[UNKNOWN, 0], [3, UNKNOWN], [UNKNOWN, 2], [UNKNOWN, UNKNOWN], [4, UNKNOWN]])
    drawn = [[UNKNOWN, 0], [3, 0], [3, 2], [3, UNKNOWN], [4, UNKNOWN]]
    np.testing.assert_array_equal(drawn_states(states, about), drawn)
    np.testing.assert_array_equal(drawn_states(states, {}), states)


def test_no_transition_goes_over_what_is_not_known(told, game):
    counts = count_transitions(game, told.record({}).trajectory)
    expected = np.zeros((2, 2, 2, 2), dtype=np.int64)
    expected[0, 0, 1, 1] = 2  # robot 1 from the first tick, robot 4 from the second; robot 7 tells no action
    np.testing.assert_array_equal(counts, expected)


def test_round_trip(record, tmp_path):
    loaded = RunRecord.load(record.save(tmp_path / "deep" / "run.npz"))
    assert loaded.about == record.about
    for field in fields(record):
        if field.name != "about":
            np.testing.assert_array_equal(getattr(loaded, field.name), getattr(record, field.name))


def altered(record, path, **changes):
    with np.load(record.save(path)) as file:
        arrays = {**{name: file[name] for name in file.files}, **changes}
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})


@pytest.mark.parametrize(
    "changes",
    [
        {"tick": None},
        {"tick": np.arange(3)},
        {"tick": np.array(0)},
        {"about": None},
        {"about": np.frombuffer(b"{", np.uint8)},
        {"about": np.frombuffer(b"[1, 2]", np.uint8)},
        {"about": np.frombuffer(b"[" * 100_000, np.uint8)},
        {"heard": np.array([print, print])},
    ],
)
def test_altered_file_is_refused(record, tmp_path, changes):
    altered(record, tmp_path / "run.npz", **changes)
    with pytest.raises(AltmarlError, match=r"run\.npz: is (damaged|not an \.npz file)"):
        RunRecord.load(tmp_path / "run.npz")


@pytest.mark.parametrize("share", [0.0, 0.5, 0.95])
def test_truncated_file_is_refused(record, tmp_path, share):
    path = record.save(tmp_path / "run.npz")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(AltmarlError, match=r"run\.npz: is not an \.npz file"):
        RunRecord.load(path)


def test_missing_file_and_unwritable_place_are_errors(record, tmp_path):
    with pytest.raises(AltmarlError, match=r"run\.npz: cannot be read"):
        RunRecord.load(tmp_path / "run.npz")
    with pytest.raises(AltmarlError, match="cannot be written"):
        record.save(tmp_path)
