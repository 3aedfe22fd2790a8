"""How zenoh is to send what a row of the table says."""

from __future__ import annotations

from typing import Any

import zenoh

from altmarl_ros.links.table import Flow


def quality(flow: Flow) -> dict[str, Any]:
    """Return zenoh's arguments for a flow: urgent messages overtake others and are not gathered into larger packets."""
    return {
        "express": flow.urgent,
        "priority": zenoh.Priority.REAL_TIME if flow.urgent else zenoh.Priority.DATA_LOW,
        "congestion_control": zenoh.CongestionControl.DROP if flow.droppable else zenoh.CongestionControl.BLOCK,
    }


def is_wanted(publisher: zenoh.Publisher) -> bool:
    """Whether somebody at another end listens to what a publisher says."""
    status: Any = publisher.matching_status  # its type hint says bool
    return bool(getattr(status, "matching", status))
