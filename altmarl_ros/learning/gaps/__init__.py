"""What either side could still gain by another policy: the NashGap by enumeration or by sampling, and its candidates.
Import modules by name: they load the compiled solver.
"""

__all__: list[str] = []
