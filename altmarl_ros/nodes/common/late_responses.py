"""Lets a service respond later than its callback returns, which rclpy's own do not."""

from __future__ import annotations

from typing import Any, Callable

Send = Callable[[Any], None]
"""Sends the response of a request; called once, in the node's thread."""


class LateResponse:
    """Stands for a response that does not exist yet."""

    def __init__(self, begin: Callable[[Send], None]) -> None:
        """`begin` is given what sends the response, and calls it once there is one."""
        self.begin = begin


def allow_late_responses(service: Any, answer: Callable[[Any, Any], Any] | None = None) -> None:
    """Let the callback of a service return a LateResponse.

    Args:
        service: of rclpy.
        answer: replaces the callback of the service, if given.
    """
    send = service.send_response

    def send_response(response: Any, header: Any) -> None:
        if isinstance(response, LateResponse):
            response.begin(lambda made: send(made, header))
        else:
            send(response, header)

    service.callback, service.send_response = answer or service.callback, send_response
