"""A simulated floor: robots on wheels, their sensors, batteries and hardware faults."""

from altmarl_ros.simulation.physical.config import PhysicalConfig
from altmarl_ros.simulation.physical.faults import Fault, FaultKind, read_faults
from altmarl_ros.simulation.physical.world import PhysicalWorld

__all__ = ["Fault", "FaultKind", "PhysicalConfig", "PhysicalWorld", "read_faults"]
