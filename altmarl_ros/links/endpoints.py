"""Where links listen and dial: a host, and if need be port and protocol."""

from __future__ import annotations

import re
import socket

from altmarl_ros.errors import AltmarlError, shown

DEFAULT_PORT = 7447
"""Port at which a coordinator's link listens."""

_ENDPOINT = re.compile(r"(?:(tls|quic)/)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::(\d{1,5}))?")


def check_reachable(endpoint: str, timeout: float) -> None:
    """Knock at a zenoh endpoint, since zenoh itself waits for long where packets vanish.

    Raises:
        OSError: nobody answers within `timeout` [s]; QUIC has no answer, and is not tried.
    """
    protocol, _, where = endpoint.partition("/")
    host, _, port = where.rpartition(":")
    if protocol == "tls":
        socket.create_connection((host.strip("[]"), int(port)), timeout).close()


def read_endpoint(text: str) -> str:
    """Return a zenoh endpoint, `<protocol>/<host>:<port>`, where protocol (tls or quic) and port may be left out.

    Raises:
        AltmarlError: it is none, or its protocol has no certificates.
    """
    found = _ENDPOINT.fullmatch(text.strip())
    if found is None or int(found.group(3) or 1) not in range(1, 65536):
        raise AltmarlError(f"endpoint {shown(text)}: must be HOST, HOST:PORT or tls/HOST:PORT (or quic/), as 192.168.1.10:7447")
    return f"{found.group(1) or 'tls'}/{found.group(2)}:{found.group(3) or DEFAULT_PORT}"


def split_endpoint(text: str) -> tuple[str, int]:
    """Return host and port of an endpoint at which a front can listen.

    Raises:
        AltmarlError: it is none, or not of TLS over TCP.
    """
    protocol, _, where = read_endpoint(text).partition("/")
    if protocol != "tls":
        raise AltmarlError(
            f"endpoint {shown(text)}: a link that is guarded or has datagrams listens over TLS alone, not over {protocol}"
        )
    host, _, port = where.rpartition(":")
    return host.strip("[]"), int(port)


def free_port(host: str) -> int:
    """Return a TCP port that is free now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
