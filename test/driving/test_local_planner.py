"""Robots that steer by their lasers under their governors, closed loop on exact geometry."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altmarl_ros.driving.governor import Governor
from altmarl_ros.driving.governor_types import GovernorSettings, Inputs
from altmarl_ros.driving.limits import Limits
from altmarl_ros.driving.local_planner import HYSTERESIS, PASSING, Goal, LocalPlanner, PlannerSettings
from altmarl_ros.driving.planar import STILL, Pose, Velocity
from altmarl_ros.driving.scan import Scan
from altmarl_ros.errors import AltmarlError

DIFFERENTIAL = Limits()
OMNI = Limits(lateral=0.5, backward=0.5)
BASES = pytest.mark.parametrize("limits", [DIFFERENTIAL, OMNI], ids=["differential", "omnidirectional"])
RADIUS, DT, RAYS, REACH, SUBSTEPS = 0.2, 0.1, 180, 3.5, 4
NOTHING = np.empty((0, 2))


def laser(positions, yaws, discs):
    """Exact ranges [robot, ray] to discs of radius RADIUS; a robot's own disc is left out."""
    angles = yaws[:, None] + np.linspace(-np.pi, np.pi, RAYS, endpoint=False)
    rays = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    to_disc = discs - positions[:, None]  # [robot, disc, 2]
    along = np.einsum("nrk,nmk->nrm", rays, to_disc)
    squared = (to_disc**2).sum(axis=-1)[:, None]
    chord = RADIUS**2 - (squared - along**2)
    hit = (chord > 0.0) & (along > 0.0) & (squared > 1e-12)
    ranges = np.where(hit, along - np.sqrt(np.maximum(chord, 0.0)), np.inf).min(axis=-1)
    return np.where(ranges < REACH, ranges, np.inf)


class Hall:
    """Robots and parked ones, all of one radius; unicycle or omnidirectional motion by the midpoint rule."""

    def __init__(self, positions, yaws, limits, parked=()):
        self.positions, self.yaws = np.array(positions, float), np.array(yaws, float)
        self.parked = np.array(parked, float).reshape(-1, 2)
        self.drives = [LocalPlanner(limits, PlannerSettings(), i) for i in range(len(self.positions))]
        self.governors = [Governor(limits, GovernorSettings()) for _ in self.drives]
        self.velocities = [STILL] * len(self.drives)
        self.now, self.closest = 0.0, math.inf

    def step(self, goals):
        discs = np.vstack([self.positions, self.parked])
        ranges = laser(self.positions, self.yaws, discs)
        for i, goal in enumerate(goals):
            scan = Scan(ranges[i], -math.pi, 2 * math.pi / RAYS, 0.05, REACH)
            pose = Pose(*self.positions[i], self.yaws[i])
            wanted = self.drives[i].steer(self.now, pose, goal, self.velocities[i], scan.points)
            inputs = Inputs(
                wanted=wanted,
                pose=pose,
                pose_arrived=self.now,
                tick_arrived=self.now,
                coordinator_silent=False,
                scan=scan,
                scan_arrived=self.now,
                measured=self.velocities[i],
            )
            self.velocities[i] = self.governors[i].step(self.now, inputs).velocity
        vx, vy, w = np.array([(v.x, v.y, v.yaw) for v in self.velocities]).T * DT / SUBSTEPS
        for _ in range(SUBSTEPS):
            middle = self.yaws + w / 2
            self.positions[:, 0] += vx * np.cos(middle) - vy * np.sin(middle)
            self.positions[:, 1] += vx * np.sin(middle) + vy * np.cos(middle)
            self.yaws += w
            away = self.positions[:, None] - np.vstack([self.positions, self.parked])
            distances = np.hypot(away[..., 0], away[..., 1])
            np.fill_diagonal(distances, np.inf)
            self.closest = min(self.closest, distances.min() - 2 * RADIUS)
        self.now += DT

    def drive(self, goals, seconds):
        """How many stand at their goals when all do, or when the time is up."""
        for _ in range(round(seconds / DT)):
            self.step(goals)
            if all(drive.arrived for drive in self.drives):
                break
        return sum(
            drive.arrived and math.dist((goal.x, goal.y), at) < PlannerSettings().tolerance * HYSTERESIS
            for drive, goal, at in zip(self.drives, goals, self.positions, strict=True)
        )


@BASES
@pytest.mark.parametrize("yaw", [0.0, 2.0, -3.1])
def test_arrives_alone_in_good_time(limits, yaw):
    hall = Hall([[0, 0]], [yaw], limits)
    assert hall.drive([Goal(3.0, 1.0)], 12.0) == 1


@BASES
def test_stops_at_the_goal_without_overshoot_or_hunting(limits):
    hall, goal, reached = Hall([[0, 0]], [0.0], limits), Goal(3.0, 0.0), []
    previous = STILL
    for _ in range(140):
        hall.step([goal])
        reached.append(hall.positions[0, 0])
        v = hall.velocities[0]
        assert abs(v.x - previous.x) <= limits.braking * DT + 1e-9
        assert abs(v.yaw - previous.yaw) <= limits.angular_acceleration * DT + 1e-9
        previous = v
    assert max(reached) < 3.0 + PlannerSettings().tolerance
    assert np.all(np.diff(reached) > -1e-9)
    assert np.all(np.diff(reached[-40:]) == 0.0)


def test_speed_towards_the_goal_is_what_still_stops_in_time():
    hall = Hall([[0, 0]], [0.0], DIFFERENTIAL)
    for _ in range(140):
        left = 3.0 - hall.positions[0, 0]
        assert hall.velocities[0].x <= math.sqrt(2.0 * DIFFERENTIAL.braking * max(left, 0.0)) + 1e-9
        hall.step([Goal(3.0, 0.0)])


def test_what_stands_at_its_goal_ignores_a_trembling_pose():
    rng, drive, goal = np.random.default_rng(1), LocalPlanner(DIFFERENTIAL, PlannerSettings()), Goal(1.0, 1.0)
    drive.steer(0.0, Pose(1.0, 1.0), goal, STILL, NOTHING)
    assert drive.arrived
    for step in range(1, 200):
        x, y = 1.0 + rng.uniform(-0.06, 0.06, 2)
        assert drive.steer(step * DT, Pose(x, y), goal, STILL, NOTHING) == STILL
    drive.steer(50.0, Pose(1.3, 1.0), goal, STILL, NOTHING)
    assert not drive.arrived


def test_a_differential_base_turns_in_place_to_what_is_behind():
    drive = LocalPlanner(DIFFERENTIAL, PlannerSettings())
    velocity = STILL
    for step in range(4):
        velocity = drive.steer(step * DT, Pose(0.0, 0.0), Goal(-2.0, 0.5), velocity, NOTHING)
    assert velocity.x == 0.0
    assert velocity.yaw > 0.5


@BASES
def test_passes_by_its_via_points(limits):
    hall, goal, track = Hall([[0, 0]], [0.0], limits), Goal(2.0, 2.0, via=((2.0, 0.0),)), []
    for _ in range(150):
        hall.step([goal])
        track.append(hall.positions[0].copy())
    assert hall.drives[0].arrived
    assert np.hypot(*(np.array(track) - [2.0, 0.0]).T).min() < PASSING


@BASES
def test_two_that_meet_pass_each_other_on_the_right(limits):
    hall, sides = Hall([[0, 0], [5, 0]], [0.0, math.pi], limits), []
    for _ in range(160):
        hall.step([Goal(5.0, 0.0), Goal(0.0, 0.0)])
        if abs(hall.positions[0, 0] - hall.positions[1, 0]) < 0.3:
            sides.append(hall.positions[0, 1] - hall.positions[1, 1])
    assert all(drive.arrived for drive in hall.drives)
    assert hall.closest > 0.05
    assert sides
    assert max(sides) < 0.0


@BASES
def test_four_cross(limits):
    hall = Hall([[0, 0], [4, 0], [2, 2], [2, -2]], [0, math.pi, -math.pi / 2, math.pi / 2], limits)
    assert hall.drive([Goal(4, 0), Goal(0, 0), Goal(2, -2), Goal(2, 2)], 30.0) == 4
    assert hall.closest > 0.02


@pytest.mark.slow
@BASES
def test_twelve_swap_sides_of_a_circle(limits):
    angles = np.arange(12) * math.pi / 6
    places = 3.0 * np.column_stack([np.cos(angles), np.sin(angles)])
    hall = Hall(places, angles + math.pi, limits)
    assert hall.drive([Goal(*-place) for place in places], 70.0) == 12
    assert hall.closest > 0.0


@BASES
@pytest.mark.parametrize(
    ("goal", "parked"),
    [((3.0, 0.6), [[3.0, 0.0]]), ((3.0, 0.6), [[3.0, 0.0], [3.0, 1.2], [3.6, 0.6]]), ((2.7, 0.0), [[2.0, 0.0]])],
    ids=["beside", "between three", "behind"],
)
def test_parks_by_a_parked_one(limits, goal, parked):
    hall = Hall([[0, 0]], [0.0], limits, parked)
    assert hall.drive([Goal(*goal)], 15.0) == 1
    assert hall.closest > 0.02


@pytest.mark.slow
def test_twenty_robots_move_between_the_zones_of_a_hall():
    """Zones of 4 m x 4 m, slots 0.8 m apart, every robot to a neighbouring zone within 20 s."""
    rng, slots, zones = np.random.default_rng(5), 0.8 * (np.arange(25)[:, None] // [1, 5] % 5 - 2), np.arange(12)
    centres = 4.0 * np.column_stack([zones % 4, zones // 4]) + 2.0
    own, zone = rng.permutation(25)[:20], rng.integers(0, 12, 20)
    hall, arrived, moves = Hall(centres[zone] + slots[own], rng.uniform(-3, 3, 20), DIFFERENTIAL), 0, 3
    for _ in range(moves):
        near = np.abs(centres[zone][:, None] - centres).sum(axis=-1) == 4.0  # [robot, zone]
        zone = np.array([rng.choice(zones[row]) for row in near])
        arrived += hall.drive([Goal(*place) for place in centres[zone] + slots[own]], 20.0)
    assert arrived > 0.95 * 20 * moves
    assert hall.closest > 0.0


def test_a_blocked_robot_tries_something_else_by_its_id():
    """Walled in but for its laser's word, equal robots do as each other, others otherwise."""
    angles = np.linspace(-math.pi, math.pi, 120, endpoint=False)
    wall = 0.5 * np.column_stack([np.cos(angles), np.sin(angles)])

    def commands(robot_id):
        drive, velocity, found = LocalPlanner(DIFFERENTIAL, PlannerSettings(), robot_id), STILL, []
        for step in range(150):
            velocity = drive.steer(step * DT, Pose(0.0, 0.0), Goal(4.0, 0.0), velocity, wall)
            found.append(velocity)
        return found

    assert commands(1) == commands(1)
    assert commands(1) != commands(2)
    assert any(abs(v.yaw) > 0.1 for v in commands(1)[30:])


GOOD = {"now": 1.0, "pose": Pose(0.0, 0.0), "goal": Goal(1.0, 0.0), "velocity": STILL, "points": NOTHING}


def test_beside_a_door_a_robot_is_not_through_it_though_its_way_goes_on_to_that_side():
    planner, goal = LocalPlanner(OMNI, PlannerSettings()), Goal(-3.0, 0.5, via=((0.0, 0.0), (-2.5, 0.0)))
    planner.steer(0.0, Pose(0.0, 2.0, 0.0), goal, STILL, NOTHING)
    beside = planner.steer(0.1, Pose(-0.6, 0.4, 0.0), goal, STILL, NOTHING)
    assert beside.x > 0.0 > beside.y  # to the door
    through = planner.steer(0.2, Pose(-0.6, -0.1, 0.0), goal, STILL, NOTHING)
    assert through.x < 0.0  # on to the next


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("now", math.nan),
        ("pose", Pose(math.nan, 0.0)),
        ("goal", Goal(math.inf, 0.0)),
        ("goal", Goal(1.0, 0.0, via=((math.nan, 0.0),))),
        ("velocity", Velocity(math.nan)),
        ("points", np.zeros(3)),
        ("points", np.zeros((4, 3))),
    ],
)
def test_nonsense_is_answered_by_rest(name, value):
    drive = LocalPlanner(DIFFERENTIAL, PlannerSettings())
    drive.steer(**{**GOOD, "now": 0.9})
    assert drive.steer(**GOOD) != STILL
    assert drive.steer(**{**GOOD, name: value}) == STILL


number = st.one_of(st.floats(-5, 5), st.sampled_from([math.nan, math.inf, -math.inf, 1e308, -1e308, 0.0]))
motions = st.builds(Velocity, number, number, number)
clouds = st.lists(st.tuples(number, number), max_size=8).map(lambda rows: np.array(rows, float).reshape(-1, 2))


@settings(max_examples=4 * settings.default.max_examples)
@given(st.data(), st.sampled_from([DIFFERENTIAL, OMNI]))
def test_whatever_it_is_told_it_answers_within_the_limits(data, limits):
    drive, goals = LocalPlanner(limits, PlannerSettings()), st.builds(Goal, number, number)
    for now in (0.0, 0.1, data.draw(number), 0.3):
        pose, goal = data.draw(st.builds(Pose, number, number, number)), data.draw(goals)
        wanted = drive.steer(now, pose, goal, data.draw(motions), data.draw(clouds))
        assert wanted.is_finite
        assert limits.clip(wanted) == wanted


def test_points_that_are_not_numbers_are_left_out():
    points = np.array([[math.nan, 0.0], [math.inf, 0.0], [1e300, 1e300]])
    drives = [LocalPlanner(DIFFERENTIAL, PlannerSettings()) for _ in range(2)]
    for drive in drives:
        drive.steer(**{**GOOD, "now": 0.9})
    assert drives[0].steer(**{**GOOD, "points": points}) == drives[1].steer(**GOOD)


@pytest.mark.parametrize("name", ["radius", "clearance", "tolerance"])
def test_a_bad_setting_is_named(name):
    with pytest.raises(AltmarlError, match=name):
        PlannerSettings(**{name: math.nan})
