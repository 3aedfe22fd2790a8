"""The coordinator's node: its ticks, its policy announcements, its standby and its plant.

`node` is its executable; the other modules are its parts.
"""

__all__: list[str] = []
