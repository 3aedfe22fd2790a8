"""Nodes of operators, which observe a fleet: recorder, dashboard, markers, probes, parameters of other nodes.

Commands import their modules by name; `visualization` is an executable.
"""

__all__: list[str] = []
