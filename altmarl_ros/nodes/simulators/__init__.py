"""Nodes that simulate robots and the world around them.

`markov_world`, `physical_world` and `crowd` are executables.
"""

__all__: list[str] = []
