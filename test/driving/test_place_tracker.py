"""Where a robot is under way: driven along real ways of a floor, against what the game says of places."""

from itertools import pairwise

import numpy as np
import pytest
import yaml

from altmarl_ros.driving.goal_selection import GoalMap, GoalSelector
from altmarl_ros.driving.place_tracker import PlaceTracker
from altmarl_ros.driving.planar import Pose
from altmarl_ros.driving.zones import Zones
from altmarl_ros.games import load_floor_map, load_workplace
from altmarl_ros.games.work import HALT
from altmarl_ros.policies import LocalPolicy

ROW = ["a", "b", "c", "d"]


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Four zones of 4 m in a row, with ways of 4 m that have 4 phases; loads at both ends, a drop beside each."""
    path = tmp_path_factory.mktemp("row") / "row.yaml"
    zones = [{"name": name, "rectangle": [4 * i, 0, 4 * i + 4, 4]} for i, name in enumerate(ROW)]
    parameters = {"zones": zones, "pick_ups": ["a", "d"], "drops": ["b", "c"], "tick": 2.0, "speed": 0.5}
    path.write_text(yaml.safe_dump({"name": "row", "builder": "deliveries", "parameters": parameters}))
    return load_workplace(path), Zones(load_floor_map(path))


class Walker:
    """A robot that drives straight along the way that it was sent on, and its tracker."""

    def __init__(self, work, x=2.0):
        workplace, self.zones = work
        self.layout, self.x, self.zone = workplace.site.layout, x, None
        self.tracker = PlaceTracker(self.layout, self.zones.floor.plan.goals)
        goal_map = GoalMap(self.zones, np.arange(4)[:, None, None], workplace=workplace)
        self.selector = GoalSelector(goal_map, 0, self.set_out)
        self.look(at_rest=True)

    def set_out(self, pose, chain, goal):
        self.tracker.set_out(pose, chain, goal)

    def send(self, name):
        assert self.selector.send(ROW.index(name), Pose(self.x, 2.0, 0.0))

    def look(self, *, at_rest=False):
        self.zone = self.zones.locate(self.x, 2.0, self.zone)
        self.tracker.moved(self.x, 2.0, self.zone, at_rest=at_rest)
        return self.place

    @property
    def place(self):
        return self.layout.places[self.tracker.place]

    def drive(self, metres, step=0.05):
        for _ in range(round(abs(metres) / step)):
            self.x += np.copysign(step, metres)
            self.look()
        return self.place


def test_a_way_is_counted_in_phases_of_its_length(work):
    walker = Walker(work)
    assert work[0].site.layout.ways[0].phases == 4
    walker.send("b")
    places = [walker.drive(1.0) for _ in range(4)]
    assert places == ["a to b 1/4", "a to b 2/4", "a to b 3/4", "b"]


def test_sending_again_on_the_way_loses_nothing(work):
    walker = Walker(work)
    places = []
    for _ in range(10):
        walker.send("b")
        places.append(walker.drive(0.4).removeprefix("a to b "))
    assert places == ["a", "1/4", "1/4", "2/4", "2/4", "2/4", "3/4", "3/4", "3/4", "b"]


def test_zones_on_the_way_are_passed_one_after_the_other(work):
    walker = Walker(work)
    walker.send("d")
    places = [walker.drive(1.0) for _ in range(12)]
    ways = [f"{here} to {there} {phase}/4" for here, there in pairwise(ROW) for phase in (1, 2, 3, 4)]
    assert places == [f"{way[5]}" if way.endswith("4/4") else way for way in ways]


def test_a_robot_that_turns_round_goes_back_from_where_it_was(work):
    walker = Walker(work)
    walker.send("d")
    assert walker.drive(2.3) == "a to b 2/4"
    walker.send("a")
    assert walker.place == "a to b 2/4"
    assert walker.drive(-1.1) == "a to b 1/4"
    assert walker.drive(-1.0) == "a"


def test_backwards_the_same_places_are_passed_after_whole_phases(work):
    walker = Walker(work, x=14.0)
    walker.send("c")
    assert [walker.drive(-1.0) for _ in range(4)] == ["c to d 3/4", "c to d 2/4", "c to d 1/4", "c"]


def test_a_robot_at_rest_in_the_zone_of_its_goal_has_arrived(work):
    walker = Walker(work)
    walker.send("b")
    assert walker.drive(2.6) == "a to b 3/4"
    assert walker.look(at_rest=True) == "b"


def test_one_that_was_carried_away_is_where_it_is_found(work):
    walker = Walker(work)
    walker.send("b")
    walker.drive(1.2)
    walker.x = 14.0
    assert walker.look() == "d"
    walker.x = 6.0  # and without an errand too
    assert walker.look() == "b"


def test_standing_still_and_noise_add_no_phase(work):
    walker = Walker(work)
    walker.send("b")
    walker.drive(0.3)
    rng = np.random.default_rng(1)
    for _ in range(400):
        x = walker.x + rng.normal(0.0, 0.02)
        walker.tracker.moved(x, 2.0 + rng.normal(0.0, 0.02), 0, at_rest=True)
    assert walker.place == "a"


def test_an_action_that_stays_halts_a_robot_under_way_and_parks_one_in_a_zone(work):
    workplace, zones = work
    goal_map = GoalMap(zones, workplace.goal_zones(), workplace=workplace)
    layout = workplace.site.layout
    empty = workplace.local_state(layout.places.index("a to b 1/4"), loaded=False, level=0)
    selector = GoalSelector(goal_map, 0)
    assert selector.act(empty, 1, Pose(3.0, 2.0, 0.0))
    assert selector.zone == 0  # the pick-up that the action leads to
    assert goal_map.goal_zone(empty, 0, 0) == HALT
    assert selector.act(empty, 0, Pose(3.0, 2.0, 0.0))
    assert selector.goal is None
    assert selector.from_action
    assert goal_map.goal_zone(0, 0, 0) == 0
    assert not selector.act(empty, 9, Pose(3.0, 2.0, 0.0))


def ring(tmp_path, **more):
    """Four zones of 4 m in a ring, with loads in a and d, and drops in b and c."""
    path = tmp_path / "ring.yaml"
    corners = zip(ROW, ([0, 0], [4, 0], [4, 4], [0, 4]), strict=True)
    zones = [{"name": name, "rectangle": [x, y, x + 4, y + 4]} for name, (x, y) in corners]
    parameters = {"zones": zones, "pick_ups": ["a", "d"], "drops": ["b", "c"], "tick": 2.0, "speed": 0.5, **more}
    path.write_text(yaml.safe_dump({"name": "ring", "builder": "deliveries", "parameters": parameters}))
    workplace, zones = load_workplace(path), Zones(load_floor_map(path))
    places = workplace.site.layout.places

    def loaded(name):
        return workplace.local_state(places.index(name), loaded=True, level=0)

    return GoalMap(zones, workplace.goal_zones(), workplace=workplace), loaded


def test_on_a_one_way_passage_every_action_goes_on_to_where_the_robot_was_sent(tmp_path):
    goal_map, loaded = ring(tmp_path, entries=[{"from": "a", "to": "b", "at": [4, 2]}])
    start, under_way = loaded("a"), loaded("a to b 1/4")
    selector = GoalSelector(goal_map, 0)
    assert selector.act(start, 1, Pose(2.0, 2.0, 0.0))
    assert selector.zone == ROW.index("b")
    goal = selector.goal
    for action in (1, 2):
        assert selector.act(under_way, action, Pose(3.0, 2.0, 0.0))
        assert selector.goal is goal
    assert selector.act(under_way, 0, Pose(3.0, 2.0, 0.0))
    assert selector.goal is None
    assert selector.act(under_way, 2, Pose(3.0, 2.0, 0.0))
    assert selector.zone == ROW.index("b")  # the end of the passage, where nothing else is known


def test_under_way_a_robot_goes_the_way_round_that_it_goes_in_the_game(tmp_path):
    goal_map, loaded = ring(tmp_path)
    chains = []
    for name, pose in (("a to b 1/4", Pose(3.0, 2.0, 0.0)), ("a to d 1/4", Pose(2.0, 3.0, 0.0))):
        selector = GoalSelector(goal_map, 0, lambda pose, chain, goal: chains.append("".join(ROW[zone] for zone in chain)))
        for _ in range(2):  # a second time nothing changes
            assert selector.act(loaded(name), 2, pose)
    assert chains == ["abc", "adc"]


def heads_for_c(goal_map, actions=3):
    """The probabilities of a policy that takes the action to the second drop everywhere; it may know more actions."""
    states, stops, _ = goal_map.goal_zones.shape
    return np.tile(np.eye(actions)[2], (states, stops, 1))


@pytest.mark.parametrize(
    ("in_b", "expected"),
    [
        ([1, 0, 0], "b"),  # stays there
        ([0, 1, 0], "b"),  # heads for where it is
        ([0, 0, 1], "c"),
        ([0, 0.5, 0.5], "b"),  # one or the other: it keeps its goal
    ],
)
def test_on_a_one_way_passage_a_robot_knows_where_its_policy_comes_to_stay(tmp_path, in_b, expected):
    goal_map, loaded = ring(tmp_path, entries=[{"from": "a", "to": "b", "at": [4, 2]}])
    under_way, policy = loaded("a to b 1/4"), heads_for_c(goal_map)
    policy[loaded("b")] = in_b
    selector = GoalSelector(goal_map, 0)
    assert selector.act(loaded("a"), 1, Pose(2.0, 2.0, 0.0))
    assert selector.act(under_way, 1, Pose(3.0, 2.0, 0.0), policy=LocalPolicy(policy))
    assert ROW[selector.zone] == expected


def test_a_policy_that_goes_round_and_round_leads_nowhere(tmp_path):
    goal_map, loaded = ring(tmp_path)
    policy = heads_for_c(goal_map)
    policy[loaded("c")] = np.eye(3)[1]  # back to b, from where it heads for c again
    selector = GoalSelector(goal_map, 0)
    assert selector.act(loaded("a"), 2, Pose(2.0, 2.0, 0.0), policy=LocalPolicy(policy))
    assert ROW[selector.zone] == "c"  # what its action names


def test_a_policy_with_an_action_that_the_game_lacks_leads_nowhere(tmp_path):
    goal_map, loaded = ring(tmp_path)
    policy = heads_for_c(goal_map, actions=5)
    policy[loaded("b")] = np.eye(5)[4]
    selector = GoalSelector(goal_map, 0)
    assert selector.act(loaded("a to b 1/4"), 2, Pose(3.0, 2.0, 0.0), policy=LocalPolicy(policy))
    assert ROW[selector.zone] == "c"  # what its action names
