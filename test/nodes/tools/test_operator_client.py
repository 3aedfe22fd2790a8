"""Which services are asked to operate a robot."""

import pytest

from altmarl_ros.nodes.tools.operator_client import candidates

SERVICES = {"/robot_1/robot/operate", "/robot_2/robot/operate", "/robots_0/operate", "/robots_1/operate"}
NAMES = {"/robot_1/robot", "/robot_2/robot", "/robot_3/robot"}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("/robot_2/robot", ["/robot_2/robot/operate"]),
        ("/robot_3/robot", ["/robots_0/operate", "/robots_1/operate"]),  # it shares a process with others
        (None, ["/robots_0/operate", "/robots_1/operate"]),
    ],
)
def test_the_robots_own_service_is_asked_or_those_of_processes_with_many(name, found):
    assert candidates(SERVICES, name, NAMES) == found
