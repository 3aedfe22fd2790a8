"""Messages of browsers: good ones mean what they say, bad ones are refused by the culprit's name."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmarl_ros.dashboard.commands import parse_command
from altmarl_ros.errors import AltmarlError


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ({"id": 1, "do": "unlock", "token": "x"}, ("x",)),
        (
            {"id": 2, "do": "set", "node": "/c", "values": {"a.b": 1, "c": 2.5, "d": "e", "f": True}},
            ("/c", {"a.b": 1, "c": 2.5, "d": "e", "f": True}),
        ),
        ({"id": 3, "do": "stop", "pressed": False}, (False,)),
        ({"id": 4, "do": "trainer", "verb": "rollback"}, ("rollback",)),
        ({"id": 5, "do": "robot", "robot": 7, "command": "send", "zone": "dock"}, (7, "send", "dock")),
        ({"id": 7, "do": "acknowledge", "event": 12}, (12,)),
        ({"id": 8, "do": "seek", "at": 0}, (0,)),
        ({"id": 6, "do": "robot", "robot": 0, "command": "hold", "zone": ""}, (0, "hold", "")),
    ],
)
def test_good_messages(message, arguments):
    command = parse_command(json.dumps(message))
    assert (command.number, command.verb, command.arguments) == (message["id"], message["do"], arguments)


@pytest.mark.parametrize(
    ("text", "culprit"),
    [
        ("", "JSON"),
        ("[" * 5000, "JSON"),
        ('{"id": NaN}', "JSON"),
        ("[]", "object"),
        ('"x"', "object"),
        ("{}", "'id'"),
        ('{"id": true, "do": "stop"}', "'id'"),
        ('{"id": -1}', "'id'"),
        ('{"id": 1.5}', "'id'"),
        ('{"id": 1}', "'do'"),
        ('{"id": 1, "do": ["stop"]}', "'do'"),
        ('{"id": 1, "do": "shutdown"}', "'do'"),
        ('{"id": 1, "do": "stop"}', "'pressed'"),
        ('{"id": 1, "do": "stop", "pressed": 1}', "'pressed'"),
        ('{"id": 1, "do": "stop", "pressed": true, "now": 1}', "'now'"),
        ('{"id": 1, "do": "unlock"}', "'token'"),
        ('{"id": 1, "do": "unlock", "token": 5}', "'token'"),
        ('{"id": 1, "do": "trainer", "verb": "__class__"}', "'verb'"),
        ('{"id": 1, "do": "trainer", "verb": []}', "'verb'"),
        ('{"id": 1, "do": "robot", "robot": -1, "command": "hold", "zone": ""}', "'robot'"),
        ('{"id": 1, "do": "robot", "robot": true, "command": "hold", "zone": ""}', "'robot'"),
        ('{"id": 1, "do": "robot", "robot": 4294967296, "command": "hold", "zone": ""}', "'robot'"),
        ('{"id": 1, "do": "robot", "robot": 1, "command": "stop", "zone": ""}', "'command'"),
        ('{"id": 1, "do": "robot", "robot": 1, "command": ["hold"], "zone": ""}', "'command'"),
        ('{"id": 1, "do": "robot", "robot": 1, "command": "send"}', "'zone'"),
        ('{"id": 1, "do": "acknowledge", "event": true}', "'event'"),
        ('{"id": 1, "do": "seek", "at": -1}', "'at'"),
        ('{"id": 1, "do": "seek", "at": 1.0}', "'at'"),
        ('{"id": 1, "do": "set", "node": "", "values": {"a": 1}}', "'node'"),
        ('{"id": 1, "do": "set", "node": "/c", "values": {}}', "'values'"),
        ('{"id": 1, "do": "set", "node": "/c", "values": {"a": null}}', "'a'"),
        ('{"id": 1, "do": "set", "node": "/c", "values": {"a": [1]}}', "'a'"),
        ('{"id": 1, "do": "set", "node": "/c", "values": {"a": 9223372036854775808}}', "'a'"),
        (json.dumps({"id": 1, "do": "set", "node": "/c", "values": {str(i): i for i in range(65)}}), "'values'"),
    ],
)
def test_bad_messages_name_the_culprit(text, culprit):
    with pytest.raises(AltmarlError, match=culprit):
        parse_command(text)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
anything = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=4)
verbs = st.sampled_from(["unlock", "set", "stop", "trainer", "acknowledge", "seek"])
NAMES = ("node", "values", "token", "pressed", "verb", "event", "at")


@given(st.fixed_dictionaries({"id": st.integers(0, 9), "do": verbs}, optional=dict.fromkeys(NAMES, anything)))
def test_nothing_but_a_refusal_comes_of_anything(message):
    with contextlib.suppress(AltmarlError):
        assert parse_command(json.dumps(message)).number == message["id"]
