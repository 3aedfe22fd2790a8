"""A fleet over a real network: coordinator in one namespace, robots and world in another."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from altmarl_ros.cli.processes import command
from altmarl_ros.deployment.fleet_plan import FleetPlan
from altmarl_ros.games import load_game
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.policies import load_bundle, save_bundle

pytestmark = [pytest.mark.ros, pytest.mark.soak]

_spec = importlib.util.spec_from_file_location("namespaces", Path(__file__).with_name("namespaces.py"))
namespaces = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(namespaces)

ROBOTS, K, PERIOD = 8, 3, 0.2


@pytest.fixture
def cable(monkeypatch):
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "SUBNET")
    monkeypatch.setenv("FASTDDS_BUILTIN_TRANSPORTS", "UDPv4")  # shared memory goes round the cable
    cable = namespaces.cable_or_skip()
    yield cable
    cable.remove()


@pytest.fixture
def split(fleet, policy, cable, tmp_path):
    """Start a fleet across the cable, with the observer on one side."""

    def start(observer="a", **options):
        plan = FleetPlan(
            "warehouse", policy, robots=ROBOTS, k=K, period=PERIOD, processes=1, **{"start_timeout": 5.0, **options}
        )
        with cable.at(observer):
            running = fleet(plan, namespaces.RemoteObserver(tmp_path / "observer"))
        with cable.at("b"):
            running.start("world", "robots_0")
        with cable.at("a"):
            running.start(*(["standby"] if plan.standby else []), "coordinator")
        return running

    return start


def acting(truth):
    return sum(action is not None for action in truth.local_actions)


def whole(running):
    latest = running.observer.latest
    if latest is None or not running.log.truths:
        return False
    return latest.live == ROBOTS and latest.heard == K and acting(next(reversed(running.log.truths.values()))) == ROBOTS


def wait_until_whole(running, what="the fleet across the cable"):
    running.wait_until(lambda: whole(running), 40, what)


def test_multicast_discovery_and_ticks_cross_the_cable(split, cable):
    running = split()
    wait_until_whole(running)
    before = cable.sent_bytes("b")
    seen = len(running.log.statuses)
    running.wait_until(lambda: len(running.log.statuses) >= seen + 10, 20, "ten more ticks")
    assert cable.sent_bytes("b") - before > 10 * K * 20, "the reports went round the cable"


def test_static_peers_replace_multicast(split, cable, monkeypatch):
    for side in "ab":
        namespaces.need("nft", "nftables")
        cable.lose(side, 100, "ip daddr 224.0.0.0/4")
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    monkeypatch.setenv("ROS_STATIC_PEERS", f"{cable.address['a']};{cable.address['b']}")
    wait_until_whole(split(), "the fleet by static peers")


def test_without_multicast_and_without_peers_there_is_no_fleet(split, cable):
    namespaces.need("nft", "nftables")
    for side in "ab":
        cable.lose(side, 100, "ip daddr 224.0.0.0/4")
    running = split(observer="a", start_timeout=0.5)
    running.wait_until(lambda: len(running.log.statuses) > 20, 30, "ticks without robots")
    assert running.observer.latest.live == 0


def test_a_discovery_server_replaces_multicast(split, cable, monkeypatch):
    namespaces.need("nft", "nftables")
    for side in "ab":
        cable.lose(side, 100, "ip daddr 224.0.0.0/4")
    server = server_command()
    with cable.at("a"):
        process = subprocess.Popen([*server, "-i", "0", "-l", cable.address["a"], "-p", "11811"], stdout=subprocess.DEVNULL)
    try:
        monkeypatch.setenv("ROS_DISCOVERY_SERVER", f"{cable.address['a']}:11811")
        monkeypatch.setenv("ROS_SUPER_CLIENT", "TRUE")
        wait_until_whole(split(), "the fleet by a discovery server")
    finally:
        process.terminate()
        process.wait(10)


def server_command():
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    server = shutil.which("fast-discovery-server", path=path)
    if server is None:
        pytest.skip("NETWORK TEST NOT RUN: fast-discovery-server is not installed (it comes with Fast DDS)")
    # Since Fast DDS 3 the tool takes a command first, as `fastdds discovery` gives it.
    takes_command = subprocess.run([server, "42", "-h"], capture_output=True, timeout=20).returncode == 0
    return [server, "42"] if takes_command else [server]


def test_all_robots_are_back_three_ticks_after_a_cut_of_ten_seconds(split, cable, policy):
    running = split()
    wait_until_whole(running)
    cable.cut()
    running.listen(10.0)
    assert running.observer.latest.heard == 0
    healed = time.time()
    cable.mend()

    def whole_ticks():
        return [
            key[1]
            for key, status in running.log.statuses.items()
            if status.stamp > healed
            and status.live == ROBOTS
            and key in running.log.truths
            and acting(running.log.truths[key]) == ROBOTS
        ]

    running.wait_until(whole_ticks, 40, "the robots coming back")
    first_tick = np.ceil((healed - running.observer.latest.stamp) / PERIOD) + running.observer.latest.tick
    back = min(whole_ticks())
    assert back - first_tick <= 3
    assert running.log.record({}, None).wrong_actions(load_bundle(policy).pi_l) == 0


def test_a_standby_across_a_cut_takes_over_and_steps_down_in_order(split, cable, policy):
    """Both sides have a coordinator: robots follow the near one while the cable is cut, and one when it is mended."""
    running = split(observer="b", standby=True)
    wait_until_whole(running)
    first = running.observer.latest.session
    # A second standby on the robots' side.
    with cable.at("b"):
        nodes = {node.name: node for node in running.plan.nodes()}
        node = replace(
            nodes["standby"], ros_name="/near/coordinator", parameters={**nodes["standby"].parameters, "failover.rank": 2}
        )
        running.group.start("near", command(node))
    running.listen(5.0)
    assert running.observer.latest.session == first
    cable.cut()
    running.wait_until(lambda: running.observer.latest.session != first, 20, "the near standby taking over")
    running.wait_until(lambda: whole(running), 20, "all robots following it")
    second = running.observer.latest.session
    running.listen(3.0)
    cable.mend()
    running.listen(5.0)
    sessions = [status.session for status in list(running.log.statuses.values())[-5:]]
    assert len(set(sessions)) == 1
    wait_until_whole(running, "one coordinator for all")
    assert sessions[-1] == second
    assert running.log.record({}, None).wrong_actions(load_bundle(policy).pi_l) == 0


def test_the_fleet_plays_on_over_a_slow_link(split, cable, monkeypatch):
    namespaces.need("tc", "iproute2")
    for name in ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE"):
        monkeypatch.delenv(name, raising=False)  # announcements twice a second take more of such a link than the reports
    running = split(observer="b")
    wait_until_whole(running)
    cable.limit("b", "64kbit")
    before, began = cable.sent_bytes("b"), time.monotonic()
    seen = len(running.log.statuses)
    running.wait_until(lambda: len(running.log.statuses) >= seen + 25, 30, "25 ticks")
    rows = list(running.log.statuses.values())[seen:]
    assert (cable.sent_bytes("b") - before) / (time.monotonic() - began) < 8000 * 1.1 + 4096
    assert np.mean([row.heard / row.asked for row in rows]) > 0.9


def test_the_fleet_plays_on_when_packets_are_lost(split, cable, policy):
    namespaces.need("nft", "nftables")
    running = split(observer="b")
    wait_until_whole(running)
    for side in "ab":
        cable.lose(side, 30)
    seen = len(running.log.statuses)
    running.wait_until(lambda: len(running.log.statuses) >= seen + 40, 40, "40 ticks")
    rows = list(running.log.statuses.values())[seen:]
    assert 0 < np.mean([row.heard / row.asked for row in rows if row.asked]) < 0.9
    assert running.log.record({}, None).wrong_actions(load_bundle(policy).pi_l) == 0


@pytest.fixture
def netcheck(cable, tmp_path):
    """Run `altmarl netcheck` on both sides; what the peer's side printed and its exit code."""

    def run(*options):
        command = [sys.executable, "-m", "altmarl_ros.cli.main", "netcheck"]
        with cable.at("a"):
            listener = subprocess.Popen(
                [*command, "--listen"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path
            )
        try:
            with cable.at("b"):
                peer = subprocess.run([*command, "--peer", *options], capture_output=True, text=True, timeout=60, cwd=tmp_path)
        finally:
            listener.terminate()
            said, _ = listener.communicate(timeout=10)
        assert "Traceback" not in said + peer.stdout + peer.stderr
        return re.sub(r"\s+", " ", peer.stdout + peer.stderr), peer.returncode

    return run


def test_netcheck_is_content_with_a_good_cable(netcheck):
    said, code = netcheck()
    assert code == 0, said
    for name in ("multicast", "discovery", "rate"):
        assert f"ok {name}" in said


def test_netcheck_names_missing_multicast_and_the_remedy(netcheck, cable):
    namespaces.need("nft", "nftables")
    for side in "ab":
        cable.lose(side, 100, "ip daddr 224.0.0.0/4")
    said, code = netcheck("--timeout", "4")
    assert code == 1
    assert "failed multicast" in said
    assert "failed discovery" in said
    assert "ROS_STATIC_PEERS" in said


def test_netcheck_notices_lost_packets(netcheck, cable):
    namespaces.need("nft", "nftables")
    cable.lose("b", 40, "udp length > 60")
    said, _ = netcheck()
    assert "failed rate" in said


def test_a_cut_stops_robots_that_drive_and_they_go_on_when_it_is_mended(cable, fleet, tmp_path):
    """Robots, their drivers and an onlooker are on one side, the coordinator on the other."""
    bundle = save_bundle(
        train(load_game("hall"), TrainingOptions(K=1, runs=20, n=20, certificate_runs=0)), tmp_path / "hall.npz"
    )
    plan = FleetPlan("hall", bundle, robots=3, k=1, period=75.0, processes=1, start_timeout=5.0, backend="physical")
    with cable.at("b"):
        running = fleet(plan, namespaces.RemoteObserver(tmp_path / "observer"))
        running.start("physical_world", "robots_0")
    with cable.at("a"):
        running.start("coordinator")

    def speeds():
        """Of each robot over the last second or so [m/s]."""
        rows = list(running.log.floors.values())[-2:]
        if len(rows) < 2:
            return np.zeros(3)
        (x, t), (y, u) = ((np.array([row.places[i] for i in range(3)]), row.time) for row in rows)
        return np.hypot(*(y - x).T) / (u - t)

    running.wait_until(lambda: speeds().min() > 0.2, 150, "three robots on their way")
    cable.cut()
    running.listen(4.0)  # half a second, braking, and two looks at the floor
    assert speeds().max() < 0.02
    cable.mend()
    running.wait_until(lambda: speeds().min() > 0.2, 60, "three robots going on")
    assert list(running.log.floors.values())[-1].contacts == 0
