"""The services of a link itself: measuring the link, and checking the robot beside it as `altmarl check` does there."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from statistics import median
from typing import Callable, Sequence

from std_srvs.srv import Trigger

from altmarl_ros.deployment import Check
from altmarl_ros.links.field_end import FieldEnd

_ECHOES, _ECHO_PERIOD, _ECHO_TIMEOUT, _ECHO_BYTES = 30, 0.1, 1.0, 120  # a tick's size
_LOST = 0.01  # share of lost echoes that a healthy link stays under
_CHECK_TIMEOUT = 45.0  # s
_MOST_BYTES = 1 << 18

Respond = Callable[[Trigger.Response], None]


class OneAtATime:
    """Runs a service in a thread of its own, and refuses a second call meanwhile."""

    def __init__(self, work: Callable[[str], Trigger.Response]) -> None:
        """`work` is given the node in whose name the service is called."""
        self._work, self._busy = work, threading.Lock()

    def __call__(self, node: str, respond: Respond) -> None:
        """Answer a call, from a thread."""
        if not self._busy.acquire(blocking=False):
            respond(Trigger.Response(success=False, message="is busy with another call of the same kind: try again"))
            return

        def run() -> None:
            try:
                response = self._work(node)
            except Exception as error:  # whatever it is, the next call must be possible
                response = Trigger.Response(success=False, message=f"failed: {type(error).__name__}: {str(error)[:200]}")
            finally:
                self._busy.release()
            respond(response)

        threading.Thread(target=run, daemon=True).start()


def link_checks(ends: Sequence[FieldEnd]) -> list[Check]:
    """Measure the way to the coordinator's link and back, for each endpoint."""
    return [_measure(end) for end in ends]


def checks_response(checks: Sequence[Check]) -> Trigger.Response:
    """Return checks as a response, whose message is a JSON list of them."""
    passed = all(check.state != "failed" for check in checks)
    return Trigger.Response(success=passed, message=json.dumps([asdict(check) for check in checks]))


def check_robot(node: str) -> Trigger.Response:
    """Run `altmarl check` on this machine, for the robot of a node such as /robot_7/robot."""
    command = [sys.executable, "-m", "altmarl_ros.cli.main", "check", node.rpartition("/")[0].strip("/"), "--json"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_CHECK_TIMEOUT, env=dict(os.environ), check=False)
    except subprocess.TimeoutExpired:
        return Trigger.Response(success=False, message=f"altmarl check did not end within {_CHECK_TIMEOUT:g} s")
    output = done.stdout[:_MOST_BYTES].decode(errors="replace").strip()
    if not output.startswith("["):
        told = done.stderr.decode(errors="replace").strip().splitlines()
        return Trigger.Response(success=False, message=f"altmarl check: {told[-1][:300] if told else 'says nothing'}")
    return Trigger.Response(success=done.returncode == 0, message=output)


def _measure(end: FieldEnd) -> Check:
    name = f"link to {end.endpoint}"
    if not end.linked:
        return Check(name, "failed", end.refusal or "connected, and nothing is heard", "see `link` in /diagnostics")
    since, delays = end.heard_since, []
    for i in range(_ECHOES):
        began = time.monotonic()
        delay = end.echo(_ECHO_BYTES, _ECHO_TIMEOUT)
        if delay is not None:
            delays.append(delay)
        if i + 1 < _ECHOES:
            time.sleep(max(0.0, began + _ECHO_PERIOD - time.monotonic()))
    detail = f"{len(delays)} of {_ECHOES} messages of {_ECHO_BYTES} bytes came back within {_ECHO_TIMEOUT:g} s"
    if delays:
        worst = sorted(delays)[math.ceil(0.99 * len(delays)) - 1]
        detail += f", in {1e3 * median(delays):.1f} ms (p50), {1e3 * worst:.1f} ms (p99)"
    detail += f"; coordinator heard for {time.monotonic() - since:.0f} s" if since is not None else "; no coordinator is heard"
    if len(delays) < (1.0 - _LOST) * _ECHOES:
        return Check(name, "failed", detail, "the link is too slow, too full or loses too much: see docs/how-to/thin-links.md")
    return Check(name, "ok" if since is not None else "warning", detail, "" if since is not None else "start the coordinator")
