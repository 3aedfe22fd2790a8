import pytest

from altmarl_ros.policy_updates.candidate import Candidate, NotNow, Score, Stage

GOOD = Score((90.0, 1.0), (95.0, 1.0), (5.0, 0.5))


def ready(score=GOOD, ticks=20):
    candidate = Candidate()
    candidate.begin()
    candidate.trained(7)
    candidate.scored(score)
    candidate.shadowed(ticks, ticks // 2, over=True)
    return candidate


def test_it_is_ready_once_both_scores_are_there_in_any_order():
    candidate = Candidate()
    candidate.begin()
    assert (candidate.stage, candidate.fraction) == (Stage.TRAINING, 0.0)
    candidate.progress(0.4, "round 1")
    assert (candidate.fraction, candidate.message) == (0.4, "round 1")
    candidate.trained(7)
    candidate.shadowed(20, 18, over=True)
    assert candidate.stage is Stage.SHADOW
    candidate.scored(GOOD)
    assert (candidate.stage, candidate.policy_id, candidate.fraction) == (Stage.READY, 7, 1.0)
    assert "+5.00 ± 0.50, agreed in 18 of 20 live ticks" in candidate.message
    candidate = ready()
    assert candidate.stage is Stage.READY


def test_nothing_else_begins_while_something_is_under_way():
    candidate = Candidate()
    for act in (candidate.cancel, lambda: candidate.check_deployable(1)):
        with pytest.raises(NotNow):
            act()
    candidate.begin()
    for stage in ("training", "shadow"):
        if stage == "shadow":
            candidate.trained(7)
        for act in (candidate.begin, candidate.check_idle, lambda: candidate.check_deployable(1)):
            with pytest.raises(NotNow, match="cancel it first"):
                act()
    candidate = ready()
    candidate.deploy(7, "on its way")
    for act in (candidate.begin, candidate.check_idle, candidate.cancel):
        with pytest.raises(NotNow, match="being deployed"):
            act()


@pytest.mark.parametrize("trained", [False, True])
def test_cancelled_it_is_no_candidate(trained):
    candidate = Candidate()
    candidate.begin()
    if trained:
        candidate.trained(7)
    candidate.cancel()
    assert candidate.stage is Stage.CANCELLED
    with pytest.raises(NotNow, match="train first"):
        candidate.check_deployable(1)
    candidate.scored(GOOD)
    candidate.shadowed(5, 5, over=True)
    assert candidate.stage is Stage.CANCELLED, "what comes late changes nothing"
    candidate.begin()
    assert (candidate.stage, candidate.score, candidate.shadow_ticks) == (Stage.TRAINING, None, 0)


def test_a_failed_deployment_leaves_it_where_it_was_with_the_reason():
    candidate = ready()
    assert candidate.check_deployable(1) == 7
    candidate.deploy(7, "on its way")
    assert (candidate.stage, candidate.target) == (Stage.DEPLOYING, 7)
    candidate.not_deployed("refused")
    assert (candidate.stage, candidate.message, candidate.target) == (Stage.READY, "refused", None)
    candidate.deploy(7, "again")
    candidate.deployed("in force")
    assert candidate.stage is Stage.DEPLOYED
    with pytest.raises(NotNow, match="in force already"):
        candidate.check_deployable(7)
    assert candidate.check_deployable(1) == 7, "after a rollback it may be deployed again"
    candidate.deploy(1, "back")
    candidate.not_deployed("too late")
    assert candidate.stage is Stage.DEPLOYED


@pytest.mark.parametrize(
    ("gain", "half", "ticks", "margin", "deploys"),
    [
        (5.0, 0.5, 20, 4.4, True),
        (5.0, 0.5, 20, 4.5, False),
        (5.0, 5.1, 20, 0.0, False),
        (0.0, 0.0, 20, 0.0, False),
        (5.0, 0.5, 0, 0.0, False),
    ],
)
def test_it_deploys_itself_only_surely_above_the_margin_and_after_live_ticks(gain, half, ticks, margin, deploys):
    assert ready(Score((0.0, 1.0), (gain, 1.0), (gain, half)), ticks).deploys_itself(margin) is deploys


def test_a_failure_says_why():
    candidate = Candidate()
    candidate.begin()
    candidate.fail("no memory")
    assert (candidate.stage, candidate.message, candidate.policy_id) == (Stage.FAILED, "no memory", None)
    assert not candidate.deploys_itself(0.0)
