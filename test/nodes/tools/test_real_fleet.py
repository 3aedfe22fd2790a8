"""Fleet files against the nodes' parameter tables."""

import pytest

from altmarl_ros.deployment.fleet_file import load_fleet_file
from altmarl_ros.errors import AltmarlError
from altmarl_ros.nodes.tools.real_fleet import plan_fleet
from altmarl_ros.resources import share_directory


@pytest.fixture
def plan(tmp_path):
    def make(text, *arguments):
        path = tmp_path / "fleet.yaml"
        path.write_text(text)
        return plan_fleet(load_fleet_file(path), *arguments)

    return make


def test_processes_of_a_fleet(plan):
    robot, coordinator = plan(
        "game: hall\npolicy: p.npz\nrobots: {a: {id: 4, parameters: {limits.forward: 1}}, b: {id: 5}}", "a"
    )
    assert (robot.executable, robot.ros_name, robot.name) == ("robot", "/a/robot", "a")
    assert robot.parameters == {
        "body": "drive",
        "timeout.tick": 225.0,
        "limits.forward": 1.0,
        "robot_id": 4,
        "game": "hall",
        "fleet_prefix": "/fleet",
    }
    assert type(robot.parameters["limits.forward"]) is float
    assert (coordinator.parameters["tick.period"], coordinator.parameters["start.robots"]) == (75.0, 2)
    assert coordinator.parameters["policy.file"].endswith("/p.npz")


@pytest.mark.parametrize(
    ("robot", "coordinator", "reason"),
    [
        ("limit.forward: 1", "", "robot 'a': there is no parameter 'limit.forward'; is 'limits.forward' meant?"),
        ("limits.forward: fast", "", "parameter 'limits.forward' is 'fast', must be a number"),
        ("limits.forward: 30", "", "must be in 0.001..20"),
        ("drive.kind: legs", "", "must be one of cmd_vel, nav2, none"),
        ("limits.braking: 0.1", "", "braking is 0.1, must be at least acceleration"),
        ("robot_id: 9", "", "parameter 'robot_id' stands elsewhere in the file"),
        ("timeout.tick: 75.0", "", "parameter 'timeout.tick' is 75 s, must be longer than a tick, 75 s"),
        ("timeout.coordinator: 0.3", "", "must be at least the coordinator's 'tick.lease', 0.4 s"),
        ("seed: 1", "sampling.k: -1", "coordinator: parameter 'sampling.k' is -1"),
    ],
)
def test_what_is_wrong_is_said_before_anything_starts(plan, robot, coordinator, reason):
    text = f"game: hall\npolicy: p.npz\ncoordinator: {{{coordinator}}}\nrobots: {{a: {{id: 4, parameters: {{{robot}}}}}}}"
    with pytest.raises(AltmarlError) as error:
        plan(text)
    assert reason in str(error.value)
    assert "fleet.yaml: " in str(error.value)


def test_links_carry_no_policies_of_types(plan, kinds_file):
    robots = "{a: {id: 1, parameters: {robot.type: fast}}, b: {id: 2, parameters: {robot.type: slow}}}"
    text = f"game: {kinds_file}\npolicy: p.npz\ncoordinator: {{tick.period: 9.0}}\nrobots: {robots}\n"
    assert len(plan(text)) == 3
    with pytest.raises(AltmarlError, match=r"link\.kind is zenoh, must be dds"):
        plan(text + "link: {kind: zenoh, connect: [127.0.0.1:7400]}\n")


def test_a_game_without_seconds_needs_a_period(plan):
    with pytest.raises(AltmarlError, match="does not say how long a tick takes"):
        plan("game: warehouse\nrobots: {a: {id: 4}}")


@pytest.mark.parametrize("name", sorted(path.name for path in (share_directory() / "config" / "fleets").glob("*.yaml")))
def test_example_fleets_are_sound(name):
    fleet = load_fleet_file(share_directory() / "config" / "fleets" / name)
    plans = plan_fleet(fleet)
    assert len(plans) == len(fleet.enabled) + 1
