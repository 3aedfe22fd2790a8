"""Two ends of a link over mutual TLS on loopback, with real zenoh sessions: what crosses, and what comes back after a cut."""

import contextlib
import json
import shutil
import socket
import time

import numpy as np
import pytest
import zenoh

from altmarl_ros.errors import AltmarlError
from altmarl_ros.links import Authority, load_credentials
from altmarl_ros.links.access import connecting
from altmarl_ros.links.field_end import FieldCallbacks, make_ends
from altmarl_ros.links.store import Store

REPORT = b"\x00\x01\x00\x00" + 20 * b"r"


@pytest.mark.slow
def test_ticks_go_down_and_reports_come_up_under_the_robots_own_key(links):
    links.listen()
    three, four = (links.dial_and_wait(links.robot(i)) for i in (3, 4))
    links.server.publish("tick", b"tick 1")
    three.end.publish("report", REPORT)
    links.beat_until(lambda: three.messages["tick"] and four.messages["tick"] and links.heard["report"])
    assert three.messages["tick"] == four.messages["tick"] == [("", b"tick 1")]
    assert links.heard["report"] == [("3", REPORT)]
    assert not four.messages["report"], "robots do not hear each other"


@pytest.mark.slow
def test_states_reach_who_comes_later_and_each_change_once(links):
    links.listen()
    links.server.set_state("policy", [b"old", b"new"])
    robot = links.dial_and_wait(links.robot(3))
    links.beat_until(lambda: robot.states["policy"])
    links.server.set_state("emergency_stop", [b"stop!"])
    links.beat_until(lambda: robot.states["emergency_stop"])
    links.beat(1.0)
    assert robot.states["policy"] == [(b"old", b"new")]
    assert robot.states["emergency_stop"] == [(b"stop!",)]


def test_the_policy_of_a_type_is_fetched_by_those_who_want_it_alone(links):
    links.listen()
    links.server.set_state("policy/type_0", [b"fast"])
    links.server.set_state("policy/type_1", [b"slow"])
    robot = links.dial_and_wait(links.robot(3))
    links.beat_until(lambda: robot.end.offered == ("policy/type_0", "policy/type_1"))
    assert not robot.states
    robot.end.want(["policy/type_1"])
    links.beat_until(lambda: robot.states["policy/type_1"])
    links.server.set_state("policy/type_1", [b"slower"])
    links.beat_until(lambda: len(robot.states["policy/type_1"]) == 2)
    assert dict(robot.states) == {"policy/type_1": [(b"slow",), (b"slower",)]}
    assert links.server.border.bytes["blob", "out"] == len(b"slow" + b"slower")


@pytest.mark.parametrize("name", ["tick", "policy/type_1000", "policy/", "configuration/type_0", "hello", "nothing"])
def test_what_is_no_state_is_refused_by_its_name(links, name):
    with pytest.raises(ValueError, match="is no state"):
        links.listen().set_state(name, [b"x"])


@pytest.mark.slow
def test_a_policy_that_the_robot_has_had_does_not_cross_again(links, tmp_path):
    links.listen()
    policy = bytes(range(256)) * 100
    links.server.set_state("policy", [policy])
    credentials = links.robot(3)
    first = links.dial_and_wait(credentials, store=Store(tmp_path / "policies"))
    links.beat_until(lambda: first.states["policy"])
    first.end.close()
    sent = links.server.border.bytes["blob", "out"]
    again = links.dial_and_wait(credentials, store=Store(tmp_path / "policies"))
    links.beat_until(lambda: again.states["policy"])
    assert again.states["policy"] == [(policy,)]
    assert links.server.border.bytes["blob", "out"] == sent == len(policy)


@pytest.mark.slow
def test_policies_are_handed_out_one_after_another_where_a_rate_is_given(links):
    server = links.listen(policy_rate=2000.0)
    server.set_state("policy", [bytes(3000)])
    robots = [links.dial(links.robot(i)) for i in (3, 4)]
    links.beat_until(lambda: any(robot.states["policy"] for robot in robots))
    first = time.monotonic()
    assert not all(robot.states["policy"] for robot in robots), "both at once"
    links.beat_until(lambda: all(robot.states["policy"] for robot in robots))
    assert time.monotonic() - first > 1.0  # 1.5 s by the rate
    assert [robot.states["policy"] for robot in robots] == [[(bytes(3000),)]] * 2


@pytest.mark.slow
def test_a_hello_arrives_once_and_again_at_a_coordinators_link_that_starts_anew(links):
    robot = links.dial(links.robot(3))
    robot.end.request("hello", b"join")
    time.sleep(0.3)
    links.listen()
    links.beat_until(lambda: links.heard["hello"])
    links.beat(0.5)
    assert links.heard["hello"] == [("3", b"join")]
    links.server.close()
    links.listen()
    took = links.beat_until(lambda: len(links.heard["hello"]) == 2, 3.0, "the hello to the new link")
    assert took < 3.0
    assert robot.end.drain(1.0)


def test_a_hello_waits_for_no_coordinator_only_for_its_link(links):
    links.listen().set_alive(False)
    robot = links.dial(links.robot(3))
    robot.end.request("hello", b"join")
    links.beat_until(lambda: links.heard["hello"])
    assert not robot.end.heard


@pytest.mark.slow
def test_silence_is_felt_within_the_lease_and_the_link_is_back_within_three_seconds(links):
    links.listen()
    robot = links.dial_and_wait(links.robot(3))
    links.server.close()
    took = links.beat_until(lambda: not robot.end.heard, 3.0)
    assert took < 0.6 + 0.4
    time.sleep(1.0)
    links.listen()
    took = links.beat_until(lambda: robot.end.heard, 3.0, "coming back")
    assert robot.changes == [True, False, True]


def test_a_coordinator_that_dies_behind_its_link_is_told_at_once(links):
    links.listen()
    robot = links.dial_and_wait(links.robot(3), lease=30.0)
    links.server.set_alive(False)
    links.beat_until(lambda: not robot.end.heard, 1.0)


def dies(links, credentials, seconds=1.0):
    """Dial with these credentials; whether nothing was heard and nothing arrived."""
    before = {name: list(heard) for name, heard in links.heard.items()}
    field = links.dial(credentials)
    field.end.request("hello", b"let me in")
    links.server.set_state("policy", [b"secret"])
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        links.server.publish("tick", b"tick")
        links.beat(0.05)
        session = field.end._dialer.session
        if session is not None:  # what an end of its own would not say
            for key in ("report/3", "tick"):
                session.put(f"altmarl/fleet/{key}", REPORT, allowed_destination=zenoh.Locality.REMOTE)
    assert {name: heard for name, heard in links.heard.items() if heard != before.get(name)} == {}
    return not field.end.heard and not field.messages and not field.states


@pytest.mark.slow
def test_a_certificate_of_another_authority_is_refused(links, tmp_path):
    links.listen()
    foreign = Authority.create(tmp_path / "foreign")
    assert dies(links, foreign.issue("robot", "robot_3", robot_id=3))


@pytest.mark.slow
def test_a_revoked_certificate_is_refused_at_once_and_the_others_are_back_within_three_seconds(links):
    links.listen()
    credentials = links.robot(3)
    three, four = links.dial_and_wait(credentials), links.dial_and_wait(links.robot(4))
    links.authority.revoke("robot_3")
    assert links.server.refresh()
    assert not links.server.refresh(), "nothing has changed since"
    links.beat_until(lambda: not three.end.heard, 2.0)
    links.beat_until(lambda: four.end.heard, 3.0)
    links.heard.clear()
    three.end.close()
    assert dies(links, credentials)
    four.end.publish("report", REPORT)
    links.beat_until(lambda: links.heard["report"] == [("4", REPORT)])


@pytest.mark.slow
def test_a_robot_hangs_up_on_a_coordinator_that_its_register_strikes_off(links, tmp_path):
    """The robot has a register of its own, a copy that the coordinator's machine does not have."""
    links.listen()
    folder = tmp_path / "robot"
    folder.mkdir()
    for name in ("authority.crt", "robot_3.crt", "robot_3.key", "register.yaml"):
        shutil.copy2(links.authority.folder / name, folder / name)
    robot = links.dial_and_wait(load_credentials(folder, "robot_3"))
    links.authority.revoke("dispatch")
    links.beat(0.3)
    assert robot.end.heard, "it does not know yet"
    shutil.copy2(links.authority.folder / "register.yaml", folder / "register.yaml")
    links.beat_until(lambda: not robot.end.heard, 2.0)
    links.beat_until(lambda: "is revoked in register.yaml" in robot.end.refusal, 4.0)
    robot.messages.clear()
    links.server.publish("tick", b"tick")
    links.beat(1.0)
    assert not robot.messages
    assert not robot.end.heard


def test_a_damaged_register_trusts_nobody(links, tmp_path):
    links.listen()
    credentials, folder = links.robot(3), tmp_path / "robot"
    folder.mkdir()
    for path in (credentials.authority, credentials.certificate, credentials.key):
        shutil.copy2(path, folder / path.name)
    (folder / "register.yaml").write_text("certificates: [")
    robot = links.dial(load_credentials(folder, "robot_3"))
    links.beat_until(lambda: "register.yaml" in robot.end.refusal)
    assert not robot.end.heard


@pytest.mark.slow
def test_a_robot_cannot_speak_for_another_nor_for_the_coordinator(links):
    links.listen()
    three, four = (links.dial_and_wait(links.robot(i)) for i in (3, 4))
    session = three.end._dialer.session
    for key in ("report/4", "tick", "beacon", "policy", "body/4", "status", "report/operator.anna"):
        session.put(f"altmarl/fleet/{key}", REPORT)
    for key in ("hello/4", "press/4"):
        assert list(session.get(f"altmarl/fleet/{key}", payload=b"forged", timeout=0.3)) == []
    overheard = []
    session.declare_subscriber("altmarl/**", overheard.append)
    session.declare_subscriber("altmarl/fleet/report/*", overheard.append)
    time.sleep(0.2)
    four.end.publish("report", REPORT)
    three.end.publish("report", REPORT)
    links.beat_until(lambda: len(links.heard["report"]) == 2)
    links.beat(0.3)
    assert sorted(links.heard["report"]) == [("3", REPORT), ("4", REPORT)]
    assert not links.heard["hello"]
    assert not links.heard["press"]
    assert not four.messages
    keys = {str(sample.key_expr) for sample in overheard}
    assert "altmarl/fleet/report/3" in keys, "its own session tells it its own"
    assert "altmarl/fleet/report/4" not in keys


@pytest.mark.slow
def test_a_robots_certificate_does_not_pass_for_a_coordinators(links):
    """A robot that listens where the coordinator should: nobody talks to it."""
    rogue, victim = links.robot(3), links.robot(4)
    config = connecting(rogue, "127.0.0.1")
    config.insert_json5("mode", '"router"')
    config.insert_json5("connect/endpoints", "[]")
    config.insert_json5("listen/endpoints", json.dumps([f"tls/127.0.0.1:{links.port}"]))
    for name, value in (("certificate", rogue.certificate), ("private_key", rogue.key)):
        config.insert_json5(f"transport/link/tls/listen_{name}", json.dumps(str(value)))
    with zenoh.open(config) as session:
        field = links.dial(victim)
        time.sleep(1.0)
        assert session.info.links() == []
    assert "connect" in field.end.refusal
    assert not field.end.heard


@pytest.mark.slow
def test_garbage_and_many_idle_connections_do_not_silence_the_link(links):
    links.listen()
    robot = links.dial_and_wait(links.robot(3), lease=2.0)
    rng = np.random.default_rng(0)
    with contextlib.ExitStack() as strangers:
        for i in range(200):
            stranger = strangers.enter_context(socket.create_connection(("127.0.0.1", links.port), timeout=5))
            if i % 2:
                with contextlib.suppress(OSError):  # it was hung up
                    stranger.sendall(rng.bytes(1000))
            links.server.send_beacon_if_due(0.1)
        before = len(links.heard["report"])
        for i in range(10):
            robot.end.publish("report", REPORT)
            links.beat_until(lambda i=i: len(links.heard["report"]) == before + i + 1, 5.0)
    assert robot.changes == [True]
    assert [connection.who.id for connection in links.server.connections()] == ["3"]


def test_bounds_hold_at_the_coordinators_end(links):
    links.listen()
    robot = links.dial_and_wait(links.robot(3))
    for _ in range(400):
        robot.end._dialer.session.put("altmarl/fleet/report/3", REPORT)
    robot.end._dialer.session.put("altmarl/fleet/report/3", 65 * b"x")
    links.beat_until(lambda: len(links.server.border.refused) == 2, 3.0)
    assert 100 <= len(links.heard["report"]) < 400
    assert {who for who, _ in links.server.border.refused} == {"3"}
    assert ("3", "report of 65 bytes, at most 64 may cross") in links.server.border.refused


@pytest.mark.slow
def test_who_is_connected_is_known_by_certificate(links):
    links.listen()
    robot, anna = links.robot(3), links.anna
    links.dial_and_wait(robot)
    links.dial_and_wait(anna)
    assert {connection.who for connection in links.server.connections()} == {robot.identity, anna.identity}


@pytest.mark.slow
def test_an_operator_sees_and_stops_but_does_not_report(links):
    links.listen()
    operator, robot = links.dial_and_wait(links.anna), links.dial_and_wait(links.robot(3))
    time.sleep(0.2)  # what operators want to see has to be known at the robot's end
    links.server.publish("status", b"status")
    robot.end.publish("drive", b"state", b"/robot_3/robot/drive")
    robot.end.publish("report", REPORT)
    operator.end.request("press", b"stop")
    operator.end._dialer.session.put("altmarl/fleet/report/operator.anna", REPORT)
    links.beat_until(lambda: links.heard["press"] and operator.messages["drive"] and operator.messages["report"])
    assert operator.messages["status"] == [("", b"status")]
    assert operator.messages["drive"] == [("3", b"state")]
    assert links.heard["press"] == [("operator.anna", b"stop")]
    assert links.heard["report"] == [("3", REPORT)]
    assert not robot.messages["status"]


@pytest.mark.parametrize("where", ["tcp/127.0.0.1:7447", "127.0.0.1:99999", "", "a b"])
def test_endpoints_without_certificates_or_sense_are_refused(links, where):
    with pytest.raises(AltmarlError, match="endpoint"):
        connecting(links.robot(3), where)


def test_with_two_endpoints_each_coordinators_link_is_heard_by_itself(links):
    """The first one is dead: the standby's is heard all the same."""
    callbacks = [FieldCallbacks(lambda *_: None, lambda *_: None, lambda _: None) for _ in range(2)]
    links.listen()
    where = [f"127.0.0.1:{links.free_port()}", f"127.0.0.1:{links.port}"]
    options = {"store": Store(None), "lease": links.LEASE}
    ends = make_ends(links.BASE, links.robot(3), where, callbacks.__getitem__, **options)
    try:
        for end in ends:
            end.start()
        links.beat_until(lambda: ends[1].heard)
        assert not ends[0].heard
        assert "connect" in ends[0].refusal
        with pytest.raises(AltmarlError, match="needs an endpoint"):
            make_ends(links.BASE, links.robot(3), [], callbacks.__getitem__, **options)
    finally:
        for end in ends:
            end.close()
