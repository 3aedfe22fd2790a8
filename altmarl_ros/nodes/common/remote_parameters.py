"""Reads and sets another node's parameters through its parameter services (rcl_interfaces/srv).

The methods are coroutines of an rclpy executor: `executor.create_task(remote.read())`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Union

from rcl_interfaces.msg import ParameterDescriptor
from rcl_interfaces.srv import DescribeParameters, GetParameters, ListParameters, SetParametersAtomically
from rclpy.exceptions import InvalidTopicNameException
from rclpy.node import Node
from rclpy.parameter import Parameter, parameter_value_to_python
from rclpy.validate_full_topic_name import validate_full_topic_name

from altmarl_ros.errors import AltmarlError, bounds, shown
from altmarl_ros.nodes.common.parameters import choices_in, is_live, range_in

Value = Union[bool, int, float, str]


@dataclass(frozen=True)
class RemoteParameter:
    """One parameter as its node describes it.

    Attributes:
        name: name of the parameter.
        value: present value; None where it is not set, or a list.
        description: description with the unit.
        minimum: smallest number that is accepted; None: any.
        maximum: largest number that is accepted; None: any.
        choices: texts that are accepted; empty: any.
        live: whether the node takes another value while it runs.
    """

    name: str
    value: Any
    description: str
    minimum: float | None
    maximum: float | None
    choices: tuple[str, ...]
    live: bool


@dataclass(frozen=True)
class Answer:
    """The answer to a request: `successful`, or not with the `reason`; a set is taken as a whole or not at all."""

    successful: bool
    reason: str


class RemoteParameters:
    """A client of the parameter services of the node `target`, a fully qualified name such as `/coordinator`."""

    def __init__(self, node: Node, target: str) -> None:
        """`node` holds the service clients."""
        self.target = target
        self._node = node
        self._clients: list[Any] = [
            node.create_client(kind, f"{target}/{name}")
            for kind, name in (
                (ListParameters, "list_parameters"),
                (DescribeParameters, "describe_parameters"),
                (GetParameters, "get_parameters"),
                (SetParametersAtomically, "set_parameters_atomically"),
            )
        ]
        self._list, self._describe, self._get, self._set = self._clients

    @property
    def ready(self) -> bool:
        """Whether the node's parameter services are discovered."""
        return all(client.service_is_ready() for client in self._clients)

    async def read(self) -> tuple[RemoteParameter, ...]:
        """Read all parameters, sorted by name."""
        names = sorted((await self._list.call_async(ListParameters.Request())).result.names)
        descriptors = (await self._describe.call_async(DescribeParameters.Request(names=names))).descriptors
        values = (await self._get.call_async(GetParameters.Request(names=names))).values
        return tuple(
            _remote_parameter(descriptor, parameter_value_to_python(value))
            for descriptor, value in zip(descriptors, values, strict=True)
        )

    async def change(self, values: Mapping[str, Value]) -> Answer:
        """Set several parameters, all or none."""
        request = SetParametersAtomically.Request()
        request.parameters = [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
        result = (await self._set.call_async(request)).result
        return Answer(result.successful, result.reason)

    def destroy(self) -> None:
        """Destroy the service clients."""
        for client in self._clients:
            self._node.destroy_client(client)


def check_node_name(parameter: str, name: str) -> None:
    """Check that a parameter's value can be the fully qualified name of a node.

    Raises:
        AltmarlError: naming the parameter, its value and the rule.
    """
    try:
        validate_full_topic_name(name)
    except InvalidTopicNameException:
        raise AltmarlError(
            f"parameter {parameter!r} is {shown(name)}, must be the full name of a node, such as /coordinator"
        ) from None


def typed(parameter: RemoteParameter, value: Any) -> Value:
    """Convert a value to the parameter's type: a whole number becomes a float where one is needed.

    Raises:
        AltmarlError: the value has another type, is out of range, or is one that no message can carry.
    """
    kind = type(parameter.value)
    where = f"parameter {parameter.name!r} is {shown(value)}"
    if kind is float and type(value) is int:
        try:
            return float(value)
        except OverflowError:
            raise AltmarlError(f"{where}, must be a number that a float can hold") from None
    if type(value) is not kind or kind not in (bool, int, float, str):
        raise AltmarlError(f"{where}, must be of type {kind.__name__}")
    if kind is int and not -(2**63) <= value < 2**63:
        raise AltmarlError(f"{where}, must be a whole number of 64 bits")
    low, high = parameter.minimum, parameter.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        raise AltmarlError(f"{where}, must be {bounds(low, high)}")
    if kind is str and not _can_be_sent(value):
        raise AltmarlError(f"{where}, must be a text without NUL whose characters can be sent as UTF-8")
    return value  # type: ignore[no-any-return]


def _can_be_sent(text: str) -> bool:
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:  # surrogates, by which Python stands for bytes of a command line that are no UTF-8
        return False


def _remote_parameter(descriptor: ParameterDescriptor, value: Any) -> RemoteParameter:
    low, high = range_in(descriptor)
    return RemoteParameter(
        descriptor.name, value, descriptor.description, low, high, choices_in(descriptor), is_live(descriptor)
    )
