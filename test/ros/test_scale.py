"""Many robots: in one process as nodes, and as a crowd that the coordinator cannot tell from nodes."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from altmarl_ros.deployment.fleet_plan import FleetPlan
from altmarl_ros.games import load_game
from altmarl_ros.learning.populations.population import simulate
from altmarl_ros.observation import make_model
from altmarl_ros.policies import load_bundle

pytestmark = pytest.mark.ros


@pytest.fixture
def subscriber():
    """A node that listens, and a way to wait for what it hears."""
    import rclpy

    from altmarl_ros.nodes.common.running import make_executor

    rclpy.init(args=[])
    node = rclpy.create_node("subscriber", start_parameter_services=False)
    executor = make_executor()
    executor.add_node(node)

    def wait_until(condition, timeout, what):
        end = time.monotonic() + timeout
        while not condition():
            executor.spin_once(timeout_sec=0.05)
            assert time.monotonic() < end, f"{what} did not happen within {timeout} s"

    node.wait_until = wait_until
    yield node
    executor.shutdown(timeout_sec=1.0)
    node.destroy_node()
    rclpy.try_shutdown()


def hear_hellos(subscriber):
    from altmarl_ros.msg import RobotHello
    from altmarl_ros.nodes.common import qos

    hellos = []
    subscriber.create_subscription(
        RobotHello, "/fleet/hello", lambda hello: hellos.append((time.monotonic(), hello)), qos.latched_from_many_qos()
    )
    return hellos


def test_a_hundred_nodes_join_one_after_another_are_all_on_the_graph_and_leave(subscriber, start_executable):
    from altmarl_ros.msg import RobotHello

    hellos = hear_hellos(subscriber)
    process = start_executable("robots", count=100, join_window=3.0)
    subscriber.wait_until(lambda: len(hellos) >= 100, 60, "the hellos of 100 robots")
    times = np.array([at for at, _ in hellos])
    assert {hello.robot_id for _, hello in hellos} == set(range(100))
    assert times[-1] - times[0] > 1.5, "the hellos came in a burst"
    names = {f"{namespace}/{name}" for name, namespace in subscriber.get_node_names_and_namespaces()}
    assert {f"/robot_{i}/robot" for i in range(100)} <= names
    said = {topic for topic, _ in subscriber.get_publisher_names_and_types_by_node("robot", "/robot_42")}
    assert {"/fleet/hello", "/fleet/report"} <= said
    heard = {topic for topic, _ in subscriber.get_subscriber_names_and_types_by_node("robots", "/")}
    assert {"/fleet/tick", "/fleet/policy"} <= heard  # once for all of them
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 0, output
    assert "Traceback" not in output
    subscriber.wait_until(lambda: len(hellos) >= 200, 10, "100 goodbyes")
    assert {hello.robot_id for _, hello in hellos[100:] if hello.event == RobotHello.LEAVE} == set(range(100))


@pytest.mark.untimed
def test_a_crowd_says_hello_in_ranges_and_leaves(subscriber, start_executable):
    from altmarl_ros.msg import RobotHello

    hellos = hear_hellos(subscriber)
    process = start_executable("crowd", count=12_000, first_id=7)
    subscriber.wait_until(lambda: sum(hello.count for _, hello in hellos) >= 12_000, 60, "the hellos of a crowd")
    ids = [i for _, hello in hellos for i in range(hello.robot_id, hello.robot_id + hello.count)]
    assert sorted(ids) == list(range(7, 12_007))
    assert max(hello.count for _, hello in hellos) <= RobotHello.MAX_COUNT
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 0, output
    assert "Traceback" not in output


@pytest.mark.untimed
def test_of_a_crowd_only_the_allowed_ids_join(subscriber, start_executable, policy):
    from altmarl_ros.msg import CoordinatorStatus
    from altmarl_ros.nodes.common import qos

    statuses = []
    subscriber.create_subscription(CoordinatorStatus, "/fleet/status", statuses.append, qos.account_qos())
    settings = {"roster.allow": "0-9,6003-6006,7000-8000", "tick.period": 0.2, "sampling.k": 3}
    start_executable("coordinator", **{"policy.file": str(policy), **settings})
    start_executable("crowd", count=7000, first_id=5)
    subscriber.wait_until(lambda: len(statuses) > 9 and statuses[-1].live > 0, 40, "the allowed robots joining")
    subscriber.wait_until(lambda: statuses[-1].heard == 3, 20, "a full tick")
    assert statuses[-1].robots == 5 + 4 + 5
    assert statuses[-1].refused_hellos >= 2
    assert all(i in (*range(5, 10), *range(6003, 6007), *range(7000, 7005)) for i in statuses[-1].polled)


@pytest.mark.untimed
@pytest.mark.parametrize("executor", ["EventsExecutor", "SingleThreadedExecutor"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_every_executor_that_may_be_used_stops_on_signals(tmp_path, executor, number):
    without = "import sys; sys.modules['rclpy.experimental.events_executor'] = None; " if executor.startswith("Single") else ""
    program = (
        f"{without}from altmarl_ros.nodes.common import running; "
        "from altmarl_ros.nodes.simulators import markov_world as world; "
        "make = running.make_executor; "
        "running.make_executor = lambda: (lambda e: (print(type(e).__name__, flush=True), e)[1])(make()); "
        "raise SystemExit(world.main([]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    try:
        used = process.stdout.readline().strip()
        time.sleep(0.5)
        process.send_signal(number)
        _, errors = process.communicate(timeout=15)
    finally:
        process.kill()
    assert used == executor
    assert process.returncode == 0, errors
    assert "Traceback" not in errors


@pytest.mark.untimed
def test_a_crowd_earns_what_the_population_simulation_earns(fleet, policy, same_start):
    plan = FleetPlan("warehouse", policy, robots=5000, k=5, period=0.1, crowd=True, ticks=150, seed=3, model="fresh")
    running = fleet(plan)
    running.start()
    enough = 0.95 * plan.ticks  # a stalled machine loses some of what is told
    running.wait_until(lambda: len(running.log.truths) >= enough <= len(running.log.statuses), 90, f"{enough:.0f} ticks")
    game, bundle = load_game("warehouse"), load_bundle(policy)
    record = running.record(plan.ticks)
    assert record.local_state.shape[1] == plan.robots
    assert record.heard.max() <= plan.k
    assert np.mean(record.reports <= plan.k) >= 0.9, "more were asked in place of silent ones than a stalled machine explains"
    start = same_start(record, game.n_local_states, runs=400)
    model = make_model("fresh", game, bundle)
    simulated = simulate(
        game, bundle.pi_l, model, k=plan.k, start=start, horizon=len(record.tick), rng=np.random.default_rng(4)
    )
    per_run = simulated.rewards.mean(axis=1)
    assert per_run.std() < 0.2, "the comparison would see nothing"
    assert abs(record.rewards(game).mean() - per_run.mean()) < 3.5 * per_run.std(ddof=1)


@pytest.mark.untimed
def test_a_coordinator_hears_the_robots_of_a_large_crowd_like_any_others(fleet, policy):
    plan = FleetPlan("warehouse", policy, robots=20_000, k=6, period=0.2, crowd=True, ticks=20)
    running = fleet(plan)
    running.start()
    running.wait_until(lambda: len(running.log.statuses) >= plan.ticks, 90, "20 ticks")
    rows = list(running.log.statuses.values())
    assert rows[-1].live == plan.robots
    assert sum(row.heard for row in rows) >= 0.9 * plan.k * len(rows)
    assert all(sum(truth.counts) == plan.robots for truth in running.log.truths.values())


@pytest.mark.untimed
def test_restarted_coordinators_have_the_crowd_back(fleet, policy):
    plan = FleetPlan("warehouse", policy, robots=12_000, k=4, period=0.2, crowd=True)
    running = fleet(plan)
    children = running.start()
    running.wait_until(lambda: running.observer.latest is not None and running.observer.latest.heard == 4, 60, "a full tick")
    session = running.observer.latest.session
    children["coordinator"].process.kill()
    children["coordinator"].process.wait(5)
    running.start("coordinator")

    def back():
        latest = running.observer.latest
        return latest.session != session and latest.live == plan.robots and latest.heard == 4

    running.wait_until(back, 60, "the crowd's return")
