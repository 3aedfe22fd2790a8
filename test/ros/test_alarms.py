"""Red means red: robots on wheels with long ticks start without an alarm, and miss a coordinator that is gone in time."""

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.qos import QoSProfile

from altmarl_ros.deployment.fleet_plan import FleetPlan
from altmarl_ros.games import load_game
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.policies import save_bundle

pytestmark = pytest.mark.ros

ROBOTS, PERIOD = 2, 4.0
OK, WARN, ERROR = 0, 1, 2


@pytest.fixture(scope="session")
def hall_policy(tmp_path_factory):
    bundle = train(load_game("hall"), TrainingOptions(K=2, runs=4, n=ROBOTS, rounds=1, certificate_runs=0))
    return save_bundle(bundle, tmp_path_factory.mktemp("hall") / "hall.npz")


@pytest.fixture
def diagnosed(fleet):
    """Makes a running fleet; `latest` is the newest level and message of each status, `alarms` all that were not OK."""

    def make(plan):
        running = fleet(plan)
        running.latest, running.alarms = {}, []

        def hear(message):
            for status in message.status:
                level = int.from_bytes(status.level, "little")
                running.latest[status.name] = level, status.message
                if level:
                    running.alarms.append((status.name, level, status.message))

        running.observer.create_subscription(DiagnosticArray, "/diagnostics", hear, QoSProfile(depth=1000))
        return running

    return make


def test_no_alarm_at_the_start_none_between_ticks_and_one_when_the_coordinator_is_gone(diagnosed, hall_policy):
    running = diagnosed(FleetPlan("hall", hall_policy, ROBOTS, 1, period=PERIOD, processes=1, backend="physical"))
    children = running.start()
    robots = {f"/robots_0: {name}" for name in ("robots", "robot 0", "robot 1")}
    running.wait_until(lambda: robots <= running.latest.keys(), 120, "the robots' diagnoses")
    running.wait_until(lambda: running.observer.latest is not None and running.observer.latest.tick >= 2, 90, "three ticks")
    running.listen(PERIOD)
    assert running.alarms == []
    children["coordinator"].process.kill()
    drive = "/robots_0: robot 0"
    seconds = running.wait_until(lambda: running.latest[drive][0] == ERROR, PERIOD, "the middleware telling a robot")
    assert seconds < PERIOD, "long before a tick is due"
    seconds = running.wait_until(lambda: running.latest["/robots_0: robots"][0] == ERROR, 3 * PERIOD + 3.0, "the alarm")
    assert running.latest["/robots_0: robots"][1] == "0 of 2 robots hear the coordinator"


def test_a_paused_coordinator_is_no_lost_one(diagnosed, policy):
    running = diagnosed(FleetPlan("warehouse", policy, robots=4, k=2, period=0.2, processes=1))
    running.start()
    name = "/robots_0: robots"
    running.wait_until(lambda: running.latest.get(name) == (OK, "4 of 4 robots hear the coordinator"), 40, "a fleet in order")
    assert running.alarms == []
    assert running.set_parameters("coordinator", paused=True)[0]
    running.wait_until(lambda: running.latest[name] == (WARN, "the coordinator is paused"), 15, "the pause being told")
    running.listen(3.0)  # longer than a running coordinator may be silent
    assert running.latest[name][0] == WARN
    assert running.set_parameters("coordinator", paused=False)[0]
    running.wait_until(lambda: running.latest[name][0] == OK, 15, "ticks again")
    assert running.set_parameters("coordinator", tick__period=1.0)[0]
    running.listen(4.0)
    assert running.set_parameters("coordinator", tick__period=0.2)[0]
    running.listen(3.0)
    assert ERROR not in {level for _, level, _ in running.alarms}, running.alarms


def test_robots_without_a_coordinator_say_so_once_their_grace_is_over(diagnosed, start_executable, policy):
    running = diagnosed(FleetPlan("warehouse", policy, robots=2, k=2, period=0.2, processes=1))
    start_executable("robots", count=2, **{"diagnostics.grace": 4.0})
    running.wait_until(lambda: "/robots: robots" in running.latest, 30, "a diagnosis")
    assert running.latest["/robots: robots"] == (OK, "the first tick is not due yet")
    running.wait_until(
        lambda: running.latest["/robots: robots"] == (ERROR, "no coordinator was heard yet"), 15, "the end of the grace"
    )
