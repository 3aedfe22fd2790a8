"""Plays a fleet across a link of little rate, with loss and delay: thin links over zenoh beside DDS in one domain.

    python benchmarks/thin_link.py --robots 20 --rate 20000 --loss 0.1 --delay 0.1
    python benchmarks/thin_link.py --robots 50 --rate 0 --loss 0 --delay 0 --start 0     # bytes alone

The coordinator's protocol runs in one network namespace and all robots' in another, with a relay between them (thin_cable.py).
Over zenoh every robot has its own end of a link and TLS connection, over DDS a participant, with a node that has the topics of
a robot. Neither has the rest of a robot's nodes: what is measured is what carries the protocol. Robots are Markov chains and
act once per tick that they heard; who missed it stays where it is and earns nothing in that tick.

A row: `in time` is the share of ticks that a robot heard before the next one was sent, its mean and its worst robot; `heard`
the share of polls that were answered; the reward; how much less a fleet earns with these losses than on a perfect link, played
once more in pairs of the same seeds without waiting (--pairs, mean and standard error);
ticks in which a process of the benchmark, the relay too, was kept from running for 0.2 s are left out of all of this;
the bytes of the first minute, and per second after `--start` seconds, headers included; what both processes take of a core;
how long a policy of --policy-bytes, announced after that, took to reach the first and the last robot, and the share of ticks
in time meanwhile.
Needs root.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable, Protocol, Sequence

import numpy as np
from fleet_of_cores import CoordinatorCore, Losses, RobotCores, compare, load
from thin_cable import Channel, ThinCable, watch_stalls

from altmarl_ros.deployment.middleware import discovery_variables, free_domains
from altmarl_ros.games import load_game
from altmarl_ros.learning.alternating import TrainingOptions, train
from altmarl_ros.links import Authority, load_credentials
from altmarl_ros.links.coordinator_end import CoordinatorEnd
from altmarl_ros.links.field_end import FieldCallbacks, FieldEnd
from altmarl_ros.links.store import Store
from altmarl_ros.nodes.link.tick_thinning import TickThinner
from altmarl_ros.policies import save_bundle

_BASE, _PORT = "altmarl/fleet", 7447
_SETTLE = 10.0  # s that the fleet ticks without being measured
_BATCH = 20  # ticks
_POLICY = 45.0  # s that a new policy is given


class Sender(Protocol):
    """The coordinator's side of what carries the protocol."""

    def tick(self, message: bytes) -> None:
        """Send a tick to all robots."""

    def policy(self, message: bytes) -> None:
        """Announce a policy."""

    def beat(self) -> None:
        """Do what is due; called often."""

    def close(self) -> None:
        """Hang up."""


class ZenohSender:
    """A coordinator's end of a link."""

    def __init__(self, folder: Path, given: dict[str, Any], on_report: Callable[[bytes], None]) -> None:
        credentials, self._lease = load_credentials(folder / "keys", "dispatch"), float(given["lease"])
        take = lambda flow, _holder, message, _attachment: (flow.name == "report" and on_report(message), True)[1]  # noqa: E731
        own = {"datagrams": given["kind"] == "datagrams", "policy_rate": given["policy_rate"]}
        self._end = CoordinatorEnd(_BASE, credentials, [f"0.0.0.0:{_PORT}"], take, **own)
        self._thinner = TickThinner()
        self._end.open()
        self._end.set_alive(True)

    def tick(self, message: bytes) -> None:
        thin = self._thinner.thin(message)
        if thin.only_for is None:
            self._end.publish("tick", thin.message)
        for robot_id in thin.only_for or ():
            self._end.publish("poll", thin.message, holder=str(robot_id))

    def policy(self, message: bytes) -> None:
        self._end.set_state("policy", [message])

    def beat(self) -> None:
        self._end.send_beacon_if_due(self._lease / 3)

    def close(self) -> None:
        self._end.close()


class DdsSender:
    """A node with the topics of a coordinator, raw."""

    def __init__(self, lease: float, on_report: Callable[[bytes], None]) -> None:
        self._node = DdsNode("coordinator")
        self._publishers = self._node.publishers(lease, ("tick", "policy", "configuration"))
        self._node.subscribe(lease, {"report": on_report, "hello": lambda _: None})

    def tick(self, message: bytes) -> None:
        self._publishers["tick"].publish(message)

    def policy(self, message: bytes) -> None:
        self._publishers["policy"].publish(message)

    def beat(self) -> None:
        pass

    def close(self) -> None:
        pass


class DdsNode:
    """A participant of its own, on a thread of its own."""

    def __init__(self, name: str) -> None:
        import rclpy
        from rclpy.executors import SingleThreadedExecutor

        from altmarl_ros.nodes.link.topics import link_topics

        self._topics = link_topics
        context = rclpy.Context()
        rclpy.init(context=context)
        self.node = rclpy.create_node(name, context=context)
        executor = SingleThreadedExecutor(context=context)
        executor.add_node(self.node)
        self._thread = threading.Thread(target=lambda: self._spin(executor), daemon=True)

    def publishers(self, lease: float, names: Sequence[str]) -> dict[str, Any]:
        topics = self._topics({"fleet_prefix": "/fleet", "world_prefix": "/world", "drive_topic": "", "lease": lease})
        return {name: self.node.create_publisher(topics[name].type, topics[name].name, topics[name].offered) for name in names}

    def subscribe(self, lease: float, callbacks: dict[str, Callable[[bytes], Any]]) -> None:
        topics = self._topics({"fleet_prefix": "/fleet", "world_prefix": "/world", "drive_topic": "", "lease": lease})
        for name, callback in callbacks.items():
            topic = topics[name]
            self.node.create_subscription(topic.type, topic.name, callback, topic.asked, raw=True)
        self._thread.start()

    @staticmethod
    def _spin(executor: Any) -> None:
        while True:
            executor.spin_once(timeout_sec=1.0)


def coordinate(given: dict[str, Any]) -> None:
    """Tick in this process, and print a line for each tick and for the new policy."""
    folder, lease = Path(given["folder"]), float(given["lease"])
    core = CoordinatorCore(load(given), given["robots"], given["k"], given["period"])
    sender: Sender = DdsSender(lease, core.hear) if given["kind"] == "dds" else ZenohSender(folder, given, core.hear)
    watch_stalls(_print_stall)
    period, end = float(given["period"]), time.monotonic() + given["seconds"]
    due, announced = time.monotonic() + 1.0, False
    while (now := time.monotonic()) < end:
        if given["policy_at"] and not announced and now >= end - given["seconds"] + given["policy_at"]:
            announced = True
            print(json.dumps({"policy": now}), flush=True)
            sender.policy(os.urandom(given["policy_bytes"]))
        if now >= due:
            due += period
            for row in core.tick_due(now):
                print(json.dumps(row), flush=True)
            sender.tick(core.broadcast())
        again = core.backfill_if_due(now)
        if again is not None:
            sender.tick(again)
        for row in core.decide_if_due(now):
            print(json.dumps(row), flush=True)
        sender.beat()
        time.sleep(0.01)
    sender.close()


def _print_stall(began: float, ended: float) -> None:
    sys.stdout.write(json.dumps({"stall": [began, ended]}) + "\n")
    sys.stdout.flush()


def be_robots(given: dict[str, Any]) -> None:
    """Play all robots in this process, and print a line whenever one hears a tick or the new policy."""
    lock, lease, folder = threading.Lock(), float(given["lease"]), Path(given["folder"])
    cores = RobotCores(load(given), given["robots"], given["seed"])
    watch_stalls(_print_stall)

    def on_tick(robot_id: int, message: bytes) -> bytes | None:
        with lock:
            now = time.monotonic()
            row, report = cores.hear(robot_id, message, now)
            if row is not None:
                sys.stdout.write(json.dumps(row) + "\n")
                sys.stdout.flush()
            return report

    def on_policy(robot_id: int) -> None:
        with lock:
            print(json.dumps({"policy": time.monotonic(), "robot": robot_id}), flush=True)

    for robot_id in range(given["robots"]):
        if given["kind"] == "dds":
            _connect_dds(robot_id, lease, on_tick, on_policy)
        else:
            _connect_zenoh(robot_id, folder, lease, on_tick, on_policy)
    time.sleep(given["seconds"] + 600.0)  # until it is ended


def _connect_zenoh(robot_id: int, folder: Path, lease: float, on_tick: Any, on_policy: Any) -> None:
    ends: list[FieldEnd] = []

    def take(flow: Any, _holder: str, message: bytes, _attachment: bytes) -> None:
        report = on_tick(robot_id, message) if flow.name in ("tick", "poll") else None
        if report is not None:
            ends[0].publish("report", report)

    def on_heard(heard: bool) -> None:
        if not heard:  # in one write, since every robot has its thread
            sys.stdout.write(json.dumps({"silent": robot_id}) + "\n")
            sys.stdout.flush()

    callbacks = FieldCallbacks(take, lambda name, _: on_policy(robot_id) if name == "policy" else None, on_heard)
    credentials = load_credentials(folder / "keys", f"robot_{robot_id}")
    ends.append(FieldEnd(_BASE, credentials, f"10.77.0.1:{_PORT}", callbacks, store=Store(None), lease=lease))
    ends[0].start()
    ends[0].request("hello", bytes(60))


def _connect_dds(robot_id: int, lease: float, on_tick: Any, on_policy: Any) -> None:
    node = DdsNode(f"robot_{robot_id}")
    publishers = node.publishers(lease, ("report", "hello"))

    def take(message: bytes) -> None:
        report = on_tick(robot_id, message)
        if report is not None:
            publishers["report"].publish(report)

    node.subscribe(lease, {"tick": take, "policy": lambda _: on_policy(robot_id), "configuration": lambda _: None})


def measure(kind: str, arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run one fleet, and return its row."""
    channel = Channel(arguments.rate, arguments.delay, arguments.loss, seed=arguments.seed)
    cable, (domain,) = ThinCable(channel, folder), free_domains(1)
    seconds = arguments.start + arguments.seconds + (_POLICY if arguments.policy_bytes else 0.0)
    given = {**vars(arguments), "kind": kind, "folder": str(folder), "seconds": seconds, "out": None}
    given["policy_at"] = arguments.start + arguments.seconds if arguments.policy_bytes else 0.0
    if kind != "dds":
        authority = Authority.create(folder / "keys")
        authority.issue("coordinator", "dispatch", addresses=[cable.address["a"]])
        for robot_id in range(arguments.robots):
            authority.issue("robot", f"robot_{robot_id}", robot_id=robot_id)
    environment = {
        **os.environ,
        **discovery_variables(),
        "ROS_DOMAIN_ID": str(domain),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET",
        "FASTDDS_BUILTIN_TRANSPORTS": "UDPv4",
    }
    logs = {side: folder / f"{side}.jsonl" for side in "ab"}
    processes = []
    try:
        for side, role in (("b", "robots"), ("a", "coordinator")):
            command = [sys.executable, __file__, "--role", role, "--given", json.dumps(given)]
            with cable.at(side), logs[side].open("w") as log:
                processes.append(subprocess.Popen(command, stdout=log, env=environment))
        first, begun = 0, time.monotonic()
        time.sleep(min(60.0, seconds))
        minute = int(cable.counts()["bytes"])
        with suppress(subprocess.TimeoutExpired):
            processes[1].wait(max(0.01, begun + arguments.start - time.monotonic()))
        first, from_then = int(cable.counts()["bytes"]), time.monotonic()
        worked = [_processor_seconds(process.pid) for process in processes]
        time.sleep(arguments.seconds)
        took = time.monotonic() - from_then
        rate = (cable.counts()["bytes"] - first) / took
        busy = [(_processor_seconds(each.pid) - before) / took for each, before in zip(processes, worked, strict=True)]
        processes[1].wait(seconds + 60)
        counts = cable.counts()
    finally:
        for process in processes:
            process.kill()
            process.wait()
        cable.remove()
    rows = {side: [json.loads(line) for line in log.read_text().splitlines()] for side, log in logs.items()}
    rows["a"] += [{"stall": stall} for stall in counts.pop("stalls")]
    return {
        "kind": kind,
        **judge(rows["a"], rows["b"], arguments, given),
        "minute": minute,
        "rate": rate,
        "busy": busy,
        **counts,
    }


def _processor_seconds(pid: int) -> float:
    times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")


def judge(told: list[dict[str, Any]], heard: list[dict[str, Any]], arguments: argparse.Namespace, given: Any) -> dict[str, Any]:
    """Return what coordinator and robots say of a run."""
    sent = {row["tick"]: row["sent"] for row in told if "sent" in row}
    decided = [row for row in told if "decided" in row]
    first = (arguments.start or _SETTLE) / arguments.period
    begun = [tick for tick in sent if tick >= first and tick + 1 in sent]
    stalls = [row["stall"] for row in (*told, *heard) if "stall" in row]
    announced = next((row["policy"] for row in told if "policy" in row), math.inf)
    arrived = sorted(row["policy"] - announced for row in heard if "policy" in row and row["policy"] >= announced)
    whole = [t for t in begun if not any(sent[t] < until and since < sent[t + 1] for since, until in stalls)]
    measured = [t for t in whole if sent[t + 1] <= announced]
    during = [t for t in whole if arrived and announced <= sent[t] <= announced + arrived[-1]]
    times = {(row["tick"], row["robot"]): row["at"] for row in heard if "tick" in row}
    robots = range(arguments.robots)
    in_time = np.array([[times.get((t, i), math.inf) <= sent[t + 1] for t in measured] for i in robots])
    meanwhile = [times.get((t, i), math.inf) <= sent[t + 1] for t in during for i in robots]
    delays = [times[t, i] - sent[t] for t in measured for i in robots if (t, i) in times]
    game = load(given)[0]
    rewards = []
    for row in decided:
        if row["decided"] in measured:
            acted = [each for each in heard if each.get("tick") == row["decided"]]
            local = sum(game.r_l[each["state"], row["s_g"], each["action"]] for each in acted) / arguments.robots
            rewards.append(float(game.r_g[row["s_g"], row["a_g"]] + local))
    batches = [np.mean(rewards[i : i + _BATCH]) for i in range(0, len(rewards) - _BATCH + 1, _BATCH)] or [math.nan]
    asked = sum(row["asked"] for row in decided if row["decided"] in measured)
    answered = sum(row["heard"] for row in decided if row["decided"] in measured) / asked if asked else 0.0
    # Those of robots that heard the tick; the others say nothing anyhow.
    losses = Losses(in_time.T, min(1.0, answered / max(float(in_time.mean()), 1e-9)))
    judged = bool(measured) and arguments.pairs > 1
    paired = compare(load(given), (arguments.robots, arguments.k), losses, arguments.pairs) if judged else (math.nan,) * 3
    in_time = in_time.mean(axis=1)
    return {
        "ticks": len(measured),
        "stalled": len(begun) - len(whole),
        "in_time": float(in_time.mean()),
        "worst": float(in_time.min()),
        "above_95": int((in_time >= 0.95).sum()),
        "delay_p50": float(np.median(delays)) if delays else math.nan,
        "delay_p99": float(np.quantile(delays, 0.99)) if delays else math.nan,
        "heard": answered,
        "perfect": paired[0],
        "difference": paired[1],
        "difference_error": paired[2],
        "reward": float(np.mean(rewards)) if rewards else math.nan,
        "reward_error": float(np.std(batches, ddof=1) / math.sqrt(len(batches))) if len(batches) > 1 else math.nan,
        "silences": sum("silent" in row for row in heard),
        "policy_first": arrived[0] if arrived else math.nan,
        "policy_last": arrived[-1] if arrived else math.nan,
        "policy_robots": len(arrived),
        "policy_in_time": float(np.mean(meanwhile)) if meanwhile else math.nan,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", default="datagrams,tls,dds", help="links with datagrams, without, one ROS network")
    parser.add_argument("--robots", type=int, default=20)
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument("--period", type=float, default=1.0, help="s")
    parser.add_argument("--lease", type=float, default=3.0, help="s of silence after which a coordinator counts as gone")
    parser.add_argument("--rate", type=float, default=20_000.0, help="bytes per second of both directions together; 0: any")
    parser.add_argument("--delay", type=float, default=0.1, help="s, each way")
    parser.add_argument("--loss", type=float, default=0.1, help="share of the packets, each way")
    parser.add_argument("--start", type=float, default=60.0, help="s until the fleet is taken to run")
    parser.add_argument("--seconds", type=float, default=120.0, help="s that are measured then")
    parser.add_argument("--policy-bytes", type=int, default=5000, help="of the new policy; 0: none")
    parser.add_argument("--policy-rate", type=float, default=0.0, help="bytes per second in which links hand it out; 0: any")
    parser.add_argument("--pairs", type=int, default=8, help="runs of 1200 ticks whose rewards are compared")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="write the rows as JSON")
    parser.add_argument("--role", choices=("robots", "coordinator"), help=argparse.SUPPRESS)
    parser.add_argument("--given", type=json.loads, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.role:
        (be_robots if arguments.role == "robots" else coordinate)(arguments.given)
        return
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        options = TrainingOptions(K=arguments.k, runs=50, n=100, learn_for="fresh", certificate_runs=0)
        arguments.bundle = str(save_bundle(train(load_game("warehouse"), options), Path(temporary) / "policy.npz"))
        for kind in arguments.kinds.split(","):
            folder = Path(temporary) / kind
            folder.mkdir()
            row = measure(kind, arguments, folder)
            rows.append({**row, "load": os.getloadavg()[0]})
            print(
                f"{kind:>6} {arguments.robots:3d} robots, {row['ticks']} ticks: "
                f"in time {row['in_time']:.3f}, worst {row['worst']:.3f}, "
                f"{row['above_95']} at 0.95 or more, delay p50 {row['delay_p50']:.3f} s, p99 {row['delay_p99']:.3f} s; "
                f"heard {row['heard']:.3f}, {row['silences']} times silent; "
                f"reward {row['reward']:.2f} +- {row['reward_error']:.2f}, by these losses {row['difference']:+.3f} +- "
                f"{row['difference_error']:.3f} of {row['perfect']:.2f} ({100 * row['difference'] / row['perfect']:+.1f} %); "
                f"first minute {row['minute'] / 1e3:.0f} kB, then {row['rate'] / 1e3:.2f} kB/s; "
                f"of a core: coordinator {row['busy'][1]:.1%}, all robots {row['busy'][0]:.1%}; "
                f"policy {row['policy_first']:.1f} to {row['policy_last']:.1f} s "
                f"({row['policy_robots']} robots), ticks in time meanwhile {row['policy_in_time']:.3f}; "
                f"dropped {row['dropped']}, lost {row['lost']} of {row['packets']} packets; "
                f"{row['stalled']} ticks left out, load {os.getloadavg()[0]:.0f}",
                flush=True,
            )
    if arguments.out:
        arguments.out.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
