"""Simulated fleets, by their counts or robot by robot: what a pair of policies earns, and where robots are meanwhile.
Import modules by name: they load compiled loops.
"""

__all__: list[str] = []
