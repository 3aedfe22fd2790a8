"""A declarative table of a node's parameters: types, defaults, ranges, descriptions and the checks that follow from them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Iterable, Literal, Mapping, Sequence, Union

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

from altmarl_ros.errors import AltmarlError, bounds, shown

_UNBOUNDED = 2**31 - 1  # stands for no bound in descriptors, since a range needs two
_CHOICES, _ON_CONFIGURE, _AND = "one of ", "read when the node is configured", "; "  # in a descriptor's constraints
_SAFER = {
    "lower": "a running node only lowers it below its value at the start",
    "higher": "a running node only raises it above its value at the start",
    "same": "a running node keeps its value of the start",
}
_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}

Value = Union[bool, int, float, str]
"""A value of a parameter."""


@dataclass(frozen=True)
class Parameter:
    """One ROS parameter.

    Attributes:
        name: name of the parameter.
        default: default value, whose type is the parameter's.
        description: one sentence for `ros2 param describe` and the reference page.
        minimum: smallest number that is accepted; None: any.
        maximum: largest number that is accepted; None: any.
        choices: texts that are accepted; empty: any.
        unit: unit of a number, as in the description.
        live: whether a node that runs takes another value.
        fixed: whether nothing changes it after the start, the life cycle neither.
        safer: which values are safer than the one at the start, for a safety parameter (see `safety_bounds`): "lower" (of
            `choices` the earlier ones), "higher" (true for a switch), or none ("same"). Empty: it is no safety parameter.
        path: what of the file system a text names (see `allowed_paths`); empty: nothing.
    """

    name: str
    default: Value
    description: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    unit: str = ""
    live: bool = False
    fixed: bool = False
    safer: Literal["", "lower", "higher", "same"] = ""
    path: Literal["", "file", "folder", "name or file"] = ""

    def descriptor(self, managed: bool = False) -> ParameterDescriptor:
        """What `ros2 param describe` shows.

        `managed`: the node has a life cycle, so that until it is configured nothing is read-only.
        """
        description = self.description + (f" [{self.unit}]" if self.unit else "")
        constraints = [_CHOICES + ", ".join(self.choices)] if self.choices else []
        if managed and not self.live and not self.fixed:
            constraints.append(_ON_CONFIGURE)
        if self.safer:
            constraints.append(self.bound)
        descriptor = ParameterDescriptor(
            name=self.name,
            description=description,
            additional_constraints=_AND.join(constraints),
            read_only=not self.settable(managed),
        )
        if self.minimum is not None or self.maximum is not None:
            low = self.minimum if self.minimum is not None else -_UNBOUNDED
            high = self.maximum if self.maximum is not None else _UNBOUNDED
            if isinstance(self.default, int):
                descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=int(high))]
            else:
                descriptor.floating_point_range = [FloatingPointRange(from_value=float(low), to_value=float(high))]
        return descriptor

    def settable(self, managed: bool) -> bool:
        """Whether another value can be set after the start; `managed`: the node has a life cycle."""
        return not self.fixed and (self.live or managed)

    @property
    def bound(self) -> str:
        """What bounds a safety parameter, in words; empty for others."""
        return _SAFER.get(self.safer, "")

    def rank(self, value: Value) -> float:
        """Return where a value stands between lower and higher ones; of texts, the place among `choices`."""
        return float(self.choices.index(value) if isinstance(value, str) else value)

    def read(self, text: str) -> Value:
        """Read a value from a text, as in a command line.

        Raises:
            AltmarlError: as by `accept`.
        """
        value: Any = {"true": True, "false": False}.get(text.lower(), text)
        if not isinstance(self.default, (bool, str)):
            with suppress(ValueError):
                value = type(self.default)(text)
        return self.accept(value)

    def check_choice(self, value: Any) -> None:
        """Raise AltmarlError if there are choices and the value is none of them."""
        if self.choices and value not in self.choices:
            raise AltmarlError(f"parameter {self.name!r} is {shown(value)}, must be one of {', '.join(self.choices)}")

    def accept(self, value: Any) -> Value:
        """Convert a value as a node would take it: a whole number becomes a float where one is needed, nothing else changes.

        Raises:
            AltmarlError: the value has another type, is out of range or is none of the choices.
        """
        kind = type(self.default)
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            raise AltmarlError(f"parameter {self.name!r} is {shown(value)}, must be {_KINDS[kind]}")
        low, high = self.minimum, self.maximum
        number = value if isinstance(value, (int, float)) else 0.0
        if (low is not None and not number >= low) or (high is not None and not number <= high):
            raise AltmarlError(f"parameter {self.name!r} is {value!r}, must be {bounds(low, high)}")
        self.check_choice(value)
        return value  # type: ignore[no-any-return]


def choices_in(descriptor: ParameterDescriptor) -> tuple[str, ...]:
    """The choices in a descriptor that was made by this module; empty: any text."""
    for constraint in descriptor.additional_constraints.split(_AND):
        if constraint.startswith(_CHOICES):
            return tuple(constraint.removeprefix(_CHOICES).split(", "))
    return ()


def range_in(descriptor: ParameterDescriptor) -> tuple[float | None, float | None]:
    """The smallest and the largest number in a descriptor that was made by this module; None: any."""
    for each in (*descriptor.integer_range, *descriptor.floating_point_range):
        low, high = each.from_value, each.to_value
        return (low if low > -_UNBOUNDED else None), (high if high < _UNBOUNDED else None)
    return None, None


def is_live(descriptor: ParameterDescriptor) -> bool:
    """Whether a node that runs takes another value of the described parameter."""
    return not descriptor.read_only and _ON_CONFIGURE not in descriptor.additional_constraints.split(_AND)


def accept(table: Sequence[Parameter], given: Mapping[str, Any]) -> dict[str, Value]:
    """Convert values for some of a table's parameters as a node would take them.

    Raises:
        AltmarlError: naming the parameter that the table lacks, or whose value has the wrong type or is out of range.
    """
    by_name = {parameter.name: parameter for parameter in table}
    for name in given:
        if name not in by_name:
            raise unknown_parameter(name, by_name)
    return {name: by_name[name].accept(value) for name, value in given.items()}


def unknown_parameter(name: str, known: Iterable[str]) -> AltmarlError:
    """The error for a parameter that does not exist; it suggests the known one with the most similar name."""
    close = get_close_matches(name, list(known), 1)
    return AltmarlError(f"there is no parameter {shown(name)}" + (f"; is {close[0]!r} meant?" if close else ""))
