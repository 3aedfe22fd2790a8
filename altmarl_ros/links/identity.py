"""Who holds a certificate: a role and an id, which its common name tells.

A common name is `<role>.<id>.<token>`: `robot.7.3f9a01c2` is robot 7, `coordinator.dispatch.b1...` a coordinator and
`operator.anna.09...` an operator. The token is random, so that a renewed certificate has another common name than the one that
was revoked before it: zenoh tells certificates apart by their common names alone.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from typing_extensions import Literal

from altmarl_ros.errors import AltmarlError, shown

Role = Literal["robot", "coordinator", "operator"]
"""What a certificate is for."""

MOST_ID = 2**32 - 1
"""Largest id of a robot."""

_NAME = re.compile(r"[a-z0-9_]{1,32}")
_COMMON_NAME = re.compile(r"(robot|coordinator|operator)\.([a-z0-9_]{1,32})\.([0-9a-f]{8})")
_FILE_NAME = re.compile(r"[A-Za-z0-9_]{1,32}")
_TOKEN_BYTES = 4


@dataclass(frozen=True)
class Identity:
    """Who holds a certificate.

    Attributes:
        role: what the certificate is for.
        id: a robot's id in decimal digits, or the name of a coordinator or an operator.
        token: eight hexadecimal digits, new with every certificate.
    """

    role: Role
    id: str
    token: str

    def __post_init__(self) -> None:
        if not _COMMON_NAME.fullmatch(self.common_name):
            raise AltmarlError(f"{shown(self.common_name)} is no common name of a link: <role>.<id>.<token>")
        if self.role == "robot" and (not self.id.isdecimal() or str(int(self.id)) != self.id or int(self.id) > MOST_ID):
            raise AltmarlError(f"robot id is {shown(self.id)}, must be a whole number in 0..{MOST_ID}")

    @property
    def common_name(self) -> str:
        """The certificate's common name."""
        return f"{self.role}.{self.id}.{self.token}"


def new_identity(role: Role, about: str) -> Identity:
    """Return an identity with a new token; `about` is a robot's id, or a name.

    Raises:
        AltmarlError: `about` is neither.
    """
    if not _NAME.fullmatch(about):
        raise AltmarlError(f"{role} {shown(about)}: must be 1 to 32 small letters, digits and _")
    return Identity(role, about, secrets.token_hex(_TOKEN_BYTES))


def read_common_name(text: str) -> Identity:
    """Read a common name.

    Raises:
        AltmarlError: it is none of a link's.
    """
    found = _COMMON_NAME.fullmatch(text)
    if found is None:
        raise AltmarlError(f"{shown(text)} is no common name of a link: <role>.<id>.<token>")
    role, about, token = found.groups()
    return Identity(role, about, token)  # type: ignore[arg-type]


def check_file_name(name: str) -> str:
    """Return the name of a holder, after which its files are called.

    Raises:
        AltmarlError: it is no such name.
    """
    if not _FILE_NAME.fullmatch(name):
        raise AltmarlError(f"name {shown(name)}: must be 1 to 32 letters, digits and _")
    return name


def id_in_name(name: str) -> int | None:
    """Return the number at the end of a robot's name, such as 7 of `robot_7`; None where there is none."""
    found = re.search(r"(\d{1,10})$", name)
    return int(found.group(1)) if found and int(found.group(1)) <= MOST_ID else None
