"""Ticks that cross a link: a part of the roster each, and repeated ones to the robots that they ask."""

import pytest
from rclpy.serialization import deserialize_message, serialize_message

from altmarl_ros.msg import FleetTick
from altmarl_ros.nodes.common.conversions import tick_from_message, tick_to_message
from altmarl_ros.nodes.link.tick_thinning import TickThinner
from altmarl_ros.protocol.messages import Tick
from altmarl_ros.protocol.roster_page import Counted, RosterPage, Run, tag_of

MARKS = {robot_id: 1000 + robot_id for robot_id in (*range(3, 20), 25, 30)}
PAGE = RosterPage(0, 50, tuple(Run(robot_id, 1, tag_of(mark)) for robot_id, mark in MARKS.items()))


def packed(number, roster=PAGE, **fields):
    from builtin_interfaces.msg import Time

    tick = Tick(7, number, 1, 2, 0, (3, 4), mark=9, roster=roster)
    message = tick_to_message(tick, Time())
    for name, value in fields.items():
        setattr(message, name, value)
    return serialize_message(message)


def parts(thinner, count):
    return [tick_from_message(deserialize_message(thinner.thin(packed(i)).message, FleetTick)) for i in range(count)]


def test_every_robot_finds_itself_once_in_a_round_and_nobody_is_told_something_else():
    ticks = parts(TickThinner(), 5)
    assert all(tick.polled == (3, 4) for tick in ticks)
    for robot_id in range(51):
        said = [tick.roster.find(robot_id, MARKS.get(robot_id, 0)) for tick in ticks]
        told = {each for each in said if each is not Counted.NOT_TOLD}
        assert told == {Counted.YES if robot_id in MARKS else Counted.NO}, robot_id
    again = parts(TickThinner(), 10)
    assert [tick.roster for tick in again[5:]] == [tick.roster for tick in again[:5]]


def test_a_tick_is_much_smaller_than_it_was():
    thin = TickThinner().thin(packed(0))
    assert thin.only_for is None
    assert len(packed(0)) - len(thin.message) == 12 * (len(PAGE.runs) - 4)


def test_a_repeated_tick_goes_to_those_whom_it_asks_and_a_farewell_to_all():
    thinner = TickThinner()
    assert thinner.thin(packed(0)).only_for is None
    again = packed(0, roster=None, polled=[4, 8, 9])
    assert thinner.thin(again).only_for == (4, 8, 9)
    assert thinner.thin(again).message == again
    farewell = packed(0, roster=None, polled=[], secret=5)
    assert thinner.thin(farewell).only_for is None
    assert thinner.thin(packed(1)).only_for is None


@pytest.mark.parametrize("message", [b"", b"\x00\x01", 30 * b"\xff"])
def test_what_is_no_tick_passes_as_it_is(message):
    assert TickThinner().thin(message).message == message


def test_small_rosters_pass_unchanged():
    roster = RosterPage(0, 9, (Run(0, 10, 5),))
    message = packed(0, roster=roster)
    assert TickThinner().thin(message).message == message
