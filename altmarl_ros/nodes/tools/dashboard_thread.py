"""Spins the dashboard's node in a thread, beside the web server."""

from __future__ import annotations

import threading

from altmarl_ros.nodes.common.running import make_executor
from altmarl_ros.nodes.tools.dashboard import DashboardNode

_SPIN = 0.02  # s of spinning at a time
_STOP_TIMEOUT = 5.0  # s


class NodeThread:
    """The thread that spins the node; `failure` is the error that ended it, None while all is well."""

    def __init__(self, node: DashboardNode) -> None:
        self._node = node
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._spin, name="dashboard node", daemon=True)
        self.failure: BaseException | None = None

    def start(self) -> None:
        """Start spinning."""
        self._thread.start()

    def stop(self) -> None:
        """Stop spinning and destroy the node."""
        self._stopping.set()
        self._thread.join(_STOP_TIMEOUT)
        self._node.destroy_node()

    def _spin(self) -> None:
        executor = make_executor()
        executor.add_node(self._node)
        try:
            while not self._stopping.is_set():
                self._node.work(executor)
                executor.spin_once(timeout_sec=_SPIN)
        except Exception as error:  # the web server polls `failure`, reports it and ends
            self.failure = error
        finally:
            executor.shutdown(timeout_sec=1.0)
