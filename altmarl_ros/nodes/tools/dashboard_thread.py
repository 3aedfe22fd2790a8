"""Spins the dashboard's node beside the web server."""

from __future__ import annotations

import threading

from altmarl_ros.nodes.common.running import make_executor
from altmarl_ros.nodes.tools.dashboard import DashboardNode

_SPIN = 0.02  # s
_PATIENCE = 5.0  # s


class NodeThread:
    """A thread of the node's own. `failure` is why it ended before it was told to, None while all is well."""

    def __init__(self, node: DashboardNode) -> None:
        self._node = node
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._spin, name="dashboard node", daemon=True)
        self.failure: BaseException | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and let go of the node."""
        self._stopping.set()
        self._thread.join(_PATIENCE)
        self._node.destroy_node()

    def _spin(self) -> None:
        executor = make_executor()
        executor.add_node(self._node)
        try:
            while not self._stopping.is_set():
                self._node.work(executor)
                executor.spin_once(timeout_sec=_SPIN)
        except Exception as error:  # the web server tells of it and ends
            self.failure = error
        finally:
            executor.shutdown(timeout_sec=1.0)
