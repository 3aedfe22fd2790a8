"""What all nodes share: parameters, life cycle, QoS, clocks, diagnostics, conversions.

Import modules by name, one concept each.
"""

__all__: list[str] = []
