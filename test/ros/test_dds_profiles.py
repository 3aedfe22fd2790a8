"""The profiles of `config/dds` do what they say, between processes."""

import os
import socket
import subprocess
import sys

import pytest

from altmarl_ros.deployment.middleware import free_domain
from altmarl_ros.resources import share_directory

pytestmark = [pytest.mark.ros, pytest.mark.untimed]

MULTICAST = "239.255.0.1"  # of discovery (DDSI-RTPS 9.6.1)

TALK = """
import sys, time
from pathlib import Path
import rclpy
from std_msgs.msg import String

rclpy.init()
node = rclpy.create_node(sys.argv[1])
heard = []
node.create_subscription(String, sys.argv[2], lambda message: heard.append(message.data), 10)
publisher = node.create_publisher(String, sys.argv[1], 10)
end = time.monotonic() + 20.0
heard_at = None
while time.monotonic() < end and (not heard or time.monotonic() - heard_at < 1.0):  # so that the other one hears it too
    publisher.publish(String(data="hello"))
    rclpy.spin_once(node, timeout_sec=0.1)
    heard_at = heard_at or (time.monotonic() if heard else None)
print("threads", *(path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")))
own = {link.readlink().name for link in Path("/proc/self/fd").iterdir() if link.is_symlink() and link.exists()}
sockets = [line.split() for line in Path("/proc/self/net/udp").read_text().splitlines()[1:]]
print("addresses", *(fields[1].partition(":")[0] for fields in sockets if f"socket:[{fields[9]}]" in own))
print("heard", *heard[:1])
"""


def _as_in_proc(address):
    return f"{int.from_bytes(socket.inet_aton(address), sys.byteorder):08X}"


@pytest.mark.skipif(sys.platform != "linux", reason="looks at threads and sockets in /proc")
def test_the_loopback_profile_does_without_shared_memory_and_stays_on_this_machine(tmp_path):
    profile = str(share_directory() / "config" / "dds" / "fastdds_loopback.xml")
    environment = {
        **os.environ,
        "FASTDDS_DEFAULT_PROFILES_FILE": profile,
        "FASTRTPS_DEFAULT_PROFILES_FILE": profile,
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET",
        "ROS_DOMAIN_ID": str(free_domain()),
    }
    script = tmp_path / "talk.py"
    script.write_text(TALK)
    both = [
        subprocess.Popen([sys.executable, str(script), *names], env=environment, stdout=subprocess.PIPE, text=True)
        for names in (("one", "other"), ("other", "one"))
    ]
    try:
        for process in both:
            found = {words[0]: words[1:] for words in map(str.split, process.communicate(timeout=60)[0].splitlines())}
            assert found["heard"] == ["hello"]
            assert not [thread for thread in found["threads"] if thread.startswith("dds.shm")]
            assert set(found["addresses"]) == {_as_in_proc("127.0.0.1"), _as_in_proc(MULTICAST)}
    finally:
        for process in both:
            process.kill()
            process.wait()
