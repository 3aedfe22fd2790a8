"""A simulated floor: robots on wheels, their sensors, batteries and faults."""
