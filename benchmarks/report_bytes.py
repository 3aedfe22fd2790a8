"""Captures what one RobotReport costs on the wire: the constant of altmarl_ros/protocol/budget.py.

    python benchmarks/report_bytes.py

Two processes, a robot's publisher and a coordinator's reader, talk over UDP on the loopback interface (shared
memory off); a packet socket captures the frames, for which it needs CAP_NET_RAW. A frame is counted if it holds a
report of this run. Exit code 1 where a report costs something else than REPORT_WIRE_BYTES.
"""

import os
import platform
import random
import socket
import struct
import subprocess
import sys
import time
from collections import Counter

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from altmarl_ros.deployment.middleware import free_domain
from altmarl_ros.msg import RobotReport
from altmarl_ros.nodes.common import qos
from altmarl_ros.protocol.budget import REPORT_WIRE_BYTES

REPORTS = 100
TOPIC = "/report_bytes/report"
PACKET_OUTGOING = 4
ETH_P_ALL = 0x0003
TIMEOUT = 20.0  # s


def publish(session: int) -> None:
    """Act as the robot: wait for the reader, then send REPORTS reports, 10 ms apart."""
    rclpy.init()
    node = Node("robot", start_parameter_services=False, enable_rosout=False)
    publisher = node.create_publisher(RobotReport, TOPIC, qos.report_qos())
    end = time.monotonic() + TIMEOUT
    while publisher.get_subscription_count() == 0 and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(0.5)
    for tick in range(REPORTS):
        publisher.publish(RobotReport(session=session, tick=tick, robot_id=tick, local_state=1, game_tag=2))
        time.sleep(0.01)
    time.sleep(0.5)
    rclpy.shutdown()


def capture() -> socket.socket:
    """Capture all frames of the loopback interface."""
    try:
        sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    except PermissionError:
        sys.exit("error: a packet socket needs CAP_NET_RAW: run as root")
    sniffer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
    sniffer.bind(("lo", 0))
    sniffer.setblocking(False)
    return sniffer


def frames_of(sniffer: socket.socket, session: int) -> list[tuple[int, int]]:
    """Return (tick, bytes) of every captured frame that holds a report of this session."""
    found = []
    while True:
        try:
            frame, address = sniffer.recvfrom(65536)
        except BlockingIOError:
            return found
        place = frame.find(struct.pack("<I", session))
        if address[2] == PACKET_OUTGOING and place >= 0:
            found.append((struct.unpack_from("<I", frame, place + 4)[0], len(frame)))


def main() -> int:
    """Measure the cost of a report and compare it with REPORT_WIRE_BYTES."""
    if sys.argv[1:2] == ["--publish"]:
        publish(int(sys.argv[2]))
        return 0
    session = random.randrange(2**24, 2**32)
    os.environ.setdefault("ROS_DOMAIN_ID", str(free_domain()))
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "SUBNET"  # LOCALHOST would bring shared memory back
    os.environ["FASTDDS_BUILTIN_TRANSPORTS"] = "UDPv4"
    rclpy.init()
    node, heard = Node("coordinator", start_parameter_services=False, enable_rosout=False), []
    node.create_subscription(RobotReport, TOPIC, heard.append, qos.report_qos(REPORTS))
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    sniffer = capture()
    robot = subprocess.Popen([sys.executable, __file__, "--publish", str(session)])
    frames, end = [], time.monotonic() + TIMEOUT
    while robot.poll() is None and time.monotonic() < end:
        executor.spin_once(timeout_sec=0.05)
        frames += frames_of(sniffer, session)
    robot.kill()
    robot.wait()
    executor.shutdown()
    node.destroy_node()
    rclpy.shutdown()
    sizes = Counter(size for _, size in frames)
    copies = Counter(Counter(tick for tick, _ in frames).values())
    print(f"{platform.platform()}, {os.environ.get('RMW_IMPLEMENTATION', 'default middleware')}")
    print(f"{len(heard)} of {REPORTS} reports heard by 1 reader; frames per report: {dict(copies)}")
    print(f"bytes per frame: {dict(sizes)}; REPORT_WIRE_BYTES = {REPORT_WIRE_BYTES}")
    return 0 if set(sizes) == {REPORT_WIRE_BYTES} else 1


if __name__ == "__main__":
    raise SystemExit(main())
