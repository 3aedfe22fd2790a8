"""Arguments of launch files: what they mean, and that a word that means nothing is refused by name."""

from pathlib import Path

import pytest

import launch_pages
from altmarl_ros.deployment.fleet_plan import BACKENDS, FleetPlan
from altmarl_ros.deployment.launch_arguments import LaunchArguments
from altmarl_ros.errors import AltmarlError


def arguments(**given):
    return LaunchArguments(given)


@pytest.mark.parametrize(("text", "meant"), [("true", True), ("True", True), (" 1", True), ("false", False), ("0", False)])
def test_truth_values(text, meant):
    assert arguments(crowd=text).flag("crowd") is meant


@pytest.mark.parametrize("text", ["yes", "no", "on", "tru", "", "2"])
def test_a_word_that_is_no_truth_value_is_refused(text):
    with pytest.raises(AltmarlError, match=f"^launch argument 'crowd' is '{text}', must be true or false$"):
        arguments(crowd=text).flag("crowd")


def test_numbers():
    given = arguments(robots="10", rtf="2.5", tick_period="", far="inf", game="hall")
    assert (given.whole("robots"), given.number("rtf"), given.optional_number("tick_period")) == (10, 2.5, None)
    assert (given.optional_number("rtf"), given.text("game")) == (2.5, "hall")


@pytest.mark.parametrize(
    ("kind", "text", "rule"),
    [
        ("whole", "ten", "a whole number"),
        ("whole", "1.5", "a whole number"),
        ("whole", "", "a whole number"),
        ("number", "fast", "a number"),
        ("number", "nan", "a number"),
        ("number", "inf", "a number"),
        ("optional_number", "soon", "a number"),
    ],
)
def test_what_is_no_number_is_refused_by_name(kind, text, rule):
    with pytest.raises(AltmarlError, match=f"^launch argument 'robots' is '{text}', must be {rule}$"):
        getattr(arguments(robots=text), kind)("robots")


def test_a_choice_that_there_is_not_is_refused_with_those_that_there_are():
    assert arguments(backend="real").choice("backend", BACKENDS) == "real"
    with pytest.raises(AltmarlError) as error:
        arguments(backend="gazebo").choice("backend", BACKENDS)
    assert str(error.value) == "launch argument 'backend' is 'gazebo', must be one of markov, physical, real"


def test_what_a_fleet_cannot_go_on_without(tmp_path):
    def essential(**options):
        return FleetPlan("warehouse", tmp_path, **options).essential

    assert essential() == (frozenset({"coordinator"}), frozenset({"world"}))
    assert essential(standby=True, crowd=True) == (frozenset({"coordinator", "standby"}), frozenset({"crowd"}))
    assert essential(backend="real", period=9.0) == (frozenset({"coordinator"}),)
    for options in ({}, {"standby": True}, {"crowd": True}, {"backend": "physical", "game": "hall", "period": 25.0}):
        plan = FleetPlan(**{"game": "warehouse", "policy": tmp_path, **options})
        assert frozenset().union(*plan.essential) <= {node.name for node in plan.nodes()}


LAUNCH_FILES = sorted((Path(__file__).parents[2] / "launch").glob("*.launch.py"))


@pytest.mark.parametrize("path", LAUNCH_FILES, ids=lambda path: path.name)
def test_every_launch_file_takes_a_prefix_and_a_range_and_reads_what_it_declares(path):
    """Without the launch system; test/ros/test_launch_files.py starts them where there is one."""
    names, code = [argument.name for argument in launch_pages.arguments(path)], path.read_text()
    assert {"fleet_prefix", "discovery_range"} <= set(names)
    assert "*reach" in code or "*discovery_environment(" in code
    assert [name for name in names if f'("{name}"' not in code] == []
