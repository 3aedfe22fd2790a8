"""The links of a simulated fleet: keys, domains and processes."""

import pytest

from altmarl_ros.deployment import FleetPlan
from altmarl_ros.deployment.link_plan import link_simulation
from altmarl_ros.errors import AltmarlError
from altmarl_ros.links import load_credentials


def test_each_robot_has_a_process_a_domain_and_a_key(tmp_path):
    plan = FleetPlan("warehouse", tmp_path / "policy.npz", robots=3, link="zenoh")
    nodes = {node.name: node for node in link_simulation(plan, plan.nodes(), tmp_path)}
    robots = [nodes[f"robots_{i}"] for i in range(3)]
    assert [node.parameters["count"] for node in robots] == [1, 1, 1]
    domains = [node.environment["ROS_DOMAIN_ID"] for node in robots]
    assert len(set(domains)) == 3
    assert [nodes[f"link_{i}"].environment["ROS_DOMAIN_ID"] for i in range(3)] == domains
    assert all(not nodes[name].environment for name in ("coordinator", "world", "link"))
    for i in range(3):
        name = str(nodes[f"link_{i}"].parameters["keys.name"])
        assert load_credentials(tmp_path / "keys", name).identity.id == str(robots[i].parameters["first_id"])
        assert nodes[f"link_{i}"].parameters["connect"] == nodes["link"].parameters["listen"]


@pytest.mark.parametrize("options", [{"crowd": True}, {"backend": "physical"}, {"robots": 81}])
def test_fleets_that_have_no_links_are_refused(tmp_path, options):
    with pytest.raises(AltmarlError, match="link"):
        FleetPlan("warehouse", tmp_path / "policy.npz", **{"robots": 3, "link": "zenoh", **options})
