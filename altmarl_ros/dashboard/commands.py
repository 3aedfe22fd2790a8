"""Commands of a browser: checked first, then carried out on the fleet."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Mapping, Protocol, Union

from altmarl_ros.errors import AltmarlError

TRAINER_VERBS = ("train", "cancel", "deploy", "rollback")
ROBOT_COMMANDS = ("send", "hold", "release", "remove", "return")
_MOST_VALUES = 64
_LONGEST = 4096  # characters of a text

Value = Union[bool, int, float, str]


@dataclass(frozen=True)
class Outcome:
    """The result of a command: whether it was carried out, and a text that says more."""

    successful: bool
    text: str = ""


class Operations(Protocol):
    """What can be done to a fleet; every call ends in bounded time and returns a refusal of the fleet as an Outcome."""

    async def change(self, node: str, values: Mapping[str, Value]) -> Outcome:
        """Set parameters of a node, all or none of them."""
        ...

    async def stop(self, pressed: bool) -> Outcome:
        """Press or release the emergency stop of the fleet."""
        ...

    async def train(self, verb: str) -> Outcome:
        """Call the trainer's service `verb`, one of TRAINER_VERBS."""
        ...

    async def operate(self, robot_id: int, command: str, zone: str) -> Outcome:
        """Tell a robot one of ROBOT_COMMANDS; `zone` is for send alone."""
        ...


@dataclass(frozen=True)
class Command:
    """A checked message of a browser.

    Attributes:
        number: by which the browser knows the reply.
        verb: unlock, set, stop, trainer, robot, acknowledge or seek.
        arguments: of the verb.
    """

    number: int
    verb: str
    arguments: tuple[Any, ...]

    async def run(self, operations: Operations) -> Outcome:
        """Carry the command out; unlock, acknowledge and seek are carried out by the server instead."""
        return await _RUN[self.verb](operations, *self.arguments)  # type: ignore[no-any-return]


_RUN = {
    "set": lambda operations, *arguments: operations.change(*arguments),
    "stop": lambda operations, *arguments: operations.stop(*arguments),
    "trainer": lambda operations, *arguments: operations.train(*arguments),
    "robot": lambda operations, *arguments: operations.operate(*arguments),
}


def parse_command(text: str) -> Command:
    """Parse the message of a browser into a command.

    Raises:
        AltmarlError: naming the field that is missing, unknown or wrong.
    """
    try:
        message = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise AltmarlError("the message is not JSON") from None
    if not isinstance(message, dict):
        raise AltmarlError("the message is not an object")
    number = message.get("id")
    if type(number) is not int or not 0 <= number < 2**53:
        raise AltmarlError("field 'id' must be a whole number")
    verb = message.get("do")
    fields = {
        "unlock": ("token",),
        "set": ("node", "values"),
        "stop": ("pressed",),
        "trainer": ("verb",),
        "robot": ("robot", "command", "zone"),
        "acknowledge": ("event",),
        "seek": ("at",),
    }
    if not isinstance(verb, str) or verb not in fields:
        raise AltmarlError(f"field 'do' must be one of {', '.join(fields)}")
    odd = sorted(set(message) - {"id", "do", *fields[verb]})
    if odd:
        raise AltmarlError(f"field {odd[0][:50]!r} is unknown")
    arguments = tuple(_CHECKS[name](message.get(name)) for name in fields[verb])
    return Command(number, verb, arguments)


def _refuse_constant(name: str) -> float:
    raise ValueError(name)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST:
        raise AltmarlError(f"field {name!r} must be a text")
    return value


def _values(value: Any) -> dict[str, Value]:
    if not isinstance(value, dict) or not 0 < len(value) <= _MOST_VALUES:
        raise AltmarlError(f"field 'values' must hold 1 to {_MOST_VALUES} parameters")
    for name, item in value.items():
        if type(item) not in (bool, int, float, str) or (isinstance(item, str) and len(item) > _LONGEST):
            raise AltmarlError(f"field 'values': {name[:80]!r} must be a number, a text, true or false")
        if type(item) is int and not -(2**63) <= item < 2**63:
            raise AltmarlError(f"field 'values': {name[:80]!r} is too large")
    return value


def _pressed(value: Any) -> bool:
    if type(value) is not bool:
        raise AltmarlError("field 'pressed' must be true or false")
    return value


def _verb(value: Any) -> str:
    if value not in TRAINER_VERBS:
        raise AltmarlError(f"field 'verb' must be one of {', '.join(TRAINER_VERBS)}")
    return str(value)


def _robot(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**32:
        raise AltmarlError("field 'robot' must be the id of a robot")
    return value


def _robot_command(value: Any) -> str:
    if value not in ROBOT_COMMANDS:
        raise AltmarlError(f"field 'command' must be one of {', '.join(ROBOT_COMMANDS)}")
    return str(value)


def _count(name: str, value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**53:
        raise AltmarlError(f"field {name!r} must be a whole number, 0 or more")
    return value


def _zone(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise AltmarlError("field 'zone' must be a text")
    return value


_CHECKS: Mapping[str, Any] = {
    "token": lambda value: _text("token", value),
    "node": lambda value: _text("node", value),
    "values": _values,
    "pressed": _pressed,
    "verb": _verb,
    "robot": _robot,
    "command": _robot_command,
    "zone": _zone,
    "event": lambda value: _count("event", value),
    "at": lambda value: _count("at", value),
}
