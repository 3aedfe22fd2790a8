"""Decides who may look at the dashboard and who may change something.

Against DNS rebinding, a request must be addressed to an IP address, to `localhost`, or to a name that the server was
started with, since an attacker's name server can make any other name point here. Against scripts of other sites, the Origin
of a WebSocket, which browsers always send, must be the server's own address.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from altmarl_ros.errors import AltmarlError

LEAST_TOKEN = 16
"""Least number of characters of a token."""


@dataclass(frozen=True)
class Access:
    """The access rules of one server.

    Attributes:
        host: address that the server is bound to.
        token: token that gives control; empty: nobody gets control.
        names: further names of this machine.
    """

    host: str
    token: str
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.token and (len(self.token) < LEAST_TOKEN or not self.token.isascii() or not self.token.isprintable()):
            raise AltmarlError(f"the token must have at least {LEAST_TOKEN} printable ASCII characters")

    @property
    def local(self) -> bool:
        """Whether only this machine can reach the server."""
        return _is_loopback(self.host)

    def addressed(self, host_header: str) -> bool:
        """Tell from a request's Host header whether the request is addressed to this server."""
        name = _host_of(f"//{host_header}")
        if not name:
            return False
        if name in ("localhost", self.host.lower(), *(other.lower() for other in self.names)):
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or not self.local

    def same_origin(self, origin: str | None, host_header: str) -> bool:
        """Tell whether a WebSocket is opened by our own page, or by a program that is no browser (which sends no Origin)."""
        if origin is None:
            return True
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        return parts.scheme in ("http", "https") and parts.netloc.lower() == host_header.lower()

    def unlocks(self, token: str) -> bool:
        """Tell whether a token gives control, in a time that does not depend on how much of it is right."""
        digests = (hashlib.sha256(text.encode(errors="replace")).digest() for text in (token, self.token))
        return hmac.compare_digest(*digests) and bool(self.token)


def _host_of(url: str) -> str:
    try:
        parts = urlsplit(url)
        return "" if parts.username is not None or parts.path else (parts.hostname or "").lower()
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
