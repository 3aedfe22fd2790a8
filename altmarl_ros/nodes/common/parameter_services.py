"""Lets a node's parameter services wait for files, without letting the node wait.

rclpy's services answer a request when their callback returns, and until then nothing else happens in the node. A set of
parameters that names files is answered later instead: the files are read in a thread, and when they are there, the set is
checked, taken and answered.
"""

from __future__ import annotations

from typing import Any, Callable, Iterable, Protocol, Sequence

from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.node import Node
from rclpy.parameter import Parameter as RclParameter
from rclpy.timer import Timer

from altmarl_ros.errors import AltmarlError
from altmarl_ros.nodes.common.file_reader import FileReader
from altmarl_ros.nodes.common.late_responses import LateResponse, Send, allow_late_responses

Set = Sequence[RclParameter]


class TakesSets(Protocol):
    """What a node does with sets of its parameters."""

    def reads_files(self, names: Iterable[str]) -> bool:
        """Whether files are read where these parameters are set."""

    def file_reader(self, parameters: Set) -> Callable[[], Any]:
        """Return what reads the files of a set, in any thread; it raises AltmarlError with the reason for a refusal."""

    def take_set(self, parameters: Set, files: Any) -> SetParametersResult:
        """Take a set, all or none; `files` is what its reader gave, or the AltmarlError that it raised."""


class ParameterServices:
    """Wraps the services by which other nodes set the parameters of one node."""

    def __init__(self, node: Node, sets: TakesSets) -> None:
        """`node` has the services and is spun; `sets` is the node again, as far as it takes parameters."""
        self._sets, self._reader = sets, FileReader(node)
        for service in list(node.services):
            if service.srv_type is SetParameters:
                self._wrap(service, self._each)
            elif service.srv_type is SetParametersAtomically:
                self._wrap(service, self._together)

    @property
    def timer(self) -> Timer | None:
        """The timer that looks for files that were read; None: nobody waits for any."""
        return self._reader.timer

    def set_later(self, parameters: Set, done: Callable[[SetParametersResult], None]) -> None:
        """Set parameters as a service would, all or none, and call `done` with the result once files are read."""
        self._begin([parameters], lambda results: done(results[0]))

    def _wrap(self, service: Any, later: Callable[[Any, Any], LateResponse]) -> None:
        answer = service.callback

        def callback(request: Any, response: Any) -> Any:
            waits = self._sets.reads_files(parameter.name for parameter in request.parameters)
            return later(request, response) if waits else answer(request, response)

        allow_late_responses(service, callback)

    def _each(self, request: Any, response: Any) -> LateResponse:
        sets = [[RclParameter.from_parameter_msg(parameter)] for parameter in request.parameters]

        def begin(send: Send) -> None:
            def done(results: list[SetParametersResult]) -> None:
                response.results = results
                send(response)

            self._begin(sets, done)

        return LateResponse(begin)

    def _together(self, request: Any, response: Any) -> LateResponse:
        parameters = [RclParameter.from_parameter_msg(parameter) for parameter in request.parameters]

        def begin(send: Send) -> None:
            def done(results: list[SetParametersResult]) -> None:
                response.result = results[0]
                send(response)

            self._begin([parameters], done)

        return LateResponse(begin)

    def _begin(self, sets: Sequence[Set], done: Callable[[list[SetParametersResult]], None]) -> None:
        readers = [self._sets.file_reader(parameters) for parameters in sets]

        def work() -> list[Any]:
            return [_caught(reader) for reader in readers]

        def take(read: Any) -> None:
            found = [read] * len(sets) if isinstance(read, AltmarlError) else read
            done([self._sets.take_set(parameters, files) for parameters, files in zip(sets, found, strict=True)])

        try:
            self._reader.read(work, take)
        except AltmarlError as error:
            take(error)


def _caught(reader: Callable[[], Any]) -> Any:
    try:
        return reader()
    except AltmarlError as error:
        return error
