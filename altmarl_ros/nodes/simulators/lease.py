"""The parameter by which a simulated world follows the same coordinator as its robots."""

from __future__ import annotations

from altmarl_ros.nodes.common.parameters import Parameter

LEASE = Parameter(
    "coordinator.lease",
    2.0,
    "Silence of the coordinator after which the world follows another one, as its robots do.",
    0.05,
    3600.0,
    unit="s",
)
