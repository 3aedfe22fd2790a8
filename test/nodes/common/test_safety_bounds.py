"""Bounds of safety parameters: what a running robot takes, and what only a new start can give it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.errors import AltmarlError
from altmarl_ros.nodes.common.safety_bounds import SafetyBounds
from altmarl_ros.nodes.robot.many import PARAMETERS as HOST_PARAMETERS
from altmarl_ros.nodes.robot.node import PARAMETERS

VALUES = {parameter.name: parameter.default for parameter in PARAMETERS}
SAFETY = [parameter for parameter in PARAMETERS if parameter.safer]


def check(start=None, active=True, **given):
    begun = {**VALUES, **(start or {})}
    SafetyBounds(PARAMETERS, begun).check({**begun, **named(given)}, begun, active=active)


def named(given):
    return {name.replace("__", "."): value for name, value in given.items()}


BEYOND = {
    "limits.forward": (19.6, "19.6, must be at most 0.5, its bound since the start"),
    "limits.turn": (math.nan, "must be at most 1.5"),
    "limits.acceleration": (0.9, "must be at most 0.8"),
    "limits.braking": (50.0, "must be at most 1.0"),
    "limits.angular_acceleration": (0.1, "must be at least 4.0"),
    "timeout.pose": (60.0, "must be at most 0.5"),
    "timeout.coordinator": (9.0, "must be at most 0.5"),
    "margin.ahead": (0.0, "must be at least 0.05"),
    "margin.reaction": (math.nan, "must be at least 0.2"),
    "robot.radius": (0.01, "must be at least 0.2"),
    "scan.required": (False, "is false, must be true, its bound"),
    "on_silence": ("park", "is park, must be one of hold, its bound"),
}


@pytest.mark.parametrize("name", BEYOND)
@pytest.mark.parametrize("active", [True, False])
def test_what_is_less_safe_than_at_the_start_is_refused_by_name_with_the_bound(name, active):
    value, reason = BEYOND[name]
    with pytest.raises(AltmarlError, match=f"parameter '{name}' is") as error:
        check(active=active, **{name: value})
    assert reason in str(error.value)


def test_what_is_safer_is_taken_and_the_way_back_is_open_up_to_the_start():
    check(limits__forward=0.1, timeout__scan=0.2, margin__ahead=1.0, scan__required=True, robot__radius=0.4)
    check({"scan.required": False, "on_silence": "park"}, scan__required=True, on_silence="finish")
    bounds = SafetyBounds(PARAMETERS, VALUES)
    bounds.check(VALUES, {**VALUES, "limits.forward": 0.1}, active=True)


def test_room_beyond_the_start_is_given_at_the_start():
    room = {"safety.ceilings": "limits.forward=0.8, limits.braking=2, scan.required=false,on_silence=finish"}
    check(room, limits__forward=0.8, limits__braking=1.5, scan__required=False, on_silence="finish")
    for name, value, rule in (
        ("limits.forward", 0.81, "at most 0.8, its bound in safety.ceilings"),
        ("limits.braking", 2.1, "at most 2.0, its bound in safety.ceilings"),
        ("limits.braking", 0.9, "at least 1.0, its bound in safety.ceilings"),
        ("on_silence", "park", "one of hold, finish, its bound in safety.ceilings"),
    ):
        with pytest.raises(AltmarlError, match=rule):
            check(room, **{name: value})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("limit.forward=1", "'safety.ceilings': there is no parameter 'limit.forward'; is 'limits.forward' meant?"),
        ("seed=1", "'safety.ceilings': there is no parameter 'seed'"),
        ("limits.forward", "'safety.ceilings': parameter 'limits.forward' is '', must be a number"),
        ("limits.forward=fast", "'limits.forward' is 'fast', must be a number"),
        ("limits.forward=30", "must be in 0.001..20"),
        ("limits.forward=1,limits.forward=2", "limits.forward is given twice"),
        ("scan.required=maybe", "'scan.required' is 'maybe', must be true or false"),
        ("limits.forward=0.3", "parameter 'limits.forward' is 0.5, must be at most 0.3, its bound in safety.ceilings"),
    ],
)
def test_ceilings_that_are_not_understood_are_refused_at_the_start(text, reason):
    with pytest.raises(AltmarlError) as error:
        SafetyBounds(PARAMETERS, {**VALUES, "safety.ceilings": text})
    assert reason in str(error.value)


def test_a_locked_node_changes_no_safety_parameter_while_it_is_active():
    locked = {"safety.locked": True}
    with pytest.raises(AltmarlError, match=r"'limits\.forward' is locked while the node is active \(safety\.locked\)"):
        check(locked, limits__forward=0.1)
    check(locked, active=False, limits__forward=0.1)
    check(locked, silence=5.0, goal__tolerance=0.2)


@pytest.mark.parametrize("managed", [True, False])
def test_nothing_but_a_start_sets_ceilings_and_lock(managed):
    for name in ("safety.ceilings", "safety.locked"):
        assert next(each for each in PARAMETERS if each.name == name).descriptor(managed).read_only
        assert any(each.name == name for each in HOST_PARAMETERS)


def test_every_speed_margin_and_timeout_is_bounded():
    families = ("limits.", "margin.", "timeout.")
    assert {each.name for each in PARAMETERS if each.name.startswith(families)} <= {each.name for each in SAFETY}
    assert all("a running node" in each.descriptor(True).additional_constraints for each in SAFETY)


@given(st.sampled_from([each for each in SAFETY if isinstance(each.default, float)]), st.data())
def test_no_sequence_of_sets_passes_a_bound(parameter, data):
    numbers = st.floats(parameter.minimum, parameter.maximum)
    start = data.draw(numbers)
    values = {**VALUES, parameter.name: start}
    bounds = SafetyBounds(PARAMETERS, values)
    for value in data.draw(st.lists(numbers, max_size=8)):
        tried = {**values, parameter.name: value}
        try:
            bounds.check(tried, values, active=True)
        except AltmarlError:
            continue
        values = tried
        assert parameter.safer == "higher" or values[parameter.name] <= start
        assert parameter.safer == "lower" or values[parameter.name] >= start
