"""Who may look and who may change something.

Against DNS rebinding a request must be addressed to an IP address, to `localhost`, or to a name that this server was told;
no other name can be made to point here by somebody's name server. Against other sites' scripts the Origin of a WebSocket,
which browsers always send, must be the address itself.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from altmarl_ros.errors import AltmarlError

LEAST_TOKEN = 16
"""Characters that a token must have."""


@dataclass(frozen=True)
class Access:
    """The rules of one server.

    Attributes:
        host: that it is bound to.
        token: that control needs; empty: nobody has control.
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
        """Whether a request is addressed to this server."""
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
        """Whether a WebSocket is opened by our own page, or by no page."""
        if origin is None:
            return True
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        return parts.scheme in ("http", "https") and parts.netloc.lower() == host_header.lower()

    def unlocks(self, token: str) -> bool:
        """Whether this is the token; takes as long for every wrong one."""
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
