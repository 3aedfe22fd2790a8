"""One declarative table per node: it declares the parameters, describes them and checks them."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Callable, Iterable, Mapping, Sequence

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.exceptions import ParameterException
from rclpy.parameter import Parameter as RclParameter

from altmarl_ros.errors import AltmarlError

if TYPE_CHECKING:
    from altmarl_ros.nodes.common.guarded import GuardedNode

_UNBOUNDED = 2**31 - 1
_CHOICES, _ON_CONFIGURE, _AND = "one of ", "read when the node is configured", "; "  # in a descriptor's constraints
_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


@dataclass(frozen=True)
class Parameter:
    """A ROS parameter. Its type is that of the default; a node that runs takes a new value only if `live`."""

    name: str
    default: bool | int | float | str
    description: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    unit: str = ""
    live: bool = False

    def descriptor(self, managed: bool = False) -> ParameterDescriptor:
        """What `ros2 param describe` shows; of a managed node, where nothing is read-only before it is configured."""
        description = self.description + (f" [{self.unit}]" if self.unit else "")
        constraints = [_CHOICES + ", ".join(self.choices)] if self.choices else []
        if managed and not self.live:
            constraints.append(_ON_CONFIGURE)
        descriptor = ParameterDescriptor(
            name=self.name,
            description=description,
            additional_constraints=_AND.join(constraints),
            read_only=not self.live and not managed,
        )
        if self.minimum is not None or self.maximum is not None:
            low = self.minimum if self.minimum is not None else -_UNBOUNDED
            high = self.maximum if self.maximum is not None else _UNBOUNDED
            if isinstance(self.default, int):
                descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=int(high))]
            else:
                descriptor.floating_point_range = [FloatingPointRange(from_value=float(low), to_value=float(high))]
        return descriptor

    def check_choice(self, value: Any) -> None:
        """Raise AltmarlError unless the value is one of the choices, if there are any."""
        if self.choices and value not in self.choices:
            raise AltmarlError(f"parameter {self.name!r} is {value!r}, must be one of {', '.join(self.choices)}")

    def accept(self, value: Any) -> bool | int | float | str:
        """A value as a node would take it: whole numbers are numbers, nothing else changes its type.

        Raises:
            AltmarlError: it has another type, is out of range or no choice.
        """
        kind = type(self.default)
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            raise AltmarlError(f"parameter {self.name!r} is {value!r}, must be {_KINDS[kind]}")
        low, high = self.minimum, self.maximum
        number = value if isinstance(value, (int, float)) else 0.0
        if (low is not None and not number >= low) or (high is not None and not number <= high):
            limits = " and ".join([f"at least {low:g}"] * (low is not None) + [f"at most {high:g}"] * (high is not None))
            raise AltmarlError(f"parameter {self.name!r} is {value!r}, must be {limits}")
        self.check_choice(value)
        return value  # type: ignore[no-any-return]


def choices_in(descriptor: ParameterDescriptor) -> tuple[str, ...]:
    """The choices that a descriptor of ours names; empty: any text."""
    for constraint in descriptor.additional_constraints.split(_AND):
        if constraint.startswith(_CHOICES):
            return tuple(constraint.removeprefix(_CHOICES).split(", "))
    return ()


def is_live(descriptor: ParameterDescriptor) -> bool:
    """Whether a node that runs takes another value."""
    return not descriptor.read_only and _ON_CONFIGURE not in descriptor.additional_constraints.split(_AND)


def accept(table: Sequence[Parameter], given: Mapping[str, Any]) -> dict[str, bool | int | float | str]:
    """Values for some of a table's parameters, as a node would take them.

    Raises:
        AltmarlError: naming the parameter that the table lacks, or whose value has the wrong type or is out of range.
    """
    by_name = {parameter.name: parameter for parameter in table}
    for name in given:
        if name not in by_name:
            raise unknown(name, by_name)
    return {name: by_name[name].accept(value) for name, value in given.items()}


def unknown(name: str, known: Iterable[str]) -> AltmarlError:
    """What to say of a parameter that there is not."""
    close = get_close_matches(name, list(known), 1)
    return AltmarlError(f"there is no parameter {name!r}" + (f"; is {close[0]!r} meant?" if close else ""))


def declare(node: GuardedNode, table: Sequence[Parameter], managed: bool = False) -> dict[str, Any]:
    """Declare all parameters of a table and return their values by name; see Parameter.descriptor for `managed`.

    Raises:
        AltmarlError: naming the parameter whose given value has the wrong type or is out of range.
    """
    values: dict[str, Any] = {}
    for parameter in table:
        if node.has_parameter(parameter.name):  # a node that declares all that it is given, without descriptors
            node.undeclare_parameter(parameter.name)
        try:
            value: Any = node.declare_parameter(parameter.name, parameter.default, parameter.descriptor(managed)).value
        except ParameterException as error:
            raise AltmarlError(f"parameter {parameter.name!r} of {node.get_fully_qualified_name()}: {error}") from None
        parameter.check_choice(value)
        values[parameter.name] = value
    node.table.update({parameter.name: parameter for parameter in table})
    return values


def refuse_fixed(given: Mapping[str, Any], present: Mapping[str, Any], live: frozenset[str]) -> None:
    """Raise AltmarlError where a configured node is given another value of what is not live; a dump can be loaded again."""
    fixed = sorted(name for name, value in given.items() if name not in live and value != present[name])
    if fixed:
        raise AltmarlError(f"{', '.join(fixed)}: read when the node is configured; clean it up before")


def watch(
    node: GuardedNode,
    table: Sequence[Parameter],
    values: dict[str, Any],
    prepare: Callable[[Mapping[str, Any], frozenset[str]], Any],
    apply: Callable[[Any, frozenset[str]], None],
) -> None:
    """Let the parameters of a table that are not read-only be set; a set is taken whole or refused whole.

    `prepare` is given all values as they would be and the names that are set; it makes what the change needs,
    without side effects, or raises AltmarlError with the reason for a refusal. `apply` is handed what it
    made once the parameters are set; `values` is up to date by then.
    """
    by_name = {parameter.name: parameter for parameter in table}
    prepared: list[Any] = []

    def check(parameters: list[RclParameter]) -> SetParametersResult:
        given = {parameter.name: parameter.value for parameter in parameters if parameter.name in by_name}
        prepared.clear()
        try:
            if given:
                prepared.append(prepare({**values, **given}, frozenset(given)))
        except AltmarlError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def take(parameters: list[RclParameter]) -> None:
        given = {parameter.name: parameter.value for parameter in parameters if parameter.name in by_name}
        values.update(given)
        if given:
            apply(prepared.pop(), frozenset(given))

    node.add_on_set_parameters_callback(check)
    node.add_post_set_parameters_callback(take)
