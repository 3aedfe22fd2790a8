"""One vehicle in a game of work, on fake endpoints: what it reports, where it goes, and when it stands."""

import numpy as np
import pytest
import yaml
from sensor_msgs.msg import BatteryState
from std_msgs.msg import Bool, Float32
from vehicle_stage import VALUES, Stage, answer

from altmarl_ros.driving.governor_types import Reason
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import load_game
from altmarl_ros.nodes.robot.shared_resources import load_goal_map
from altmarl_ros.policies import LocalPolicy


def game_of(folder, builder, **more):
    zones = [{"name": name, "rectangle": [4 * i, 0, 4 * i + 4, 4]} for i, name in enumerate("abcd")]
    parameters = {"zones": zones, "pick_ups": ["a", "d"], "drops": ["b"], "tick": 2.0, "speed": 0.5, **more}
    path = folder / f"{builder}.yaml"
    path.write_text(yaml.safe_dump({"name": builder, "builder": builder, "parameters": parameters}))
    return str(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("work")


def stage_of(path, **values):
    values = {"game": path, **values}
    return Stage(load_goal_map({**VALUES, **values}), **values)


def test_a_robot_that_knows_its_load_drives_where_the_action_leads(folder):
    path = game_of(folder, "deliveries")
    stage, names = stage_of(path), load_game(path).local_state_names
    stage.step()
    assert list(stage.state.reasons) == [Reason.LOAD_SILENT.value]
    assert stage.vehicle.local_state is None
    stage.callbacks["load"](Bool(data=True))
    stage.step()
    assert names[stage.vehicle.local_state] == "a loaded"
    stage.vehicle.act(answer(1))  # to the pick-up where it is empty, to the drop where it is loaded
    for _ in range(20):
        stage.step()
    assert (names[stage.state.local_state], stage.state.goal_zone, stage.state.local_action) == ("a loaded", 1, 1)
    assert stage.speeds[-1] > 0.1


@pytest.mark.parametrize(
    ("action", "in_c", "in_b", "goal"),
    [
        (1, [0, 1, 0], [1, 0, 0], "b"),  # sent to a, it will stay in b
        (2, [0, 1, 0], [0, 1, 0], "a"),  # sent to b, it will go on to a
        (2, [0, 1, 0], [0.5, 0.5, 0], "b"),  # nobody knows
        (0, [0, 1, 0], [0, 1, 0], "d"),
    ],
)
def test_it_drives_to_where_its_policy_comes_to_stay(folder, action, in_c, in_b, goal):
    """From d the way to both drops, a and b, leads through c."""
    path = game_of(folder, "deliveries", pick_ups=["c", "d"], drops=["a", "b"])
    game, stage = load_game(path), stage_of(path, **{"pose.start.x": 14.0})
    policy = np.zeros((game.n_local_states, game.n_global_states, game.n_local_actions))
    policy[:, :, 1] = 1.0
    policy[game.local_state_names.index("c loaded")] = in_c
    policy[game.local_state_names.index("b loaded")] = in_b
    stage.callbacks["load"](Bool(data=True))
    stage.step()
    stage.vehicle.act(answer(action, LocalPolicy(policy)))
    stage.step()
    assert stage.state.goal_zone == "abcd".index(goal)


def test_silence_about_the_load_brings_it_to_rest(folder):
    stage = stage_of(game_of(folder, "deliveries"), **{"timeout.load": 1.2})
    stage.callbacks["load"](Bool(data=True))
    stage.drive_on()
    for _ in range(40):
        stage.step()
    assert stage.speeds[-1] == 0.0
    assert list(stage.state.reasons) == [Reason.LOAD_SILENT.value]
    assert stage.vehicle.local_state is None
    stage.callbacks["load"](Bool(data=True))
    stage.step()
    assert stage.vehicle.local_state is not None


def test_a_load_that_changes_answers_the_tick_that_waits(folder):
    path, told = game_of(folder, "deliveries"), []
    stage = Stage(load_goal_map({**VALUES, "game": path}), active=False, game=path)
    stage.vehicle.enter(lambda: told.append(stage.vehicle.local_state))
    stage.step()
    stage.callbacks["load"](Bool(data=False))
    stage.step()
    stage.callbacks["load"](Bool(data=True))
    names = load_game(path).local_state_names
    assert [None if state is None else names[state] for state in told] == ["a", "a loaded"]


def test_a_scale_and_a_battery(folder):
    path = game_of(folder, "charging", levels=2)
    stage = stage_of(path, **{"load.kind": "scale", "load.threshold": 5.0, "load.topic": "tray", "battery.topic": "bms"})
    names = load_game(path).local_state_names
    stage.callbacks["tray"](Float32(data=4.9))
    stage.step()
    assert list(stage.state.reasons) == [Reason.BATTERY_SILENT.value]
    stage.callbacks["bms"](BatteryState(percentage=0.5))
    stage.step()
    assert names[stage.vehicle.local_state] == "a (battery 1/2)"
    stage.callbacks["tray"](Float32(data=5.1))
    stage.callbacks["bms"](BatteryState(percentage=0.05))
    assert names[stage.vehicle.local_state] == "a loaded (flat)"
    stage.vehicle.act(answer(1))
    stage.step()
    assert stage.state.goal_zone == 0  # a flat robot stays


def test_what_does_not_fit_the_game_is_refused_by_name(folder):
    path = game_of(folder, "charging", levels=2)
    with pytest.raises(AltmarlError, match=r"battery.thresholds has 3 numbers, must have 2"):
        stage_of(path, **{"battery.thresholds": "0.1 0.2 0.3"})
    with pytest.raises(AltmarlError, match=r"battery.thresholds' is 'much', must be numbers"):
        stage_of(path, **{"battery.thresholds": "much"})
    with pytest.raises(AltmarlError, match="'floor' has other zones than the game"):
        stage_of(path, floor="hall")
