"""Tests that a training in another process is the same training."""

import os
import time
from dataclasses import asdict

import pytest

from altmarl_ros.games.rewards import Rewards
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.learning.counts.backups import GLearnOptions
from altmarl_ros.learning.paired import paired_score
from altmarl_ros.learning.training_job import TrainingJob, TrainingRequest
from altmarl_ros.policies import load_bundle, save_bundle

OPTIONS = TrainingOptions(K=2, rounds=2, n=30, runs=40, certificate_runs=0, seed=3, g_learn=GLearnOptions(threads=1))
REWARDS = Rewards(2.0, 1.0, 0.9, {"previous_reward": 5.0})


@pytest.fixture
def request_for(small_bundle, tmp_path):
    present = save_bundle(small_bundle, tmp_path / "present.npz")

    def make(**changes):
        given = {
            "game": "warehouse",
            "out": str(tmp_path / "out.npz"),
            "present": str(present),
            "n": 30,
            "k": 2,
            "model": "filtered",
            "turnover": 0.2,
            "runs": 40,
            "rewards": asdict(REWARDS),
            "options": asdict(OPTIONS),
            "nice": 7,
        }
        return TrainingRequest(**{**given, **changes})

    return make


def finish(job, seconds=120.0):
    reports, end = [], time.monotonic() + seconds
    while not job.over:
        assert time.monotonic() < end, reports
        reports += job.poll()
        time.sleep(0.02)
    return reports


@pytest.mark.slow
def test_it_says_how_far_it_is_and_what_came_of_it(request_for, small_bundle):
    job = TrainingJob(request_for())
    first = []
    while not first and job.seconds < 60:
        first = job.poll()
        time.sleep(0.01)
    assert os.getpriority(os.PRIO_PROCESS, job.pid) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 7)
    reports = first + finish(job)
    assert {report.kind for report in reports[:-2]} == {"progress"}
    fractions = [report.values["fraction"] for report in reports[:-2]]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    trained, scored = reports[-2:]
    game = REWARDS.of("warehouse")
    expected, found = train(game, OPTIONS, first=small_bundle.pi_l), load_bundle(request_for().out, game)
    assert expected.policy_id == found.policy_id == trained.values["policy_id"]
    assert found.report["rewards"]["parameters"] == {"previous_reward": 5.0}
    assert (found.gamma, found.dynamics_hash) == (0.9, game.dynamics_hash)
    score = paired_score(
        game, small_bundle, expected, n=30, k=2, model="filtered", turnover=0.2, runs=40, seed=OPTIONS.seed + 1
    )
    for name in ("present", "candidate", "gain"):
        interval = getattr(score, name)
        assert scored.values[name] == pytest.approx([interval.mean, interval.half_width])
    assert score.gain.mean == pytest.approx(score.candidate.mean - score.present.mean)
    assert job.poll() == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"game": "chess"}, "chess"),
        pytest.param({"present": "/nowhere.npz"}, "/nowhere.npz", marks=pytest.mark.slow),
        pytest.param({"options": {**asdict(OPTIONS), "rounds": 0}}, "rounds is 0", marks=pytest.mark.slow),
        pytest.param({"options": {"surprise": 1}}, "surprise", marks=pytest.mark.slow),
    ],
)
def test_a_training_that_cannot_be_done_says_why_once(request_for, changes, reason):
    (failed,) = finish(TrainingJob(request_for(**changes)))
    assert failed.kind == "failed"
    assert reason in failed.values["reason"]
    assert "\n" not in failed.values["reason"]


def test_a_cancelled_training_is_gone_at_once(request_for):
    job = TrainingJob(request_for())
    job.cancel()
    job.cancel()
    assert job.over
    assert job.poll() == []
    with pytest.raises(ProcessLookupError):
        os.kill(job.pid, 0)
