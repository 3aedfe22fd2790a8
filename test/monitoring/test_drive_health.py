"""What is an alarm of a robot that drives, and what is not."""

import pytest

from altmarl_ros.driving.governor_types import Command, Reason, State
from altmarl_ros.driving.planar import STILL, Velocity
from altmarl_ros.monitoring.drive_health import drive_finding, is_blocked
from altmarl_ros.monitoring.health import Level
from altmarl_ros.monitoring.tick_expectation import Standing

START = (Reason.CLOCK_JUMPED, Reason.POSE_STALE, Reason.TICK_SILENT, Reason.SCAN_STALE, Reason.NO_DRIVER)


def finding(state, *reasons, standing=Standing.HEARD, starting=False, blocked=0.0, advice=""):
    return drive_finding(
        3,
        Command(STILL if state is State.STOPPED else Velocity(0.1, 0.0, 0.0), state, reasons),
        standing=standing,
        starting=starting,
        blocked=blocked,
        patience=20.0,
        advice=advice,
        pose_age=0.1,
        tick_age=0.1,
        emergency_stop=Reason.EMERGENCY_STOP in reasons,
        zone="a",
    )


def test_what_is_missing_at_the_start_is_an_alarm_after_it():
    assert finding(State.STOPPED, *START, standing=Standing.WAITING, starting=True).level is Level.OK
    assert finding(State.STOPPED, *START, standing=Standing.WAITING).level is Level.ERROR
    assert finding(State.STOPPED, *START, standing=Standing.SILENT, starting=True).level is Level.ERROR


@pytest.mark.parametrize("reason", [Reason.EMERGENCY_STOP, Reason.FLEET_STOP, Reason.CONTROL_FAILED, Reason.POSE_INVALID])
def test_what_is_no_matter_of_the_start_is_an_error_in_it(reason):
    assert finding(State.STOPPED, reason, *START, standing=Standing.WAITING, starting=True).level is Level.ERROR


def test_before_the_first_tick_is_due_only_ticks_may_be_missing():
    assert finding(State.STOPPED, Reason.TICK_SILENT, standing=Standing.WAITING).level is Level.OK
    said = finding(State.STOPPED, Reason.TICK_SILENT, standing=Standing.WAITING).message
    assert said == "stopped: no tick from the coordinator (the first tick is not due yet)"
    assert finding(State.STOPPED, Reason.POSE_STALE, standing=Standing.WAITING).level is Level.ERROR


def test_a_coordinator_that_is_gone_is_an_error_and_a_paused_one_a_warning():
    gone = finding(State.STOPPED, Reason.TICK_SILENT, standing=Standing.SILENT)
    assert gone.level is Level.ERROR
    paused = finding(State.STOPPED, Reason.TICK_SILENT, standing=Standing.PAUSED)
    assert paused.level is Level.WARN
    assert paused.message == "stopped: no tick from the coordinator (the coordinator is paused)"
    both = finding(State.STOPPED, Reason.TICK_SILENT, Reason.POSE_STALE, standing=Standing.PAUSED)
    assert both.level is Level.ERROR


def test_a_timeout_below_the_period_is_named():
    said = finding(State.STOPPED, Reason.TICK_SILENT, advice="its timeout.tick, 1.5 s, is below ...")
    assert said.level is Level.ERROR
    assert said.message.endswith("(its timeout.tick, 1.5 s, is below ...)")


def test_going_slower_for_others_is_no_alarm_and_standing_before_them_for_long_is():
    assert finding(State.SLOWING, Reason.OBSTACLE_NEAR).level is Level.OK
    assert finding(State.SLOWING, Reason.OBSTACLE).level is Level.OK
    assert finding(State.STOPPED, Reason.OBSTACLE, blocked=19.0).level is Level.OK
    blocked = finding(State.STOPPED, Reason.OBSTACLE, blocked=21.0)
    assert (blocked.level, blocked.values["state"]) == (Level.WARN, "blocked")
    assert blocked.message == "blocked: obstacle in the protective field (for 21 s)"
    assert finding(State.MOVING, Reason.LEFT_AREA).level is Level.WARN


def test_who_gives_way_is_well_and_who_finds_no_way_on_is_not():
    assert finding(State.STOPPED, Reason.GIVES_WAY).level is Level.OK
    told = finding(State.MOVING, Reason.NO_WAY)
    assert (told.level, told.message) == (Level.WARN, "moving: finds no way on")


def test_who_is_blocked():
    assert is_blocked(Command(STILL, State.STOPPED, (Reason.OBSTACLE,)))
    assert not is_blocked(Command(STILL, State.STOPPED, ()))
    assert not is_blocked(Command(STILL, State.STOPPED, (Reason.TICK_SILENT, Reason.OBSTACLE)))
    assert not is_blocked(Command(Velocity(0.1, 0.0, 0.0), State.SLOWING, (Reason.OBSTACLE,)))
    assert not is_blocked(Command(STILL, State.STOPPED, (Reason.OBSTACLE_NEAR,)))
