"""The `link` executable: bridges the ROS network of this machine and a thin link, and nothing but the table crosses."""

from __future__ import annotations

from typing import Any, Sequence

from altmarl_ros.errors import AltmarlError
from altmarl_ros.links.keys import load_credentials
from altmarl_ros.nodes.common.diagnostics import Diagnostics
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.nodes.common.guarded import GuardedNode
from altmarl_ros.nodes.common.parameter_sets import declare
from altmarl_ros.nodes.common.running import run
from altmarl_ros.nodes.link.coordinator_side import CoordinatorSide
from altmarl_ros.nodes.link.field_side import FieldSide
from altmarl_ros.nodes.link.parameters import PARAMETERS, keys_folder


class LinkNode(GuardedNode):
    """One end of a thin link; the certificate says which: a coordinator's listens, a robot's and an operator's dial.

    Topics: see `CoordinatorSide` and `FieldSide`, and /diagnostics.
    Services: those of its parameters.
    Parameters: `PARAMETERS`.
    """

    def __init__(self) -> None:
        super().__init__("link")
        values: dict[str, Any] = declare(self, PARAMETERS)
        if not values["keys.name"]:
            raise AltmarlError("parameter 'keys.name' is missing: it names the certificate, as `altmarl keys list` does")
        credentials = load_credentials(keys_folder(values), values["keys.name"])
        side = CoordinatorSide if credentials.identity.role == "coordinator" else FieldSide
        self._side: CoordinatorSide | FieldSide = side(self, values, credentials)
        make = Endpoints(self)
        Diagnostics(self, make, values["diagnostics.period"], values["fleet_prefix"], self._side.findings)

    def drain(self, timeout: float) -> None:
        """Let the last words arrive, at most `timeout` [s], and hang up."""
        self._side.drain(timeout)
        self._side.close()


def main(args: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(lambda: [LinkNode()], args)


if __name__ == "__main__":
    raise SystemExit(main())
