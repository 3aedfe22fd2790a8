"""The table and zenoh's access control made from it: everybody may do exactly what the table says, under the own key."""

import pytest

from altmarl_ros.links.access import access_control
from altmarl_ros.links.identity import Identity
from altmarl_ros.links.table import TABLE, base_of, flows

BASE = "altmarl/fleet"
THREE, FOUR = Identity("robot", "3", "00000003"), Identity("robot", "4", "00000004")
ANNA, DISPATCH = Identity("operator", "anna", "000000aa"), Identity("coordinator", "dispatch", "000000dd")


def allowed(identity, direction, message):
    """The keys that a holder's policies allow."""
    acl = access_control(BASE, [THREE, FOUR, ANNA, DISPATCH])
    rules = {rule["id"]: rule for rule in acl["rules"]}
    subjects = {subject["id"]: subject["cert_common_names"] for subject in acl["subjects"]}
    keys = set()
    for policy in acl["policies"]:
        if [identity.common_name] in [subjects[name] for name in policy["subjects"]]:
            for rule in (rules[name] for name in policy["rules"]):
                if direction in rule["flows"] and message in rule["messages"]:
                    assert rule["permission"] == "allow"
                    keys |= set(rule["key_exprs"])
    return {key.removeprefix(f"{BASE}/") for key in keys}


def test_everything_is_denied_unless_a_rule_allows_it():
    acl = access_control(BASE, [THREE])
    assert acl["enabled"] is True
    assert acl["default_permission"] == "deny"
    assert access_control(BASE, [])["rules"] == []


def test_a_robot_says_what_the_table_says_under_its_own_id_alone():
    assert allowed(THREE, "ingress", "put") == {
        "report/3",
        "diagnostics/3",
        "drive/3",
        "command/3",
        "robot_hello/3",
        "robot_nodes/3",
    }
    assert allowed(THREE, "ingress", "query") == {"hello/3", "press/3", "second_word/3", "state", "blob/*", "echo/3", "lane/3"}
    assert allowed(THREE, "egress", "put") == {"beacon", "tick", "poll/3", "body/3"}
    assert allowed(THREE, "ingress", "declare_subscriber") == {"beacon", "tick", "poll/3", "body/3"}
    assert {key.rpartition("/")[2] for key in allowed(FOUR, "ingress", "put")} == {"4"}


def test_a_robot_answers_calls_to_itself_alone_and_calls_nobody():
    for direction, message in (("ingress", "declare_queryable"), ("ingress", "reply"), ("egress", "query")):
        assert allowed(THREE, direction, message) == {"call/3/*"}
    assert not any(key.startswith("call") for key in allowed(THREE, "ingress", "query"))


def test_an_operator_sees_everything_and_says_only_stops_and_calls_under_its_own_name():
    assert allowed(ANNA, "ingress", "put") == set()
    assert allowed(ANNA, "ingress", "query") == {
        "press/operator.anna",
        "second_word/operator.anna",
        "echo/operator.anna",
        "call/*/operator.anna",
        "state",
        "blob/*",
    }
    assert allowed(ANNA, "egress", "put") == {
        "beacon",
        "tick",
        "status",
        "health",
        "truth",
        "floor",
        "progress",
        "coordinator_nodes",
        "robot_hello/*",
        "robot_nodes/*",
        "report/*",
        "diagnostics/*",
        "drive/*",
    }


@pytest.mark.parametrize("message", ["put", "query", "delete", "reply", "declare_subscriber", "declare_queryable"])
def test_a_coordinators_certificate_dials_to_no_effect(message):
    assert allowed(DISPATCH, "ingress", message) == allowed(DISPATCH, "egress", message) == set()


@pytest.mark.parametrize("message", ["delete", "liveliness_token", "liveliness_query"])
def test_what_no_end_ever_sends_nobody_may(message):
    for identity in (THREE, ANNA):
        assert allowed(identity, "ingress", message) == set()


@pytest.mark.parametrize("message", ["reply", "declare_queryable"])
def test_an_operator_answers_nobody(message):
    assert allowed(ANNA, "ingress", message) == set()


def test_every_row_is_bounded_and_has_a_sender_and_a_hearer():
    assert len({flow.name for flow in TABLE}) == len(TABLE)
    for flow in TABLE:
        assert flow.senders
        assert flow.hearers
        assert 0 < flow.most_bytes <= 1 << 24
        assert flow.rate > 0
        assert flow.burst >= 1
        assert set(flow.senders).isdisjoint(flow.hearers)


def test_simulations_alone_have_a_world():
    assert {flow.name for flow in TABLE} - {flow.name for flow in flows(simulated=False)} == {
        "truth",
        "floor",
        "command",
        "body",
    }
    assert base_of("/fleet_2") == "altmarl/fleet_2"
