import dataclasses

import pytest

from altmarl_ros.errors import AltmarlError
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.learning.counts.backups import GLearnOptions
from altmarl_ros.learning.shares.solver import SharesOptions
from altmarl_ros.learning.training_state import fingerprint, read_state, write_state

OPTIONS = TrainingOptions(K=3, runs=30, n=50, rounds=4, horizon=40, certificate_runs=0, g_learn=GLearnOptions(backup="exact"))


class Interrupted(Exception):
    pass


def interrupt_after(stage, count):
    seen = []

    def tell(progress):
        seen.append(progress.stage)
        if seen.count(stage) == count:
            raise Interrupted

    return tell


@pytest.fixture(scope="module")
def uninterrupted(warehouse):
    return train(warehouse, OPTIONS)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state"


@pytest.fixture
def every_rung_is_kept(monkeypatch):
    monkeypatch.setattr("altmarl_ros.learning.training_state._PATIENCE", -1.0)


def same(one, other):
    assert one.policy_id == other.policy_id
    for a, b in zip(one.report["steps"], other.report["steps"], strict=True):
        assert {**a, "seconds": 0} == {**b, "seconds": 0}


@pytest.mark.usefixtures("every_rung_is_kept")
@pytest.mark.parametrize(("stage", "count", "first"), [("rounds", 3, ("rounds", 2)), ("ladder", 3, ("ladder", 4))])
def test_an_interrupted_training_goes_on_and_ends_the_same(warehouse, uninterrupted, path, stage, *, count, first):
    with pytest.raises(Interrupted):
        train(warehouse, OPTIONS, interrupt_after(stage, count), path)
    told = []
    resumed = train(warehouse, OPTIONS, told.append, path)
    assert (told[0].stage, told[0].done) == first
    same(resumed, uninterrupted)
    assert not path.exists()


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2, 3])
def test_an_interrupted_training_over_shares_goes_on_and_ends_the_same(warehouse, path, count):
    options = dataclasses.replace(OPTIONS, rounds=2, g_learn=GLearnOptions(), shares=SharesOptions(points=100))
    whole = train(warehouse, options)
    with pytest.raises(Interrupted):
        train(warehouse, options, interrupt_after("rounds", count), path)
    told = []
    resumed = train(warehouse, options, told.append, path)
    assert resumed.kind == "shares"
    assert len(told) == len(whole.report["steps"]) - (2 if count == 3 else 0)
    same(resumed, whole)


@pytest.mark.slow
def test_a_training_interrupted_twice_still_ends_the_same(warehouse, uninterrupted, path):
    for count in (3, 1):
        with pytest.raises(Interrupted):
            train(warehouse, OPTIONS, interrupt_after("rounds", count), path)
    same(train(warehouse, OPTIONS, state_path=path), uninterrupted)


@pytest.mark.slow
@pytest.mark.parametrize("harm", ["truncate", "alter", "other options", "not a zip"])
def test_a_state_that_does_not_fit_is_not_gone_on_with(warehouse, uninterrupted, path, harm):
    options = dataclasses.replace(OPTIONS, seed=1) if harm == "other options" else OPTIONS
    with pytest.raises(Interrupted):
        train(warehouse, options, interrupt_after("rounds", 3), path)
    content = path.read_bytes()
    if harm == "truncate":
        path.write_bytes(content[: len(content) // 2])
    elif harm == "alter":
        path.write_bytes(content[:200] + bytes([content[200] ^ 255]) + content[201:])
    elif harm == "not a zip":
        path.write_bytes(b"{}")
    told = []
    same(train(warehouse, OPTIONS, told.append, path), uninterrupted)
    assert (told[0].stage, told[0].done) == ("rounds", 1)


def test_a_state_that_cannot_be_written_is_named(warehouse, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(AltmarlError, match="file/state: cannot be written"):
        train(warehouse, OPTIONS, state_path=tmp_path / "file" / "state")


def test_time_spent_before_an_interruption_counts(warehouse, path):
    with pytest.raises(Interrupted):
        train(warehouse, OPTIONS, interrupt_after("rounds", 3), path)
    kept = read_state(fingerprint(warehouse, OPTIONS), path, warehouse)
    write_state(dataclasses.replace(kept, seconds=1000.0), fingerprint(warehouse, OPTIONS), path)
    assert 1000.0 < train(warehouse, OPTIONS, state_path=path).report["seconds"] < 1100.0
