"""A run is divided where k, the observation model or the policy was changed, and nowhere else."""

import pytest

from altmarl_ros.protocol.standby import Handover
from altmarl_ros.records.rows import Configuration, StatusRow
from altmarl_ros.records.run_log import RunLog
from altmarl_ros.records.segments import Segment, segments
from altmarl_ros.simulation.markov_world import Truth

ABOUT = {"k": 5, "model": "filtered", "policy": "pair.npz"}


def log_of(policies, configurations=(), sessions=None):
    log = RunLog()
    for t, policy_id in enumerate(policies):
        session = 1 if sessions is None else sessions[t]
        log.statuses[session, t] = StatusRow(0.1 * t, session, t, policy_id, 0, 0, 5, 5, 5, 10, 0.0, 3, 0.1, (1.0,))
        log.truths[session, t] = Truth(session, t, (1,), (0,), (0,), (1,))
    for told in configurations:
        log.configurations[told.session, told.tick] = told
    return log


def told_at(tick, k, *, policy_id=7, file="pair.npz", model="filtered", session=1):
    parameters = {"sampling.k": k, "sampling.model": model, "policy.file": file}
    return Configuration(session, tick, "small", "abc", "def", policy_id, parameters, Handover())


def divided(log):
    record = log.record(ABOUT)
    return segments(record.about, len(record.tick))


def test_a_run_that_was_left_alone_is_one_segment():
    log = log_of([7] * 4, [told_at(0, 5)])
    assert "segments" not in log.record(ABOUT).about
    assert divided(log) == [Segment(0, 4, 5, "filtered", "pair.npz")]


def test_a_takeover_that_changes_nothing_divides_nothing():
    assert len(divided(log_of([7] * 4, [told_at(0, 5), told_at(2, 5, session=2)], sessions=[1, 1, 2, 2]))) == 1


def test_every_change_begins_a_segment():
    log = log_of(
        [7, 7, 7, 7, 9, 9],
        [told_at(0, 5), told_at(2, 3), told_at(3, 3, model="fresh"), told_at(4, 3, model="fresh", policy_id=9, file="new.npz")],
    )
    assert divided(log) == [
        Segment(0, 2, 5, "filtered", "pair.npz", 7),
        Segment(2, 3, 3, "filtered", "pair.npz", 7),
        Segment(3, 4, 3, "fresh", "pair.npz", 7),
        Segment(4, 6, 3, "fresh", "new.npz", 9),
    ]


@pytest.mark.parametrize("configurations", [(), (told_at(0, 5),)], ids=["none", "of the first policy"])
def test_the_file_of_a_policy_that_nobody_told_is_not_known(configurations):
    first, second = divided(log_of([7, 9], configurations))
    assert (first.policy, second.policy) == ("pair.npz", "")
    assert (second.begin, second.policy_id) == (1, 9)


def test_segments_are_kept_in_a_record(tmp_path):
    record = log_of([7, 7, 9], [told_at(0, 5), told_at(1, 2)]).record(ABOUT)
    loaded = type(record).load(record.save(tmp_path / "run.npz"))
    assert segments(loaded.about, 3) == segments(record.about, 3)
    assert len(segments(loaded.about, 3)) == 3


def test_a_description_without_a_rule_is_told():
    with pytest.raises(KeyError, match="model"):
        segments({"k": 1, "policy": "x"}, 3)
