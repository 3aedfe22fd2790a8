"""What all nodes share: parameters, life cycle, QoS, clocks, diagnostics, conversions."""
