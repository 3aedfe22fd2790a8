"""Fleet files: what they come to, and how a bad one is refused."""

import pytest

from altmarl_ros.deployment.fleet_file import load_fleet_file
from altmarl_ros.errors import AltmarlError

FLEET = """
game: hall
policy: {policy}
coordinator: {{sampling.k: 2, tick: {{period: 30.0}}}}
types:
  small:
    parameters: {{limits: {{forward: 0.2, turn: 1.0}}, frame_prefix: "{{name}}/"}}
    remappings: {{scan: "{{name}}/front"}}
robots:
  robot_1: {{id: 1, type: small}}
  robot_2: {{id: 2, type: small, parameters: {{limits.forward: 0.1, seed: 3}}, remappings: {{scan: other}}}}
  site/robot_3: {{id: 3, enabled: false}}
"""


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "fleet.yaml"
        path.write_text(text)
        return path

    return write


def test_robots_have_what_their_type_says_and_what_differs(file, tmp_path):
    fleet = load_fleet_file(file(FLEET.format(policy="hall.npz")))
    one, two, three = fleet.members
    assert one.parameters == {"limits.forward": 0.2, "limits.turn": 1.0, "frame_prefix": "robot_1/"}
    assert one.remappings == {"scan": "robot_1/front"}
    assert two.parameters == {"limits.forward": 0.1, "limits.turn": 1.0, "frame_prefix": "robot_2/", "seed": 3}
    assert two.remappings == {"scan": "other"}
    assert (three.name, three.enabled, three.parameters) == ("site/robot_3", False, {})
    assert fleet.coordinator == {"sampling.k": 2, "tick.period": 30.0}
    assert (fleet.game, fleet.policy_path) == ("hall", tmp_path / "hall.npz")
    assert fleet.enabled == (one, two)


def test_robots_are_chosen_by_name(file):
    fleet = load_fleet_file(file(FLEET.format(policy='""')))
    assert [member.name for member in fleet.choose()] == ["robot_1", "robot_2"]
    assert [member.name for member in fleet.choose("robot_2, robot_1")] == ["robot_2", "robot_1"]
    assert fleet.choose("none") == ()
    with pytest.raises(AltmarlError, match="no robot 'robot_9'; robots are robot_1, robot_2, site/robot_3"):
        fleet.choose("robot_9")
    with pytest.raises(AltmarlError, match="'site/robot_3' is not enabled"):
        fleet.choose("site/robot_3")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("game: hall", "robots: "),
        ("game: hall\nrobots: {}", "robots: none is enabled"),
        ("game: hall\nrobots: {a: {id: 1, enabled: false}}", "robots: none is enabled"),
        ("game: hall\nrobots: {a: {id: 1}, b: {id: 1}}", "robots.b.id is 1, which a has"),
        ("game: hall\nrobots: {a: {id: -1}}", "robots.a.id"),
        ("game: hall\nrobots: {a: {id: 1, typ: x}}", "robots.a.typ"),
        ("game: hall\nrobots: {a: {id: 1, type: x}}", "robots.a.type is 'x'; types are none"),
        ("game: hall\nrobots: {1a: {id: 1}}", "robots.'1a' must be a namespace"),
        ("game: hall\nrobots: {none: {id: 1}}", "robots.none: is no name for a robot"),
        ("game: hall\nrobots: {a: {id: 1, parameters: {x: [1, 2]}}}", "robots.a.parameters.x must be a text"),
        ("game: hall\nrobots: {a: {id: 1, parameters: {x.y: 1, x: {y: 2}}}}", "robots.a.parameters.x.y stands twice"),
        ("game: hall\nrobots: {a: {id: 1}}\nrobots: {}", "key 'robots' stands twice"),
        ("- 1", "must be a mapping"),
    ],
)
def test_a_bad_file_is_refused_by_one_line_that_names_the_culprit(file, text, reason):
    path = file(text)
    with pytest.raises(AltmarlError) as error:
        load_fleet_file(path)
    assert str(error.value).startswith(f"{path}: ")
    assert reason in str(error.value)
    assert "\n" not in str(error.value)


def test_a_game_beside_the_file_is_found_from_anywhere(file, tmp_path):
    assert load_fleet_file(file("game: my.yaml\nrobots: {a: {id: 1}}")).game == str(tmp_path / "my.yaml")


LINK = """
link:
  kind: zenoh
  listen: [0.0.0.0:7400]
  connect: [10.0.0.1:7400, quic/10.0.0.2]
  tls: {keys: keys, coordinator: dispatch}
"""
LINKED = """
game: hall
policy: hall.npz
robots:
  robot_1: {id: 1, domain: 11}
  robot_2: {id: 2}
"""


def test_a_fleet_without_a_link_is_one_ros_network(file):
    assert load_fleet_file(file(LINKED)).link.kind == "dds"


def test_a_link_is_read(file, tmp_path):
    link = load_fleet_file(file(LINKED + LINK)).link
    assert (link.kind, link.listen, link.connect) == ("zenoh", ("0.0.0.0:7400",), ("10.0.0.1:7400", "quic/10.0.0.2"))
    assert (link.keys, link.coordinator, link.datagrams) == (tmp_path / "keys", "dispatch", False)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (LINKED + LINK.replace("10.0.0.1:7400", "tcp/10.0.0.1"), "link: endpoint 'tcp/10.0.0.1': must be"),
        (LINKED + "link: {kind: zenoh}\n", "link.connect: names no endpoint"),
        (LINKED + "link: {kind: zigbee}\n", "link.kind"),
        (LINKED + LINK.replace("[0.0.0.0:7400]", "[quic/0.0.0.0]\n  datagrams: true"), "listens over TLS alone"),
        (LINKED.replace("{id: 2}", "{id: 2, domain: 11}") + LINK, "two of them have the same domain"),
        (LINKED.replace("robot_2", "site/robot_2") + LINK, "name 'site/robot_2': must be"),
    ],
)
def test_wrong_links_are_refused(file, text, told):
    with pytest.raises(AltmarlError, match=told):
        load_fleet_file(file(text))


def test_every_side_has_a_link_of_its_own_and_a_domain(file, monkeypatch, tmp_path):
    from altmarl_ros.deployment import NodePlan
    from altmarl_ros.deployment.link_plan import with_links

    monkeypatch.setenv("ROS_DOMAIN_ID", "5")
    fleet = load_fleet_file(file(LINKED + LINK + "  datagrams: true\n  policy_rate: 4000\n"))
    nodes = [NodePlan("robot_1", "robot", {}, "/robot_1/robot"), NodePlan("coordinator", "coordinator", {})]
    plans = {plan.name: plan for plan in with_links(fleet, nodes)}
    assert {name: plan.environment["ROS_DOMAIN_ID"] for name, plan in plans.items()} == {
        "robot_1": "11",
        "link_robot_1": "11",
        "coordinator": "5",
        "link": "5",
    }
    assert plans["link"].parameters["listen"] == "0.0.0.0:7400"
    assert plans["link"].parameters["datagrams"] is True
    assert plans["link"].parameters["policies.rate"] == 4000.0
    assert "datagrams" not in plans["link_robot_1"].parameters, "a robot's link finds out by itself"
    assert plans["link_robot_1"].parameters["connect"] == "10.0.0.1:7400,quic/10.0.0.2"
    assert plans["link_robot_1"].parameters["drive_topic"] == "/robot_1/robot/drive"
    with pytest.raises(AltmarlError, match="coordinator and robot_2 would share ROS domain 5"):
        with_links(fleet, [nodes[1], NodePlan("robot_2", "robot", {}, "/robot_2/robot")])
