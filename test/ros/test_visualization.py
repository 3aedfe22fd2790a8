"""The visualization node over DDS, and the configurations that show what it publishes."""

import json
import re
import time

import pytest
import yaml

from altmarl_ros.deployment.fleet_plan import FleetPlan
from altmarl_ros.resources import share_directory

pytestmark = [pytest.mark.ros, pytest.mark.untimed]

CONFIG = share_directory() / "config"


class Drawings:
    """What a viewer hears."""

    def __init__(self, node):
        from visualization_msgs.msg import MarkerArray

        from altmarl_ros.nodes.common import qos

        self.heard = []
        node.create_subscription(MarkerArray, "/fleet/visualization", self.heard.append, qos.markers_qos())

    @property
    def latest(self):
        return {(marker.ns, marker.id): marker for marker in self.heard[-1].markers} if self.heard else {}


def test_a_fleet_is_drawn_as_it_is_seldom_enough_and_a_viewer_may_come_late(fleet, policy):
    from altmarl_ros.msg import FloorTruth
    from altmarl_ros.nodes.common import qos
    from altmarl_ros.nodes.tools.markers import _HEARD

    running = fleet(FleetPlan("warehouse", policy, robots=12, k=3, period=0.4, visualization=True))
    running.start()
    drawings = Drawings(running.observer)

    def agrees():
        """A drawing shows the robots of its tick in their zones, and those that were heard lit."""
        for array in drawings.heard:
            markers = {(marker.ns, marker.id): marker for marker in array.markers}
            number = int(re.match(r"tick (\d+):", markers["decision", 1].text)[1])
            found = [key for key in running.log.truths if key[1] == number]
            if not found or ("robots", 0) not in markers:
                continue
            counts = [int(markers["labels", j].text.split("\n")[1].split()[0]) for j in range(5)]
            lit = {i for i, c in enumerate(markers["robots", 0].colors) if abs(c.g - _HEARD[1]) < 0.01 and c.r < 0.5}
            heard = {robot_id for robot_id, _ in running.log.statuses[found[0]].answers}
            if counts == running.log.truths[found[0]].occupancy(5).tolist() and lit == heard and len(heard) == 3:
                return True
        return False

    running.wait_until(agrees, 40, "a drawing of a tick with its robots")
    late = Drawings(running.observer)
    running.wait_until(lambda: bool(late.latest), 5, "the last drawing for who comes late")
    assert len(late.latest["robots", 0].points) == 12
    assert sum(ns == "names" for ns, _ in late.latest) == 12

    floor = running.observer.create_publisher(FloorTruth, "/world/floor", qos.account_qos())
    running.wait_until(lambda: floor.get_subscription_count() >= 2, 10, "readers of the floor")
    before, told = len(drawings.heard), 0
    began = time.monotonic()
    while time.monotonic() - began < 2.0:
        told += 1
        floor.publish(FloorTruth(robot_id=[3], x=[100.0 + told], y=[50.0], yaw=[0.0], charge=[1.0]))
        running.listen(0.02)
    assert told > 20
    assert 5 <= len(drawings.heard) - before <= 12  # 5 Hz
    place = drawings.latest["robots", 0].points[3]
    assert (place.x > 100.0, place.y) == (True, 50.0)
    assert len(drawings.latest["headings", 0].points) == 2


def test_rviz_is_set_to_the_topic_and_its_quality_of_service():
    from altmarl_ros.nodes.common import qos
    from altmarl_ros.nodes.tools.markers import FRAME

    config = yaml.safe_load((CONFIG / "rviz" / "fleet.rviz").read_text())["Visualization Manager"]
    assert config["Global Options"]["Fixed Frame"] == FRAME
    (display,) = [each for each in config["Displays"] if each["Class"] == "rviz_default_plugins/MarkerArray"]
    assert display["Topic"]["Value"] == "/fleet/visualization"
    offered = qos.markers_qos()
    for policy in ("durability", "reliability", "history"):
        name = display["Topic"][f"{policy.title()} Policy"].upper().replace(" ", "_")
        assert name == getattr(offered, policy).name
    assert set(display["Namespaces"]) == {"zones", "outlines", "labels", "walls", "robots", "headings", "names", "decision"}


def panels_of(layout):
    return [layout] if isinstance(layout, str) else panels_of(layout["first"]) + panels_of(layout["second"])


def test_the_foxglove_layout_shows_what_is_published():
    from altmarl_ros.msg import CoordinatorStatus

    layout = json.loads((CONFIG / "foxglove" / "fleet.json").read_text())
    assert layout.keys() == {"configById", "globalVariables", "userNodes", "playbackConfig", "layout"}
    panels = layout["configById"]
    assert sorted(panels_of(layout["layout"])) == sorted(panels)
    assert list(panels["3D!fleet"]["topics"]) == ["/fleet/visualization"]
    fields = CoordinatorStatus.get_fields_and_field_types()
    plotted = [path["value"] for name, panel in panels.items() if name.startswith("Plot!") for path in panel["paths"]]
    assert len(plotted) >= 10
    for value in plotted:
        topic, _, field = value.partition(".")
        assert topic == "/fleet/status"
        assert field in fields
    assert panels["RawMessages!status"]["topicPath"] == "/fleet/status"
    assert panels["DiagnosticSummary!all"]["topicToRender"] == "/diagnostics"
