"""/diagnostics, and quality of service set by parameters, as tools see them."""

import os
import signal

import pytest
from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from altmarl_ros.deployment.fleet_plan import FleetPlan

pytestmark = [
    pytest.mark.ros,
    pytest.mark.filterwarnings("ignore:Deprecated in favor of:DeprecationWarning"),  # by rclpy, of an incompatible reader
]


@pytest.fixture
def listen(fleet, policy):
    """Runs nothing yet; `latest` is the newest status of each name on /diagnostics."""
    from diagnostic_msgs.msg import DiagnosticArray

    running = fleet(FleetPlan("warehouse", policy, robots=8, k=3, period=0.2, processes=2))
    latest, arrays = {}, []

    def hear(message):
        arrays.append(message)
        latest.update({status.name: status for status in message.status})

    running.observer.create_subscription(DiagnosticArray, "/diagnostics", hear, QoSProfile(depth=10))
    return running, latest, arrays


def values(status):
    return {item.key: item.value for item in status.values}


def level(status):
    return int.from_bytes(status.level, "little")


def test_a_fleet_in_order_says_so_and_a_stopped_part_of_it_is_named(listen):
    running, latest, arrays = listen
    children = running.start()
    found = ("ticks", "reports", "roster", "robot ids", "coordinators", "bandwidth", "policy", "quality of service")
    names = {f"/coordinator: {name}" for name in found}
    names |= {f"/robots_{i}: {name}" for i in (0, 1) for name in ("robots", "quality of service")}

    def in_order():
        if not names <= latest.keys() or int(values(latest["/coordinator: roster"])["live"]) < 8:
            return False
        if int(values(latest["/coordinator: reports"])["accepted"]) == 0:
            return False
        return all(level(latest[f"/coordinator: {name}"]) == 0 for name in ("reports", "roster", "ticks", "bandwidth"))

    running.wait_until(in_order, 40, "a diagnosis without complaint")
    assert set(latest) == names, "robots of a process do not each diagnose themselves"
    assert {status.hardware_id for status in latest.values()} == {"/fleet"}
    assert float(values(latest["/coordinator: ticks"])["wanted frequency [Hz]"]) == 5.0
    reports = values(latest["/coordinator: reports"])
    assert {
        "loss",
        "asked",
        "heard",
        "rung",
        "accepted",
        "late",
        "duplicate",
        "foreign",
        "not_polled",
        "unknown",
        "wrong_game",
        "out_of_range",
    } <= reports.keys()
    assert values(latest["/robots_0: robots"])["robots"] == "4"
    heard = len(arrays)
    seconds = running.wait_until(lambda: len(arrays) >= heard + 9, 30, "nine more arrays from three nodes")
    assert seconds > 1.5, "one per second and node"
    os.kill(children["robots_1"].process.pid, signal.SIGSTOP)
    try:
        running.wait_until(lambda: level(latest["/coordinator: roster"]) == 2, 30, "half of the robots being missed")
        assert latest["/coordinator: roster"].message == "4 of 8 robots answer"
    finally:
        os.kill(children["robots_1"].process.pid, signal.SIGCONT)
    running.wait_until(in_order, 40, "all being well again")
    children["coordinator"].process.kill()
    running.wait_until(lambda: level(latest["/robots_0: robots"]) == 2, 20, "robots missing the coordinator")
    assert latest["/robots_0: robots"].message == "0 of 4 robots hear the coordinator"


def profiles(running, topic, kind):
    info = (
        running.observer.get_publishers_info_by_topic
        if kind == "publisher"
        else running.observer.get_subscriptions_info_by_topic
    )
    return {end.node_name: end.qos_profile for end in info(topic)}


def test_parameters_change_the_profiles_of_publishers_and_subscriptions(listen, start_executable, policy):
    running, _, _ = listen
    start_executable(
        "coordinator",
        **{
            "policy.file": str(policy),
            "qos_overrides./fleet/status.publisher.durability": "volatile",
            "qos_overrides./fleet/tick.publisher.deadline": 700_000_000,
            "qos_overrides./fleet/report.subscription.reliability": "reliable",
        },
    )
    start_executable(
        "robots",
        count=3,
        **{
            "qos_overrides./fleet/report.publisher.reliability": "reliable",
            "qos_overrides./robots/body.subscription.reliability": "best_effort",
        },
    )
    topics = {"publisher": ("/fleet/tick", "/fleet/policy", "/fleet/status"), "subscription": ("/fleet/report",)}
    for kind, names in topics.items():
        for topic in names:
            running.wait_until(lambda t=topic, k=kind: "coordinator" in profiles(running, t, k), 20, f"its {kind} of {topic}")
    assert profiles(running, "/fleet/tick", "publisher")["coordinator"].deadline == Duration(nanoseconds=700_000_000)
    assert profiles(running, "/fleet/policy", "publisher")["coordinator"].durability == DurabilityPolicy.TRANSIENT_LOCAL

    def reports():
        return [end.qos_profile for end in running.observer.get_publishers_info_by_topic("/fleet/report")]

    running.wait_until(lambda: len(reports()) == 3, 20, "three robots")
    assert {profile.reliability for profile in reports()} == {ReliabilityPolicy.RELIABLE}

    running.wait_until(lambda: "robots" in profiles(running, "/robots/body", "subscription"), 20, "their bodies' topic")
    assert profiles(running, "/robots/body", "subscription")["robots"].reliability == ReliabilityPolicy.BEST_EFFORT
    assert profiles(running, "/fleet/report", "subscription")["coordinator"].reliability == ReliabilityPolicy.RELIABLE
    assert profiles(running, "/fleet/status", "publisher")["coordinator"].durability == DurabilityPolicy.VOLATILE


def test_a_wrong_policy_is_refused_in_one_line(start_executable, policy):
    parameter = "qos_overrides./fleet/tick.publisher.reliability"
    process = start_executable("coordinator", **{"policy.file": str(policy), parameter: "perfect"})
    output, _ = process.communicate(timeout=15)
    assert process.returncode == 2
    assert len(output.strip().splitlines()) == 1
    assert "/fleet/tick" in output
    assert "perfect" in output


def test_incompatible_and_missed_deadlines_are_counted(listen, start_executable, policy):
    from altmarl_ros.msg import FleetTick

    running, latest, _ = listen
    start_executable(
        "coordinator",
        **{
            "policy.file": str(policy),
            "tick.period": 0.3,
            "qos_overrides./fleet/tick.publisher.deadline": 100_000_000,
        },
    )
    running.observer.create_subscription(FleetTick, "/fleet/tick", print, QoSProfile(depth=1))  # wants it reliable

    def counted(event):
        status = latest.get("/coordinator: quality of service")
        return status is not None and int(values(status).get(f"/fleet/tick {event}", 0)) > 0

    running.wait_until(lambda: counted("deadline missed"), 30, "missed deadlines on /diagnostics")
    running.wait_until(lambda: counted("incompatible quality of service"), 30, "the incompatible reader on /diagnostics")


def test_robots_count_a_coordinator_that_is_gone(listen, start_executable, policy):
    running, latest, _ = listen
    coordinator = start_executable(
        "coordinator",
        **{
            "policy.file": str(policy),
            "tick.period": 0.2,
            "qos_overrides./fleet/tick.publisher.liveliness_lease_duration": 600_000_000,
        },
    )
    start_executable("robots", count=2, **{"qos_overrides./fleet/tick.subscription.liveliness_lease_duration": 700_000_000})

    def count(event):
        return (
            int(values(latest["/robots: quality of service"]).get(f"/fleet/tick {event}", 0))
            if "/robots: robots" in latest
            else 0
        )

    running.wait_until(lambda: count("liveliness changed") > 0, 30, "the coordinator being alive")
    assert count("liveliness lost") == 0
    coordinator.send_signal(signal.SIGSTOP)
    try:
        running.wait_until(lambda: count("liveliness lost") > 0, 30, "the coordinator's liveliness being lost")
    finally:
        coordinator.send_signal(signal.SIGCONT)
