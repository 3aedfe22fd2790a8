"""The SROS 2 policy beside the real graph: every entity of every node is allowed, and nothing else is."""

import time
from dataclasses import replace
from fnmatch import fnmatchcase
from xml.etree import ElementTree

import pytest

from altmarl_ros.deployment.fleet_plan import FleetPlan
from altmarl_ros.resources import executable, share_directory

pytestmark = [pytest.mark.ros, pytest.mark.untimed]

POLICY = share_directory() / "config" / "security" / "policy.xml"
ENCLAVES = {"coordinator": "coordinator", "robot": "robot", "robots_0": "robot", "world": "world"}
ENCLAVES |= {"trainer": "trainer", "visualization": "visualization"}
ENCLAVES |= {"plant": "plant", "operator": "operator", "recorder": "operator", "altmarl_operator_tool": "operator"}
ENCLAVES |= {"dashboard": "operator"}
KINDS = ("publish", "subscribe", "reply", "request")


def rules():
    """(enclave, kind) -> allowed expressions, those with ~ made absolute; checks the form on the way (format 0.2.0)."""
    root = ElementTree.parse(POLICY).getroot()
    assert (root.tag, root.attrib) == ("policy", {"version": "0.2.0"})
    assert [child.tag for child in root] == ["enclaves"]
    allowed = {}
    for enclave in root[0]:
        assert enclave.tag == "enclave"
        assert set(enclave.attrib) == {"path"}
        assert [child.tag for child in enclave] == ["profiles"]
        for profile in enclave[0]:
            assert profile.tag == "profile"
            assert set(profile.attrib) == {"ns", "node"}
            for group in profile:
                qualifiers = {"topics": {"publish", "subscribe"}, "services": {"reply", "request"}}[group.tag]
                assert set(group.attrib) <= qualifiers
                assert set(group.attrib.values()) == {"ALLOW"}
                assert {item.tag for item in group} == {group.tag.removesuffix("s")}
                own = f"{profile.get('ns').rstrip('/')}/{profile.get('node')}/"
                names = [item.text.strip().replace("~/", own) for item in group]
                assert all(name.startswith("/") for name in names)
                for kind in group.attrib:
                    allowed.setdefault((enclave.get("path").rpartition("/")[2], kind), []).extend(names)
    return allowed


def entities(node, name, namespace):
    """kind -> names of what a node of the graph has."""
    queries = (
        node.get_publisher_names_and_types_by_node,
        node.get_subscriber_names_and_types_by_node,
        node.get_service_names_and_types_by_node,
        node.get_client_names_and_types_by_node,
    )
    return {kind: {found for found, _ in query(name, namespace)} for kind, query in zip(KINDS, queries, strict=True)}


def needless(expressions, used):
    """Expressions that allow nothing which is used."""
    return {expression for expression in expressions if not any(fnmatchcase(name, expression) for name in used)}


class Plan(FleetPlan):
    """A plan whose coordinators have an external plant."""

    def nodes(self):
        return [
            replace(node, parameters={**node.parameters, "plant.kind": "external"})
            if node.executable == "coordinator"
            else node
            for node in super().nodes()
        ]


@pytest.fixture
def graph(fleet, loads_file, loads_bundle, tmp_path):
    """Every node of a fleet with a hidden state under simulated time, with an operator's tools: (enclave, kind) -> names."""
    from diagnostic_msgs.msg import DiagnosticArray
    from geometry_msgs.msg import PoseStamped
    from lifecycle_msgs.srv import ChangeState, GetAvailableTransitions, GetState
    from rclpy.node import Node
    from rclpy.parameter import Parameter
    from rclpy.parameter_client import AsyncParameterClient
    from std_msgs.msg import Bool, String
    from std_srvs.srv import SetBool, Trigger
    from visualization_msgs.msg import MarkerArray

    from altmarl_ros.dashboard.view import FleetView
    from altmarl_ros.msg import DriveState, GlobalAction, GlobalState, HiddenEvidence, TrainingProgress
    from altmarl_ros.nodes.common import qos
    from altmarl_ros.nodes.tools.dashboard import DashboardNode
    from altmarl_ros.nodes.tools.recorder import Recorder
    from altmarl_ros.policies import save_bundle
    from altmarl_ros.records.bag import BagWriter
    from altmarl_ros.srv import OperateRobot

    options = {"use_sim_time": True, "standby": True, "trainer": True, "visualization": True}
    policy = save_bundle(loads_bundle, tmp_path / "loads.npz")
    running = fleet(Plan(str(loads_file), policy, robots=2, k=1, processes=1, **options))
    tool = Node("altmarl_operator_tool", start_parameter_services=False)
    tool.create_subscription(DiagnosticArray, "/diagnostics", print, qos.diagnostics_qos())
    tool.create_subscription(DriveState, "/robot_8/robot/drive", print, qos.latched_qos())
    tool.create_subscription(MarkerArray, "/fleet/visualization", print, qos.markers_qos())
    tool.create_subscription(TrainingProgress, "/trainer/progress", print, qos.latched_qos())
    tool.create_publisher(Bool, "/fleet/emergency_stop", qos.latched_qos())
    tool.create_publisher(String, "/fleet/emergency_stop_release", 1)
    tool.create_publisher(PoseStamped, "/robot_8/robot/goal_pose", 1)
    plant = Node("plant", parameter_overrides=[Parameter("use_sim_time", value=True)])
    plant.create_publisher(GlobalState, "/fleet/global_state", 1)
    plant.create_publisher(HiddenEvidence, "/fleet/hidden_evidence", qos.command_qos())
    plant.create_subscription(GlobalAction, "/fleet/global_action", print, 1)
    writer = BagWriter(tmp_path / "bag")
    recorder, dashboard = Recorder(writer), DashboardNode(FleetView("/fleet"))
    try:
        nodes = ("coordinator", "world", "robot_9/robot", "robots_0", "trainer")
        clients = [AsyncParameterClient(tool, name) for name in nodes]
        services = {"change_state": ChangeState, "get_state": GetState, "get_available_transitions": GetAvailableTransitions}
        clients += [tool.create_client(kind, f"/coordinator/{name}") for name, kind in services.items()]
        clients += [tool.create_client(Trigger, f"/trainer/{name}") for name in ("train", "cancel", "deploy", "rollback")]
        clients.append(tool.create_client(SetBool, "/robot_8/robot/emergency_stop"))
        clients.append(tool.create_client(Trigger, "/robot_8/robot/release"))
        clients.append(tool.create_client(OperateRobot, "/robot_8/robot/operate"))
        running.start()
        options = ("-r", "__ns:=/robot_9", "-p", "robot_id:=9", "-p", "use_sim_time:=true")
        running.group.start("robot_9", [str(executable("robot")), "--ros-args", *options])
        drives = {"robot_id": 8, "body": "drive", "game": "hall", "pose.source": "pose", "pose.odometry": "odom"}
        options = ("-r", "__ns:=/robot_8", *(item for name, value in drives.items() for item in ("-p", f"{name}:={value}")))
        running.group.start("robot_8", [str(executable("robot")), "--ros-args", *options])
        wanted = {*ENCLAVES, "robot"} | {"/standby/coordinator"}
        allowed, found, end = rules(), {}, time.monotonic() + 30

        def complete():
            present = {at for name, space in tool.get_node_names_and_namespaces() for at in (name, f"{space}/{name}")}
            return present >= wanted and not any(needless(allowed[key], found.get(key, set())) for key in allowed)

        while not complete() and time.monotonic() < end:  # discovery brings entities one by one
            running.listen(0.2)
            found = {}
            for name, namespace in tool.get_node_names_and_namespaces():
                if name in ENCLAVES:
                    for kind, names in entities(tool, name, namespace).items():
                        found.setdefault((ENCLAVES[name], kind), set()).update(names)
        del clients
        yield found
    finally:
        dashboard.destroy_node()
        recorder.destroy_node()
        writer.close()
        plant.destroy_node()
        tool.destroy_node()


def test_policy_allows_what_the_graph_has_and_nothing_else(graph):
    allowed = rules()
    for enclave in sorted({enclave for enclave, _ in graph} | {enclave for enclave, _ in allowed}):
        for kind in KINDS:
            used, expressions = graph.get((enclave, kind), set()), allowed.get((enclave, kind), [])
            forbidden = {name for name in used if not any(fnmatchcase(name, expression) for expression in expressions)}
            assert not forbidden, f"{enclave} needs to {kind} {sorted(forbidden)}"
            unused = needless(expressions, used)
            assert not unused, f"{enclave} is allowed to {kind} {sorted(unused)} and never does"
