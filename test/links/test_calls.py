"""Operators' calls over real links: they reach the machine that they name, under the caller's own name."""

import pytest
import zenoh

from altmarl_ros.links.calls import MOST_REPLY_BYTES
from altmarl_ros.links.services import BY_SERVICE, SERVICES, OfferedNode, pack_nodes, read_nodes
from altmarl_ros.links.table import BY_NAME

GET = "/robot_3/robot/get_parameters"


class Machine:
    """Answers every call by its name, and remembers who asked for what."""

    def __init__(self, name, answer=None):
        self.name, self.questions, self._answer = name, [], answer

    def __call__(self, question):
        self.questions.append((question.operator, f"{question.node}/{question.row.name}", question.request))
        (self._answer or (lambda question: question.reply(self.name + question.request)))(question)


def call(links, field, machine, service, request=b"request", timeout=2.0):
    answers = []
    field.end.call(machine, service, request, timeout, lambda *answer: answers.append(answer))
    links.beat_until(lambda: answers, timeout + 2.0, "an answer")
    (answer,) = answers
    return answer


def ask_until_known(links, field, machine, service, request=b"request"):
    """Call until the router of the coordinator's end knows who answers."""
    found = []

    def answered():
        found.append(call(links, field, machine, service, request))
        return found[-1][0] is not None

    links.beat_until(answered, 8.0, f"an answer of {machine}")
    return found[-1][0]


def test_an_operator_calls_a_robot_and_the_coordinator(links):
    coordinator, three, four = (Machine(name) for name in (b"c", b"3", b"4"))
    links.listen(on_call=coordinator)
    links.dial_and_wait(links.robot(3), on_call=three)
    links.dial_and_wait(links.robot(4), on_call=four)
    anna = links.dial_and_wait(links.anna)
    assert ask_until_known(links, anna, "3", GET) == b"3request"
    assert ask_until_known(links, anna, "coordinator", "/coordinator/list_parameters") == b"crequest"
    assert three.questions[-1] == ("operator.anna", GET, b"request")
    assert coordinator.questions[-1] == ("operator.anna", "/coordinator/list_parameters", b"request")
    assert four.questions == []


def test_what_is_refused_is_told_with_its_reason_and_counted(links):
    refuses = Machine(b"3", lambda question: question.refuse("there is no such node here"))
    links.listen()
    robot = links.dial_and_wait(links.robot(3), on_call=refuses)
    anna = links.dial_and_wait(links.anna)
    links.beat_until(lambda: call(links, anna, "3", GET) == (None, "there is no such node here"), 8.0)
    assert robot.end.border.refused["operator.anna", "there is no such node here"] >= 1
    questions = len(refuses.questions)
    for service in ("/robot_3/robot/change_state", "robot/get_parameters", "/a b/get_parameters", ""):
        answer, reason = call(links, anna, "3", service)
        assert answer is None
        assert "no service of a link" in reason
    assert call(links, anna, "3", GET, bytes(BY_NAME["call"].most_bytes)) == (None, "it is too large, or one of too many")
    assert len(refuses.questions) == questions


def test_more_calls_than_may_cross_are_refused_and_so_are_answers_that_are_too_large(links):
    large = Machine(b"3", lambda question: question.reply(bytes(MOST_REPLY_BYTES + 1)))
    links.listen(on_call=large)
    anna = links.dial_and_wait(links.anna)
    answer, reason = call(links, anna, "coordinator", "/coordinator/get_state")
    assert answer is None
    assert "at most" in reason
    answers = []
    for _ in range(3 * BY_NAME["call"].burst):
        anna.end.call("coordinator", "/coordinator/get_state", b"x", 2.0, lambda *answer: answers.append(answer))
    links.beat_until(lambda: len(answers) == 3 * BY_NAME["call"].burst, 8.0)
    assert len(large.questions) <= BY_NAME["call"].burst + 1 + 8 * BY_NAME["call"].rate
    assert (None, "it is too large, or one of too many") in answers


def test_a_robot_calls_nobody_and_answers_for_nobody_else(links):
    coordinator, three, four = (Machine(name) for name in (b"c", b"3", b"4"))
    links.listen(on_call=coordinator)
    rogue = links.dial_and_wait(links.robot(3), on_call=three)
    links.dial_and_wait(links.robot(4), on_call=four)
    anna = links.dial_and_wait(links.anna)
    session = rogue.end._dialer.session  # what an end of its own would not say
    for machine in ("coordinator", "4"):
        for who in ("3", "operator.anna", "robot.3"):
            session.get(
                f"{links.BASE}/call/{machine}/{who}",
                zenoh.handlers.Callback(lambda reply: None, lambda: None),
                payload=b"mine",
                attachment=b"/coordinator/get_parameters",
                timeout=1.0,
            )
    heard = []
    session.declare_queryable(f"{links.BASE}/call/4/*", heard.append)
    session.declare_queryable(f"{links.BASE}/call/*/*", heard.append)
    links.beat(1.0)
    assert ask_until_known(links, anna, "4", GET, b"hers") == b"4hers"
    assert [request for *_, request in four.questions if request != b"hers"] == coordinator.questions == heard == []


def test_an_operator_calls_under_no_other_name(links):
    coordinator = Machine(b"c")
    links.listen(on_call=coordinator)
    anna = links.dial_and_wait(links.anna)
    for who in ("operator.bert", "3", "*"):
        anna.end._dialer.session.get(
            f"{links.BASE}/call/coordinator/{who}",
            zenoh.handlers.Callback(lambda reply: None, lambda: None),
            payload=b"request",
            attachment=b"/coordinator/get_parameters",
            timeout=1.0,
        )
    links.beat(1.0)
    assert [operator for operator, *_ in coordinator.questions if operator != "operator.anna"] == []


def test_an_operator_who_is_revoked_calls_nobody(links):
    coordinator = Machine(b"c")
    links.listen(on_call=coordinator)
    anna = links.dial_and_wait(links.anna)
    assert ask_until_known(links, anna, "coordinator", "/coordinator/get_state") == b"crequest"
    questions = len(coordinator.questions)
    links.authority.revoke("anna")
    assert links.server.refresh()
    links.beat_until(lambda: not anna.end.linked, 2.0)
    answer, reason = call(links, anna, "coordinator", "/coordinator/get_state")
    assert answer is None
    assert reason
    assert len(coordinator.questions) == questions


def test_an_echo_measures_the_link_and_says_when_there_is_none(links):
    links.listen()
    robot = links.dial_and_wait(links.robot(3))
    assert 0.0 < robot.end.echo(100, 1.0) < 1.0
    assert robot.end.echo(BY_NAME["echo"].most_bytes + 1, 0.3) is None
    links.server.close()
    links.beat_until(lambda: not robot.end.linked, 2.0)
    assert robot.end.echo(100, 0.3) is None


def test_a_list_of_nodes_survives_the_way_and_what_is_none_is_refused():
    nodes = {
        "/coordinator": OfferedNode((BY_SERVICE["list_parameters"], BY_SERVICE["get_parameters"]), ticks=True),
        "/robot_3/robot": OfferedNode(SERVICES),
    }
    assert read_nodes(pack_nodes(nodes)) == nodes
    assert read_nodes(b'{"/a": ["format_disk"]}') == {"/a": OfferedNode(())}
    for wrong in (
        b"",
        b"[]",
        b'{"a": []}',
        b'{"/a b": []}',
        b'{"/a": 1}',
        b"\xff",
        b'{"/a":' + 9000 * b"[",
        pack_nodes({}) * 2,
    ):
        with pytest.raises(ValueError, match=r"."):
            read_nodes(wrong)
