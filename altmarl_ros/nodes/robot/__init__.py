"""The robot's node: its subscriptions to the coordinator, and the simulated robot or vehicle through which it acts.

`node` and `many` are its executables; the other modules are its parts, of which `altmarl check` uses those that sense.
"""

__all__: list[str] = []
