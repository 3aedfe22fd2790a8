"""The parameters of one node: declared from its table, and set as a whole or not at all."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

from rcl_interfaces.msg import SetParametersResult
from rclpy.exceptions import ParameterException
from rclpy.parameter import Parameter as RclParameter

from altmarl_ros.errors import AltmarlError
from altmarl_ros.nodes.common.allowed_paths import AllowedPaths
from altmarl_ros.nodes.common.guarded import GuardedNode
from altmarl_ros.nodes.common.parameters import Parameter


def declare(node: GuardedNode, table: Sequence[Parameter], managed: bool = False) -> dict[str, Any]:
    """Declare all parameters of a table and return their values by name.

    `managed`: the node has a life cycle (see Parameter.descriptor).

    Raises:
        AltmarlError: naming the parameter whose given value has the wrong type or is out of range.
    """
    values: dict[str, Any] = {}
    for parameter in table:
        if node.has_parameter(parameter.name):  # declared without a descriptor, by a node that declares all that it is given
            node.undeclare_parameter(parameter.name)
        try:
            value: Any = node.declare_parameter(parameter.name, parameter.default, parameter.descriptor(managed)).value
        except ParameterException as error:
            raise AltmarlError(f"parameter {parameter.name!r} of {node.get_fully_qualified_name()}: {error}") from None
        parameter.check_choice(value)
        values[parameter.name] = value
    node.table.update({parameter.name: parameter for parameter in table})
    node.paths = AllowedPaths(table, values, managed)
    return values


def refuse_fixed(given: Mapping[str, Any], present: Mapping[str, Any], live: frozenset[str]) -> None:
    """Refuse another value of a parameter that is not live; the present value is accepted, so a dump can be loaded again.

    Raises:
        AltmarlError: naming the parameters that a configured node does not change.
    """
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
    """Accept sets of the table's parameters that are not read-only; a set is taken whole or refused whole.

    Args:
        node: the node that declared the table.
        table: its parameters.
        values: the present values by name; they are kept up to date.
        prepare: gets all values as they would be and the names that are set. It makes what the change needs, without side
            effects, or raises AltmarlError with the reason for a refusal. What it needs of files comes from
            `node.files_read`.
        apply: gets what `prepare` made, and the names, once the parameters are set and `values` is up to date.
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
