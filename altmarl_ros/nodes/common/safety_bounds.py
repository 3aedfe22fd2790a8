"""Bounds the safety parameters of a node by their values at its start, so that no service call makes a robot less safe.

A parameter's table says which way is the safe one (`Parameter.safer`): speeds may only fall, margins only rise, braking does
neither, since the protective field counts on it. Where a running node shall have room in the other direction, it is given at
the start as well, in the read-only `safety.ceilings`. With the read-only `safety.locked` an active node changes none of them.
"""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from altmarl_ros.errors import AltmarlError
from altmarl_ros.nodes.common.parameters import Parameter, Value, unknown_parameter

CEILINGS = Parameter(
    "safety.ceilings",
    "",
    "How far services may take safety parameters beyond their values at the start, such as "
    "limits.forward=0.8,timeout.pose=1.0; empty: no further.",
    fixed=True,
)
LOCKED = Parameter(
    "safety.locked", False, "Change no safety parameter while the node is active, in the safe direction neither.", fixed=True
)


class SafetyBounds:
    """The bounds of one node's safety parameters, fixed at its start."""

    def __init__(self, table: Sequence[Parameter], values: Mapping[str, Any]) -> None:
        """Take the bounds from the values at the start.

        Raises:
            AltmarlError: `safety.ceilings` is not understood, or a value at the start is beyond its ceiling.
        """
        self._parameters = {parameter.name: parameter for parameter in table if parameter.safer}
        self._locked = bool(values[LOCKED.name])
        self._start = {name: values[name] for name in self._parameters}
        self._given = self._parse(str(values[CEILINGS.name]))
        self.check(values, values, active=False)

    def check(self, values: Mapping[str, Any], present: Mapping[str, Any], *, active: bool) -> None:
        """Check all values as they would be.

        Args:
            values: to be checked, by name.
            present: the values of now.
            active: whether the node is active.

        Raises:
            AltmarlError: naming the parameter that would pass its bound, and the bound, or that is locked.
        """
        for name, parameter in self._parameters.items():
            value = values[name]
            parameter.check_choice(value)
            if self._locked and active and value != present[name]:
                raise AltmarlError(f"parameter {name!r} is locked while the node is active ({LOCKED.name})")
            low, high = self._range(name)
            if parameter.safer != "lower" and not parameter.rank(value) >= parameter.rank(low):
                raise self._refusal(name, value, f"at least {_text(low)}")
            if parameter.safer != "higher" and not parameter.rank(value) <= parameter.rank(high):
                raise self._refusal(name, value, f"at most {_text(high)}")

    def _range(self, name: str) -> tuple[Value, Value]:
        parameter, start = self._parameters[name], self._start[name]
        bound = self._given.get(name, start)
        bounds = (start, bound) if parameter.safer == "same" else (bound,)
        return min(bounds, key=parameter.rank), max(bounds, key=parameter.rank)

    def _refusal(self, name: str, value: Value, rule: str) -> AltmarlError:
        parameter = self._parameters[name]
        if isinstance(parameter.default, bool):
            rule = _text(not value)
        elif parameter.choices:
            rule = "one of " + ", ".join(parameter.choices[: parameter.choices.index(str(self._range(name)[1])) + 1])
        source = f"its bound in {CEILINGS.name}" if name in self._given else "its bound since the start"
        return AltmarlError(f"parameter {name!r} is {_text(value)}, must be {rule}, {source}")

    def _parse(self, text: str) -> dict[str, Value]:
        given: dict[str, Value] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, _, value = (word.strip() for word in part.partition("="))
            if name not in self._parameters:
                raise AltmarlError(f"parameter {CEILINGS.name!r}: {unknown_parameter(name, self._parameters)}")
            if name in given:
                raise AltmarlError(f"parameter {CEILINGS.name!r}: {name} is given twice")
            try:
                given[name] = self._parameters[name].read(value)
            except AltmarlError as error:
                raise AltmarlError(f"parameter {CEILINGS.name!r}: {error}") from None
        return given


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
