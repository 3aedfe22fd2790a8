"""Recording a fleet over real DDS, reading the bag with other people's tools, and deciding again from it."""

import json
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from rosbags.rosbag2 import Reader
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from typer.testing import CliRunner

from altmarl_ros.cli.main import app, main
from altmarl_ros.deployment.fleet_plan import FleetPlan
from altmarl_ros.policies import Ladder, LocalPolicy, load_bundle, save_bundle
from altmarl_ros.records.bag import BagWriter
from altmarl_ros.records.bag_reader import BagReader

pytestmark = [pytest.mark.ros, pytest.mark.untimed]

TICKS = 60


def altmarl(*arguments):
    """Run a command line in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def recorded(fleet, policy, recorder, tmp_path):
    """A whole bag of TICKS ticks, one whose recorder was killed half-way, and what an observer saw of the run."""
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    lasting, victim = recorder(whole), recorder(cut)
    running = fleet(FleetPlan("warehouse", policy, robots=8, k=3, period=0.1, processes=1, ticks=TICKS))
    running.start()
    running.wait_until(lambda: len(running.log.statuses) >= TICKS // 2, 60, "half of the ticks")
    victim.kill()
    running.wait_until(lambda: len(running.log.statuses) >= TICKS, 60, "all ticks")
    running.listen(0.5)
    lasting.send_signal(signal.SIGINT)
    output, _ = lasting.communicate(timeout=20)
    assert lasting.returncode == 0, output
    assert "Traceback" not in output
    return whole, cut, running.log


def with_another_action(bag, to, at, first=0):
    """A copy of a bag in which the decision number `at` is another one, and which begins with the decision number `first`."""
    from rclpy.serialization import deserialize_message, serialize_message

    from altmarl_ros.msg import CoordinatorStatus

    reader, seen, altered, known = BagReader(bag), 0, None, set()
    with BagWriter(to) as writer:
        for message in reader:
            if message.topic not in known:
                known.add(message.topic)
                writer.add_topic(reader.topics[message.topic])
            data = message.data
            if message.topic == "/fleet/status":
                if seen == at:
                    status = deserialize_message(data, CoordinatorStatus)
                    status.global_action, altered = (status.global_action + 1) % 5, status.tick
                    data = serialize_message(status)
                seen += 1
                if seen <= first:
                    continue
            writer.write(message.topic, data, message.received, message.sent)
    return altered


def test_a_recorded_fleet_is_decided_again(recorded, policy, tmp_path):
    whole, cut, log = recorded
    result = altmarl("replay", whole)
    assert result.exit_code == 0, result.output
    assert f"{TICKS} decisions in 1 session made again: {TICKS} equal, 0 different" in result.output

    tick = with_another_action(whole, tmp_path / "altered", at=30)
    result = altmarl("replay", tmp_path / "altered")
    assert result.exit_code == 1
    assert f"{TICKS - 1} equal, 1 different" in result.output
    assert f"tick {tick}: recorded action" in result.output

    with_another_action(whole, tmp_path / "late", at=30, first=20)
    result = altmarl("replay", tmp_path / "late")
    assert result.exit_code == 0, result.output
    assert "begins in the middle of session" in result.output
    assert f"{TICKS - 20} decisions come after ticks that the bag lacks, and cannot be compared" in result.output
    told = json.loads(altmarl("replay", tmp_path / "late", "--json").stdout)
    assert (told["decisions"], told["not_compared"], told["different"]) == (0, TICKS - 20, 0)

    result = altmarl("replay", whole, "-m", "filtered", "-m", "fresh", "-k", "1", "-k", "3")
    assert result.exit_code == 0, result.output
    assert result.output.count(f" {TICKS} ") == 4
    assert "100.0 %" in result.output  # filtered with all three reports is what was recorded
    told = json.loads(altmarl("replay", whole, "--json").stdout)
    assert (told["decisions"], told["different"], told["first_difference"]) == (TICKS, 0, None)
    rows = json.loads(altmarl("replay", whole, "-m", "filtered", "-k", "1", "-k", "3", "--json").stdout)["rows"]
    assert [(row["k"], row["decisions"]) for row in rows] == [(1, TICKS), (3, TICKS)]
    assert rows[1]["share_equal"] == 1.0

    check_other_tools(whole, log)
    check_cut(cut, tmp_path)
    check_refusals(whole, policy, tmp_path)
    result = altmarl("report", whole, "--runs", "10", "--out", tmp_path / "page.html")
    assert result.exit_code == 0, result.output
    assert f"8 robots, k = 3 filtered, {TICKS} ticks of 0.1 s" in result.output
    for command in ("identify", "compare"):
        result = altmarl(command, whole)
        assert result.exit_code == 0, result.output


def test_a_change_of_policy_and_a_takeover_are_decided_again(fleet, policy, recorder, tmp_path):
    bundle = load_bundle(policy)
    other = replace(bundle, pi_g=Ladder(tuple((rung + 1) % 5 for rung in bundle.pi_g.rungs), 5, 5))
    other = replace(other, pi_l=LocalPolicy(bundle.pi_l.probabilities[..., ::-1]))
    save_bundle(other, tmp_path / "other.npz")
    policy = Path(shutil.copy(policy, tmp_path / "first.npz"))
    process = recorder(tmp_path / "bag")
    running = fleet(FleetPlan("warehouse", policy, robots=6, k=3, period=0.2, processes=1, standby=True, start_timeout=5.0))
    children, latest = running.start(), lambda: running.observer.latest
    running.wait_until(lambda: latest() is not None and latest().tick > 5, 40, "some ticks")
    first = latest()
    assert running.set_parameters("coordinator", policy__file=str(tmp_path / "other.npz"))[0]
    running.wait_until(lambda: latest().policy_id != first.policy_id, 15, "the switch")
    running.listen(2.0)
    children["coordinator"].process.kill()
    running.wait_until(lambda: latest().session != first.session and latest().tick > 5, 30, "the standby deciding")
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 0, output
    result = altmarl("replay", tmp_path / "bag")
    assert result.exit_code == 0, result.output
    assert "in 2 sessions made again" in result.output
    assert ", 0 different" in result.output
    assert float(result.output.split("at most ")[1]) < 1e-6
    result = altmarl("replay", tmp_path / "bag", "--policy", policy)
    assert "given" in result.output, result.output
    assert "100.0 %" not in result.output
    moved = (tmp_path / "other.npz").rename(tmp_path / "moved.npz")
    assert main(["replay", str(tmp_path / "bag")]) == 2
    assert main(["replay", str(tmp_path / "bag"), "--policy", str(moved), "--policy", str(policy)]) == 0


def check_other_tools(whole, log):
    """`rosbags` sees the same decisions, by the definitions in the bag, as the observer heard."""
    with Reader(whole) as reader:
        topics = {connection.topic: connection for connection in reader.connections if connection.msgcount}
        names = ("tick", "report", "hello", "policy", "configuration", "status", "truth")
        assert set(topics) == {f"/fleet/{name}" for name in names}
        store = get_typestore(Stores.EMPTY)
        for connection in topics.values():
            store.register(get_types_from_msg(connection.msgdef.data, connection.msgtype))
            assert store.hash_rihs01(connection.msgtype) == connection.digest
        decisions, seeds = {}, []
        for connection, _, data in reader.messages():
            message = store.deserialize_cdr(data, connection.msgtype)
            if connection.topic == "/fleet/status":
                decisions[message.session, message.tick] = (
                    message.global_action,
                    message.asked,
                    tuple(message.polled),
                    tuple(message.heard_id),
                )
            elif connection.topic == "/fleet/configuration":
                seeds += [p.value.integer_value for p in message.parameters if p.name == "sampling.seed"]
    assert seeds == [0]
    assert {key: status.global_action for key, status in log.statuses.items()} == {k: d[0] for k, d in decisions.items()}
    assert all(set(heard) <= set(polled) and asked == 3 for _, asked, polled, heard in decisions.values())
    information = yaml.safe_load((whole / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    assert (information["version"], information["storage_identifier"]) == (9, "mcap")


def check_cut(cut, tmp_path):
    """The bag of the killed recorder is read as far as it goes, and recovered."""
    result = altmarl("replay", cut)
    assert result.exit_code == 0, result.output
    assert "was cut off" in result.output
    assert "0 different" in result.output
    result = altmarl("recover", cut, "--out", tmp_path / "mended")
    assert result.exit_code == 0, result.output
    with Reader(tmp_path / "mended") as reader:
        statuses = sum(connection.msgcount for connection in reader.connections if connection.topic == "/fleet/status")
    assert TICKS // 2 - 25 <= statuses <= TICKS  # the last second may be missing


def check_refusals(whole, policy, tmp_path):
    """A bag that game and bundle no longer explain ends with one line and exit code 2."""
    assert main(["replay", str(whole), "--game", "warehouse_distance"]) == 2
    assert main(["replay", str(tmp_path / "nothing")]) == 2
    kept = policy.read_bytes()
    try:
        policy.unlink()
        assert main(["replay", str(whole)]) == 2
    finally:
        policy.write_bytes(kept)
    assert main(["replay", str(whole)]) == 0
